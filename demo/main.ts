import 'uplot/dist/uPlot.min.css';
import { createStatus } from './parts/status.js';
import { pages } from './shell/pages.js';
import { startShell } from './shell/shell.js';

startShell(pages, createStatus(document.getElementById('status')!));
