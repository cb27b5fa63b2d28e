// eddy as `eddy serve` starts it: a GRU-64 on 40 numbers, 10 classes. EDDY_DIST measures another build.
import { pathToFileURL } from 'node:url';
import { answerToParent } from './child.js';

const dist = process.env.EDDY_DIST
  ? pathToFileURL(`${process.env.EDDY_DIST}/`)
  : new URL('../../dist/', import.meta.url);
const { createModel } = await import(new URL('src/index.js', dist).href);
const { serve } = await import(new URL('src/server/index.js', dist).href);
// Older builds have none.
const heap = await import(new URL('src/cli/heap.js', dist).href).catch(() => undefined);
heap?.letHeapGrow();

const model = await createModel(
  {
    input: { kind: 'features', size: 40 },
    layers: [{ cell: 'gru', size: 64 }],
    output: { kind: 'classes', size: 10 },
  },
  { seed: 1 },
);
/** For those that learn: the target of a step is the next row. */
const forecaster = await createModel(
  {
    input: { kind: 'features', size: 40 },
    layers: [{ cell: 'gru', size: 64 }],
    output: { kind: 'values', size: 40 },
  },
  { seed: 1 },
);
const bounds = JSON.parse(process.env.EDDY_SERVE ?? '{}');
// The load of a benchmark is what the bound on the rate keeps out.
const server = await serve({ default: model, forecaster }, { messageRate: 10_000_000, ...bounds });
answerToParent(server.port);
