import { createModel, type TrainableModel } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import { createRandom } from '../../src/random.js';
import { bits } from './bits.js';
import { config } from './models.js';

/** A small network for tests of operators: a GRU of 5 units, 3 features to 2 values. */
export const sampleModel = (): Promise<TrainableModel<Float32Array>> =>
  createModel(config('gru', [5]), { seed: 7 }) as Promise<TrainableModel<Float32Array>>;

/** The same rows each time. */
export function rows(count: number, size = 3, seed = 11): Float32Array[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => Float32Array.from({ length: size }, () => random.normal()));
}

/** A step in a form that compares by bits. */
export function showStep({ logits, prediction, carry }: Step) {
  return { logits: bits(logits), prediction: bits(prediction), carry: bits(carry) };
}
