import fc from 'fast-check';
import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import type { Random } from '../../src/random.js';
import { cellKinds, randomInput } from './models.js';

/** Networks of one to three layers of any cells, with every kind of input and output. */
export const networks = (largest = 9): fc.Arbitrary<ModelConfig> =>
  fc.record({
    input: fc.record({
      kind: fc.constantFrom('token' as const, 'features' as const),
      size: fc.integer({ min: 1, max: largest }),
    }),
    layers: fc.array(
      fc.record({
        cell: fc.constantFrom(...cellKinds),
        size: fc.integer({ min: 1, max: largest }),
        initialization: fc.constant('pytorch' as const),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    output: fc.record({
      kind: fc.constantFrom('classes' as const, 'labels' as const, 'values' as const, 'gaussian' as const),
      size: fc.integer({ min: 1, max: largest }),
    }),
    skip: fc.boolean(),
  });

/** The seed of everything that a property draws by itself. */
export const seeds: fc.Arbitrary<number> = fc.nat(1_000_000);

const odd = [0, -0, 1e-40, -1e-39, 2 ** -61, -(2 ** -60), 1e4, -1e4, 1e-20];

/** Inputs as they may come: normal, none at all, subnormal, zero of either sign, large. */
export function anyInput(random: Random, model: { config: ModelConfig }): Input | null {
  if (random.uniform() < 0.05) return null;
  const input = randomInput(random, model);
  if (typeof input === 'number') return input;
  return input.map(x => (random.uniform() < 0.1 ? odd[random.integer(odd.length)] : x));
}

/** The numbers from 0 to below n, in a drawn order. */
export function shuffled(random: Random, n: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
