import { docsTest } from '../helpers/docs.js';

docsTest('docs/training.md');
