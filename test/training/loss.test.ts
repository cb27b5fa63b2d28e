import test from 'ava';
import { ConfigError, TargetError } from '../../src/errors.js';
import type { OutputKind } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { complete } from '../../src/parts.js';
import { createBackpropagation } from '../../src/training/backpropagation.js';
import type { Loss, Target } from '../../src/training/loss.js';
import { createLoss, fillLoss, isOfWindows, type LossConfig } from '../../src/training/losses.js';
import { createTrainer } from '../../src/training/trainer.js';
import { config, randomWindows, threeModels } from '../helpers/models.js';

const logits = Float32Array.of(0.5, -2, 3, 0.25, -0.75);
const probabilities = Float32Array.of(1, 0, 0.25, 1, 0);
const values = Float32Array.of(1, -1, 0.5, 2, 0);

const formulas: [OutputKind, Exclude<Target, null>, number][] = [
  ['classes', 3, Math.log(logits.reduce((sum, o) => sum + Math.exp(o), 0)) - logits[3]],
  ['labels', probabilities, logits.reduce((sum, o, i) => sum + Math.log(1 + Math.exp(o)) - o * probabilities[i], 0)],
  ['values', values, logits.reduce((sum, o, i) => sum + 0.5 * (o - values[i]) ** 2, 0)],
];

for (const [kind, target, expected] of formulas) {
  test(`${kind}: the loss is that of its formula, in nats`, async t => {
    const models = await threeModels(config('gru', [3], undefined, { kind, size: 5 }));
    for (const model of Object.values(models)) {
      const precision = model.network.kernels.name === 'float64' ? 1e-12 : 2e-6;
      t.true(Math.abs(createTrainer(model).loss(logits, target)! - expected) < precision, model.network.kernels.name);
    }
  });
}

test('the loss stays finite where probabilities do not', async t => {
  const model = await createModel(config('gru', [3], undefined, { kind: 'classes', size: 2 }));
  t.is(createTrainer(model).loss(Float32Array.of(0, 300), 0), 300);
  const labels = await createModel(config('gru', [3], undefined, { kind: 'labels', size: 2 }));
  t.is(
    createTrainer(labels).loss(Float32Array.of(-200, 0), Float32Array.of(1, 0)),
    Math.fround(200 + Math.fround(Math.log(2))),
  );
});

test('a target that weighs 0 teaches nothing, however far off it is', async t => {
  for (const kind of ['values', 'gaussian', 'mixture'] as const) {
    const model = await createModel(config('gru', [3], undefined, { kind, size: kind === 'mixture' ? 2 : 3 }));
    const trainer = createTrainer(model);
    const [window] = randomWindows(model, [2], 1);
    const [near, far] = [1, 1e30].map(x =>
      trainer.gradients([
        { ...window, targets: [Float32Array.of(x, 0, 0), Float32Array.of(1, 1, 0)], weights: [0, 1] },
      ]),
    );
    t.true(Number.isFinite(far.loss), kind);
    t.deepEqual(far, near, kind);
  }
});

test('a wrong target is named', async t => {
  const trainerOf = async (kind: OutputKind, size = 5) =>
    createTrainer(await createModel(config('gru', [3], undefined, { kind, size })));
  const wrong: [OutputKind, unknown, RegExp][] = [
    ['classes', 5, /class from 0 to 4 or null, got 5/],
    ['classes', 0.5, /class from 0 to 4/],
    ['classes', Float32Array.of(1, 0, 0, 0, 0), /class from 0 to 4 or null, got an array of 5/],
    ['labels', 1, /Float32Array of 5 labels or null, got 1/],
    ['labels', Float32Array.of(0, 0, 2, 0, 0), /target\[2\] to be from 0 to 1, got 2/],
    ['values', Float32Array.of(1), /Float32Array of 5 values or null, got an array of 1/],
    ['values', Float32Array.of(0, Number.NaN, 0, 0, 0), /target\[1\] to be finite, got NaN/],
    ['values', [0, 0, 0, 1e39, 0], /target\[3\] to be finite, got 1e\+39/],
    ['values', undefined, /Float32Array of 5 values or null, got undefined/],
  ];
  for (const [kind, target, message] of wrong) {
    const trainer = await trainerOf(kind);
    t.throws(() => trainer.checkTarget(target as Target), { instanceOf: TargetError, message });
    t.notThrows(() => trainer.checkTarget(null));
  }
  const single = await trainerOf('values', 1);
  t.notThrows(() => single.checkTarget(2.5));
  t.throws(() => single.checkTarget(-1e39), { instanceOf: TargetError, message: /to be finite, got -1e\+39/ });
});

test('a loss of another kind of output, or of none, is refused', async t => {
  const model = await createModel(config('gru', [3], undefined, { kind: 'values', size: 1 }));
  for (const loss of [{ kind: 'cross-entropy' }, { kind: 'none' }, {}, null, 'squared-error']) {
    t.throws(() => createTrainer(model, { loss: loss as LossConfig }), {
      instanceOf: ConfigError,
      message: /Expected loss\.kind to be .*squared-error.* for values, got/,
    });
  }
  t.deepEqual(createTrainer(model, { loss: { kind: 'squared-error' } }).options.loss, { kind: 'squared-error' });
});

test('a setting that a kind of loss does not have is refused by name', async t => {
  const model = await createModel(config('gru', [3], undefined, { kind: 'values', size: 1 }));
  for (const loss of [
    { kind: 'squared-error', delta: 2 },
    { kind: 'huber', dleta: 2 },
  ]) {
    t.throws(() => createTrainer(model, { loss: loss as LossConfig }), {
      instanceOf: ConfigError,
      message: /Expected the settings of .* alone \(kind.*\), got loss\.(delta|dleta)/,
    });
  }
  t.notThrows(() => createTrainer(model, { loss: { kind: 'squared-error', delta: undefined } as LossConfig }));
});

test('which losses are of whole windows is known before they are made', async t => {
  for (const [kind, loss] of [
    ['classes', undefined],
    ['classes', { kind: 'ctc' }],
    ['labels', undefined],
    ['values', undefined],
    ['values', { kind: 'huber' }],
    ['gaussian', undefined],
  ] as [OutputKind, LossConfig | undefined][]) {
    const { config: full, network } = await createModel(config('gru', [3], undefined, { kind, size: 3 }));
    const filled = fillLoss(full.output, loss);
    t.is(isOfWindows(filled), createLoss(filled, full.output, network.kernels).of === undefined, filled.kind);
  }
});

test('a loss of whole windows has its gradient, and is told of windows alone', async t => {
  const { float64: model } = await threeModels(config('gru', [4], undefined, { kind: 'values', size: 1 }));
  // ½ (Σ o − y)² over all steps of the window, y being the target of its last step.
  const loss: Loss = {
    config: { kind: 'sum' },
    check: () => {},
    learn(k, { rows, places, targets }, scale) {
      const at = (address: number, i: number): number => address + places[i] * rows.outputStride;
      const total = places.reduce((sum, _, i) => sum + k.arena.floats[at(rows.logits, i)], 0);
      const error = total - (targets.at(-1) as number);
      places.forEach((_, i) => {
        k.arena.floats[at(rows.gradients!.logits, i)] = error * scale;
      });
      return 0.5 * error * error;
    },
  };
  const steps = createBackpropagation(model, loss, 8);
  const windows = [5, 3].map((length, i) => ({
    carry: model.zeroCarry(),
    inputs: Array.from({ length }, (_, j) => Float32Array.of(Math.sin(i + j), 0.5, -j)),
    targets: Array.from({ length }, (_, j) => (j + 1 < length ? null : 1 + i)),
  }));
  const { loss: mean, weights } = steps.gradients(windows);
  const summed = windows.map(({ carry, inputs, targets }) => {
    let state = carry;
    const logits = inputs.map(input => {
      const { logits, carry: after } = model.step(state, input);
      state = after;
      return logits;
    });
    return steps.lossOfAll(logits, targets);
  });
  t.true(Math.abs((summed[0] + summed[1]) / 2 - mean) < 1e-12);
  t.is(steps.lossOf(Float32Array.of(1), 1), undefined);
  const { weight_hh_l0: matrix } = model.weights();
  for (const i of [0, 7, 30]) {
    const [above, below] = [1e-5, -1e-5].map(by => {
      model.setWeights({ weight_hh_l0: matrix.map((w, j) => (j === i ? w + by : w)) });
      return complete(steps.differentiate(windows)).loss;
    });
    t.true(Math.abs((above - below) / 2e-5 - weights.weight_hh_l0[i]) < 1e-8);
  }
});
