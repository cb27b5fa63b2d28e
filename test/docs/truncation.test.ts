import { docsTest } from '../helpers/docs.js';

docsTest('docs/truncation.md');
