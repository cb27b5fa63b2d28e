// The build that is measured: the one of this checkout, or of the folder that EDDY_DIST names.
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const dist = process.env.EDDY_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));

const load = path => import(pathToFileURL(resolve(dist, 'src', path)).href);

export const { createModel, createRandom, createTrainer } = await load('index.js');
export const { step, tbptt } = await load('operators/index.js');
export const { forward } = await load('model/network.js');
export const { createActivations } = await load('model/activations.js');

/** One LSTM layer and a softmax. */
export function lstmConfig(inputs, hidden, classes) {
  return {
    input: { kind: 'features', size: inputs },
    layers: [{ cell: 'lstm', size: hidden }],
    output: { kind: 'classes', size: classes },
  };
}

/** `count` rows of standard normals, the same in every run. */
export function drawInputs(count, size, seed = 1) {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: size }, () => random.normal()));
}
