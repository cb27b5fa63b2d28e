import test from 'ava';
import { TargetError } from '../../src/errors.js';
import type { OutputKind } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { checkTarget, type Target } from '../../src/training/loss.js';
import { createTrainer } from '../../src/training/trainer.js';
import { config, threeModels } from '../helpers/models.js';

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
      t.true(Math.abs(createTrainer(model).loss(logits, target) - expected) < precision, model.network.kernels.name);
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

test('a wrong target is named', t => {
  const wrong: [OutputKind, unknown, RegExp][] = [
    ['classes', 5, /class from 0 to 4 or null, got 5/],
    ['classes', 0.5, /class from 0 to 4/],
    ['classes', Float32Array.of(1, 0, 0, 0, 0), /class from 0 to 4 or null, got an array of 5/],
    ['labels', 1, /Float32Array of 5 labels or null, got 1/],
    ['labels', Float32Array.of(0, 0, 2, 0, 0), /target\[2\] to be from 0 to 1, got 2/],
    ['values', Float32Array.of(1), /Float32Array of 5 values or null, got an array of 1/],
    ['values', Float32Array.of(0, Number.NaN, 0, 0, 0), /target\[1\] to be finite, got NaN/],
    ['values', undefined, /Float32Array of 5 values or null, got undefined/],
  ];
  for (const [kind, target, message] of wrong) {
    t.throws(() => checkTarget(config('gru', [3], undefined, { kind, size: 5 }), target as Target), {
      instanceOf: TargetError,
      message,
    });
  }
  for (const kind of ['classes', 'labels', 'values'] as const)
    t.notThrows(() => checkTarget(config('gru', [3], undefined, { kind, size: 5 }), null));
  t.notThrows(() => checkTarget(config('gru', [3], undefined, { kind: 'values', size: 1 }), 2.5));
});
