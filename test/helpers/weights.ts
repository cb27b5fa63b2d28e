import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import { createRandom } from '../../src/random.js';

/** n numbers uniform on [-scale, scale), the same for the same seed. */
export function uniform(n: number, seed: number, scale = 1): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: n }, () => (2 * random.uniform() - 1) * scale);
}

/** The n × n identity, row-major. */
export function identity(n: number): Float32Array {
  return Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
}

type Nested = number | readonly Nested[];

/** A tensor of nested lists of numbers, as JSON files have them. */
export function tensorOfNested(nested: Nested): Tensor {
  const shape: number[] = [];
  for (let level = nested; typeof level !== 'number'; level = level[0]) shape.push(level.length);
  const flat = shape.length === 0 ? [nested] : (nested as number[]).flat(shape.length - 1);
  return tensorOf(Float32Array.from(flat as number[]), shape);
}
