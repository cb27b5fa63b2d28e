import { docsTest } from '../helpers/docs.js';

docsTest('docs/forecasting.md');
