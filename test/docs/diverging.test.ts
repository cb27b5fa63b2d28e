import { docsTest } from '../helpers/docs.js';

docsTest('docs/diverging.md');
