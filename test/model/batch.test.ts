import test from 'ava';
import { InputError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import { buildModel, createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomInput } from '../helpers/models.js';

for (const cell of cellKinds) {
  for (const kernels of ['simd', 'float32', 'float64'] as const) {
    test(`moveMany shows the bits of stepMany, and the carries have moved: ${cell} on ${kernels}`, async t => {
      const made = config(cell, [5, 3], undefined, { kind: 'classes', size: 4 });
      const model =
        kernels === 'simd' ? await createModel(made, { seed: 3 }) : buildModel(createReference(kernels), made, 3);
      const random = createRandom(4);
      const carries = Array.from({ length: 9 }, () => model.zeroCarry());
      // Grows, shrinks, and finds its memory moved.
      for (const count of [1, 9, 2, 9, 5]) {
        const some = carries.slice(0, count);
        const inputs = some.map(() => randomInput(random, model));
        const expected = model.stepMany(some, inputs);
        const steps = model.moveMany(some, inputs);
        t.true(steps.length >= count);
        for (let i = 0; i < count; i++) {
          for (const part of ['logits', 'prediction', 'carry'] as const)
            t.is(firstDifference(steps[i][part], expected[i][part]), -1, `${part} of ${i} among ${count}`);
          t.is(steps[i].carry, some[i]);
        }
        model.network.kernels.arena.reserve(1 << 18);
      }
    });
  }
}

test('moveMany shows what is there: the next call changes it', async t => {
  const model = await createModel(config('gru', [4]), { seed: 5 });
  const carry = model.zeroCarry();
  const [{ logits }] = model.moveMany([carry], [Float32Array.of(1, 2, 3)]);
  const before = logits.slice();
  model.moveMany([carry], [Float32Array.of(-3, 1, 0)]);
  t.not(firstDifference(logits, before), -1);
});

test('an input that is not finite moves nothing', async t => {
  const model = await createModel(config('lstm', [4]), { seed: 6 });
  const carries = [model.zeroCarry(), model.zeroCarry()];
  model.moveMany(carries, [Float32Array.of(1, 2, 3), Float32Array.of(3, 2, 1)]);
  const before = carries.map(carry => carry.slice());
  t.throws(() => model.moveMany(carries, [Float32Array.of(1, 2, 3), Float32Array.of(0, Number.NaN, 0)]), {
    instanceOf: InputError,
    message: /input\[1\]/,
  });
  for (let i = 0; i < carries.length; i++) t.is(firstDifference(carries[i], before[i]), -1);
  t.throws(() => model.moveMany(carries, [Float32Array.of(1, 2, 3)]), { instanceOf: InputError });
  // Of more places, only the first are meant.
  const [{ carry }] = model.moveMany(carries, [Float32Array.of(1, 2, 3), undefined as never], 1);
  t.is(carry, carries[0]);
  t.not(firstDifference(carries[0], before[0]), -1);
  t.is(firstDifference(carries[1], before[1]), -1);
});

test('each number of an input is looked at', async t => {
  for (const size of [1, 3, 4, 5, 9]) {
    const model = await createModel(config('gru', [2], { kind: 'features', size }));
    t.notThrows(() => model.checkInput(new Float32Array(size).fill(3.4e38)));
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let at = 0; at < size; at++) {
        const input = new Float32Array(size).fill(-3.4e38);
        input[at] = value;
        t.throws(() => model.checkInput(input), { instanceOf: InputError, message: new RegExp(`input\\[${at}\\]`) });
      }
    }
  }
});
