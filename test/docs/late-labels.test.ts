import { docsTest } from '../helpers/docs.js';

docsTest('docs/late-labels.md');
