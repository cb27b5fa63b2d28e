import { docsTest } from '../helpers/docs.js';

docsTest('README.md');
