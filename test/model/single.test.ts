import test from 'ava';
import type { CellKind } from '../../src/cells/cell.js';
import { InputError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import { carryLayout } from '../../src/model/carry.js';
import type { ModelConfig } from '../../src/model/config.js';
import { buildModel, createModel } from '../../src/model/model.js';
import { createSingle } from '../../src/model/single.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomInput } from '../helpers/models.js';

const mixed = (cells: readonly [CellKind, number][], rest: Partial<ModelConfig> = {}): ModelConfig => ({
  ...config('gru', [4]),
  layers: cells.map(([cell, size]) => ({ cell, size, initialization: 'pytorch' as const })),
  ...rest,
});

const lying: Record<string, ModelConfig> = {
  ...Object.fromEntries(cellKinds.map(cell => [cell, config(cell, [8])])),
  'two layers of one size': config('lstm', [8, 8], undefined, { kind: 'classes', size: 5 }),
  'layers of several sizes and cells': mixed([
    ['lstm', 8],
    ['gru', 12],
    ['rnn_tanh', 4],
  ]),
  'tokens, and each layer read': config('gru', [4, 8], { kind: 'token', size: 7 }, { kind: 'labels', size: 3 }, true),
  'outputs of another width': config('lstm', [4], undefined, { kind: 'gaussian', size: 3 }),
};

const others: Record<string, ModelConfig> = {
  'a size that is padded': config('lstm', [8, 6]),
  'sizes with little in common': mixed([
    ['gru', 4 * 31],
    ['gru', 4 * 37],
    ['gru', 4 * 41],
  ]),
};

for (const [name, made] of Object.entries({ ...lying, ...others })) {
  test(`a step alone has the bits of a batch: ${name}`, async t => {
    const singles = {
      simd: await createModel(made, { seed: 3 }),
      float32: buildModel(createReference('float32'), made, 3),
    };
    const double = buildModel(createReference('float64'), made, 3);
    for (const model of [singles.simd, singles.float32, double]) {
      const random = createRandom(4);
      let carry = model.zeroCarry();
      const emitted: { array: Float32Array; was: Float32Array }[] = [];
      for (let i = 0; i < 6; i++) {
        const input = randomInput(random, model);
        const [expected] = model.stepMany([carry], [input]);
        const step = model.step(carry, input);
        for (const part of ['logits', 'prediction', 'carry'] as const) {
          t.is(step[part].constructor, expected[part].constructor);
          t.is(step[part].length, expected[part].length);
          t.is(firstDifference(step[part], expected[part]), -1, `${part} of step ${i}`);
          emitted.push({ array: step[part], was: step[part].slice() });
        }
        carry = step.carry;
        // The memory moves.
        model.network.kernels.arena.reserve(1 << (12 + i));
      }
      for (const { array, was } of emitted) t.is(firstDifference(array, was), -1, 'what was emitted has changed');
    }
  });
}

test('it lies as a carry does, unless sizes are padded or too different', async t => {
  const lies = async (made: ModelConfig) =>
    createSingle((await createModel(made)).network, carryLayout(made)) !== undefined;
  for (const [name, made] of Object.entries(lying)) t.true(await lies(made), name);
  for (const [name, made] of Object.entries(others)) t.false(await lies(made), name);
});

test('a carry or an input that is not finite is told with its place, and the next step is as if it had not come', async t => {
  const model = await createModel(config('lstm', [4, 4]), { seed: 6 });
  const carry = model.step(model.zeroCarry(), Float32Array.of(1, 2, 3)).carry;
  const expected = model.step(carry, Float32Array.of(3, 2, 1));
  const bad = carry.slice();
  bad[9] = Number.POSITIVE_INFINITY;
  t.throws(() => model.step(bad, Float32Array.of(3, 2, 1)), { instanceOf: InputError, message: /carry\[9\]/ });
  t.throws(() => model.step(carry, Float32Array.of(3, Number.NaN, 1)), {
    instanceOf: InputError,
    message: /input\[1\]/,
  });
  const step = model.step(carry, Float32Array.of(3, 2, 1));
  t.is(firstDifference(step.carry, expected.carry), -1);
  t.is(firstDifference(step.logits, expected.logits), -1);
});
