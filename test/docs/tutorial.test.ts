import { docsTest } from '../helpers/docs.js';

docsTest('docs/tutorial.md');
