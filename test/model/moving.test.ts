import test from 'ava';
import fc from 'fast-check';
import { InputError, LimitError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import type { Carry } from '../../src/model/carry.js';
import type { Input } from '../../src/model/input.js';
import { buildModel, createModel, type TrainableModel } from '../../src/model/model.js';
import type { Run } from '../../src/model/moving.js';
import type { Step } from '../../src/model/transfer.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomInput } from '../helpers/models.js';

/** The run of these inputs, with others before and behind. */
function runOf(model: TrainableModel, carry: Carry, inputs: readonly Input[], around = 0): Run {
  const { kind, size } = model.config.input;
  const from = around;
  const count = inputs.length;
  if (kind === 'token') {
    const others = Array(around).fill(0);
    return { carry, inputs: [...others, ...(inputs as number[]), ...others], from, count };
  }
  const rows = new Float32Array((count + 2 * around) * size).fill(0.5);
  inputs.forEach((row, i) => {
    rows.set(row as Float32Array, (from + i) * size);
  });
  return { carry, inputs: rows, from, count };
}

function stepsAlone(model: TrainableModel, carry: Carry, inputs: readonly Input[]): Step[] {
  let current = carry;
  return inputs.map(input => {
    const step = model.step(current, input);
    current = step.carry;
    return step;
  });
}

const wide = { kind: 'features', size: 17 } as const;

for (const cell of cellKinds) {
  for (const kernels of ['simd', 'float32', 'float64'] as const) {
    for (const input of [undefined, wide, { kind: 'token', size: 5 } as const]) {
      test(`moveMany gives the bits of steps alone: ${cell} on ${kernels}, ${input?.kind ?? 'few features'} ${input?.size ?? ''}`, async t => {
        const made = config(cell, [5, 3], input, { kind: 'classes', size: 4 });
        const model =
          kernels === 'simd' ? await createModel(made, { seed: 3 }) : buildModel(createReference(kernels), made, 3);
        const random = createRandom(4);
        const carries = Array.from({ length: 9 }, () => model.zeroCarry());
        // Streams come and go, make from no step to some, and find that the memory has moved.
        for (const counts of [[1], [3, 1, 2, 2, 0, 3, 1, 1, 4], [2, 5], [1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 4, 4]]) {
          const inputs = counts.map(count => Array.from({ length: count }, () => randomInput(random, model)));
          const expected = inputs.map((own, i) => stepsAlone(model, carries[i].slice(), own));
          const before = carries.map(carry => carry.slice());
          const moved = model.moveMany(
            inputs.map((own, i) => runOf(model, carries[i], own, i % 3)),
            counts.length,
          );
          counts.forEach((count, i) => {
            t.is(moved[i].made, count);
            t.is(moved[i].refused ?? moved[i].failed, undefined);
            for (let time = 0; time < count; time++) {
              for (const part of ['logits', 'prediction'] as const)
                t.is(firstDifference(moved[i].steps[time][part], expected[i][time][part]), -1, `${part} of ${i}`);
              t.is(moved[i].steps[time].carry, carries[i]);
            }
            t.is(firstDifference(carries[i], expected[i].at(-1)?.carry ?? before[i]), -1, `the carry of ${i}`);
          });
          model.network.kernels.arena.reserve(1 << 18);
        }
      });
    }
  }
}

test('moveMany shows what is there: the next call changes it', async t => {
  const model = await createModel(config('gru', [4]), { seed: 5 });
  const carry = model.zeroCarry();
  const [{ steps }] = model.moveMany([runOf(model, carry, [Float32Array.of(1, 2, 3)])]);
  const { logits } = steps[0];
  const before = logits.slice();
  model.moveMany([runOf(model, carry, [Float32Array.of(-3, 1, 0)])]);
  t.not(firstDifference(logits, before), -1);
});

const badTokens = [9, -1, 0.5, Number.NaN];

for (const kind of ['features', 'token'] as const) {
  test(`a wrong input ends the run of its own stream before it, and the next run begins there: ${kind}`, async t => {
    const input = kind === 'token' ? ({ kind, size: 5 } as const) : ({ kind, size: 3 } as const);
    const model = await createModel(config('lstm', [6], input), { seed: 6 });
    const random = createRandom(7);
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }),
        wrong => {
          const inputs = wrong.map(list =>
            list.map((isWrong, i): Input => {
              if (!isWrong) return randomInput(random, model);
              if (kind === 'token') return badTokens[i % badTokens.length];
              return Float32Array.of(0, 1, 2).map((value, at) => (at === i % 3 ? Number.NaN : value));
            }),
          );
          const carries = wrong.map(() => model.zeroCarry().map(() => random.normal()));
          const before = carries.map(carry => carry.slice());
          const moved = model.moveMany(inputs.map((own, i) => runOf(model, carries[i], own, 1)));
          wrong.forEach((list, i) => {
            const right = list.includes(true) ? list.indexOf(true) : list.length;
            const expected = stepsAlone(model, before[i], inputs[i].slice(0, right));
            t.is(moved[i].made, right);
            t.is(firstDifference(carries[i], expected.at(-1)?.carry ?? before[i]), -1);
            for (let time = 0; time < right; time++)
              t.is(firstDifference(moved[i].steps[time].logits, expected[time].logits), -1);
            if (right === list.length) {
              t.is(moved[i].refused, undefined);
            } else {
              const alone = t.throws(() => model.checkInput(inputs[i][right]), { instanceOf: InputError });
              t.deepEqual([moved[i].refused?.message, moved[i].refused?.index], [alone?.message, alone?.index]);
            }
          });
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
}

test('a carry that is wrong fails alone', async t => {
  const model = await createModel(config('gru', [4]), { seed: 8 });
  const input = Float32Array.of(1, 2, 3);
  const carries = [model.zeroCarry(), Float32Array.of(0, Number.NaN, 0, 0), new Float32Array(3), model.zeroCarry()];
  const moved = model.moveMany(carries.map(carry => runOf(model, carry, [input, input])));
  t.deepEqual(
    moved.slice(0, 4).map(({ made, failed }) => [made, failed?.message]),
    [
      [2, undefined],
      [0, 'Expected carry[1] to be a finite number, got NaN'],
      [0, 'Expected carry to have 4 numbers, got 3'],
      [2, undefined],
    ],
  );
  t.is(firstDifference(carries[0], stepsAlone(model, model.zeroCarry(), [input, input])[1].carry), -1);
});

test('a wrong input is told before the carry that its step would fail with', async t => {
  for (const input of [{ kind: 'features', size: 1 } as const, { kind: 'token', size: 5 } as const]) {
    const model = await createModel(config('gru', [4], input), { seed: 8 });
    const [right, wrong] = input.kind === 'token' ? [1, 5] : [Float32Array.of(1), Float32Array.of(Number.NaN)];
    const carry = Float32Array.of(0, Number.NaN, 0, 0);
    const run = runOf(model, carry, [wrong, right, wrong]);
    const told = [0, 1].map(from => {
      const [{ made, refused, failed }] = model.moveMany([{ ...run, from, count: 3 - from }]);
      return [made, refused !== undefined, failed !== undefined];
    });
    t.deepEqual(told, [
      [0, true, false],
      [0, false, true],
    ]);
  }
});

test('a state that grows beyond float32 ends its run, and fails where the next begins', async t => {
  const model = await createModel(config('rnn_relu', [4], { kind: 'features', size: 1 }), { seed: 9 });
  const weights = model.weights();
  for (const values of Object.values(weights)) values.fill(0);
  // h₁ grows by 10³⁰ a step, and h₀ = max(x − h₁, 0) would hide that it was infinite.
  weights.weight_ih_l0.set([1, 1, 0, 0]);
  weights.weight_hh_l0.set([0, -1, 0, 0, 0, 1e30, 0, 0]);
  model.setWeights(weights);
  const rows = Array.from({ length: 6 }, () => Float32Array.of(1));
  const carries = [0, 1, 2].map(() => model.zeroCarry());
  const counts = [2, 6, 1];
  const moved = model.moveMany(counts.map((count, i) => runOf(model, carries[i], rows.slice(0, count))));
  t.deepEqual(
    moved.slice(0, 3).map(({ made, failed }) => [made, failed]),
    [
      [2, undefined],
      [3, undefined],
      [1, undefined],
    ],
  );
  t.is(carries[1][1], Number.POSITIVE_INFINITY);
  t.true(carries[0].every(Number.isFinite));
  t.is(stepsAlone(model, model.zeroCarry(), rows.slice(0, 3)).length, 3);
  const alone = t.throws(() => stepsAlone(model, model.zeroCarry(), rows.slice(0, 4)));
  const [next] = model.moveMany([runOf(model, carries[1], rows)]);
  t.deepEqual([next.made, next.failed?.message], [0, alone?.message]);
});

test('a state that grows beyond float32 is told, not the wrong input behind it', async t => {
  const model = await createModel(config('rnn_relu', [4], { kind: 'features', size: 1 }), { seed: 9 });
  const weights = model.weights();
  for (const values of Object.values(weights)) values.fill(0);
  weights.weight_ih_l0.set([1, 0, 0, 0]);
  weights.weight_hh_l0.set([1e30, 0, 0, 0]);
  model.setWeights(weights);
  const [right, wrong] = [Float32Array.of(1), Float32Array.of(Number.NaN)];
  const run = runOf(model, model.zeroCarry(), [right, right, right, right, wrong]);
  const [{ made, refused }] = model.moveMany([run]);
  t.deepEqual([made, refused], [3, undefined]);
  t.is(run.carry[0], Number.POSITIVE_INFINITY);
  t.not(model.moveMany([{ ...run, from: made, count: 2 }])[0].failed, undefined);
});

test('where there is no room for more streams, none has moved, and as many as before go on', async t => {
  const kernels = createReference('float32');
  const model = buildModel(kernels, config('lstm', [5], { kind: 'features', size: 3 }), 14);
  const random = createRandom(15);
  const move = (count: number): void => {
    const inputs = Array.from({ length: count }, () => [randomInput(random, model), randomInput(random, model)]);
    const carries = inputs.map(() => model.zeroCarry());
    const moved = model.moveMany(inputs.map((own, i) => runOf(model, carries[i], own)));
    inputs.forEach((own, i) => {
      const [first, second] = stepsAlone(model, model.zeroCarry(), own);
      t.is(firstDifference(moved[i].steps[0].logits, first.logits), -1);
      t.is(firstDifference(carries[i], second.carry), -1);
    });
  };
  move(2);
  const { reserve } = kernels.arena;
  for (let room = 0; room < 6; room++) {
    let left = room;
    kernels.arena.reserve = length => {
      if (left-- === 0) throw new LimitError('Expected no more');
      return reserve(length);
    };
    const carries = Array.from({ length: 5 }, () => model.zeroCarry());
    const runs = carries.map(carry => runOf(model, carry, [randomInput(random, model)]));
    t.throws(() => model.moveMany(runs), { instanceOf: LimitError });
    t.true(carries.every(carry => carry.every(value => value === 0)));
    kernels.arena.reserve = () => t.fail() as never;
    move(2);
  }
  kernels.arena.reserve = reserve;
  move(5);
});

test('between two steps it is asked whether there is time', async t => {
  const model = await createModel(config('gru', [4]), { seed: 10 });
  const random = createRandom(11);
  const inputs = [4, 1, 3].map(count => Array.from({ length: count }, () => randomInput(random, model)));
  for (const most of [1, 2, 3, 4, 9]) {
    const carries = inputs.map(() => model.zeroCarry());
    let asked = 0;
    const moved = model.moveMany(
      inputs.map((own, i) => runOf(model, carries[i], own)),
      3,
      () => ++asked < most,
    );
    inputs.forEach((own, i) => {
      const made = Math.min(own.length, most);
      t.is(moved[i].made, made);
      t.is(firstDifference(carries[i], stepsAlone(model, model.zeroCarry(), own.slice(0, made))[made - 1].carry), -1);
    });
    t.is(asked, Math.min(most, 3));
  }
});

test('what is refused is not told before its turn comes', async t => {
  const model = await createModel(config('gru', [4]), { seed: 12 });
  const [right, wrong] = [Float32Array.of(1, 2, 3), Float32Array.of(1, Number.NaN, 3)];
  const run = runOf(model, model.zeroCarry(), [right, right, wrong]);
  t.is(model.moveMany([run], 1, () => false)[0].refused, undefined);
  t.not(model.moveMany([run])[0].refused, undefined);
});

test('of large inputs a stream makes fewer steps at a time', async t => {
  const model = await createModel(config('gru', [2], { kind: 'features', size: 3000 }), { seed: 13 });
  const rows = Array.from({ length: 3 }, () => new Float32Array(3000).fill(0.01));
  const carry = model.zeroCarry();
  t.is(model.moveMany([runOf(model, carry, rows)])[0].made, 1);
  t.is(firstDifference(carry, stepsAlone(model, model.zeroCarry(), rows)[0].carry), -1);
});
