import 'uplot/dist/uPlot.min.css';
import { startSense } from './live/sense.js';
import { startType } from './live/type.js';
import { createStatus } from './parts/status.js';

const status = createStatus(document.getElementById('status')!);
startSense(status);
startType(status);
