import { docsTest } from '../helpers/docs.js';

docsTest('docs/sound.md');
