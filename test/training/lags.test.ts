import test from 'ava';
import type { CellKind } from '../../src/cells/cell.js';
import { ConfigError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import { buildModel, createModel, type TrainableModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { gradientsByLag } from '../../src/training/lags.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';

const config = (cell: CellKind) =>
  ({
    input: { kind: 'features', size: 2 },
    layers: [{ cell, size: 5 }],
    output: { kind: 'values', size: 1 },
  }) as const;

const steps = 7;
const random = createRandom(9);
const inputs = Array.from({ length: steps }, () => Float32Array.from([random.normal(), random.normal()]));
const targets = inputs.map((_, t) => (t === steps - 1 ? Float32Array.of(0.7) : null));

/** The loss of the last step when the carry before step `from` is moved. */
function lossFrom(model: TrainableModel, trainer: Trainer, from: number, moved: (carry: Float32Array) => Float32Array) {
  let carry = model.zeroCarry();
  let logits = new Float32Array(1);
  inputs.forEach((input, t) => {
    const step = model.step(t === from ? moved(carry) : carry, input);
    carry = step.carry;
    logits = step.logits as Float32Array<ArrayBuffer>;
  });
  return trainer.loss(logits, Float32Array.of(0.7));
}

for (const cell of ['rnn_tanh', 'gru', 'lstm'] as const) {
  test(`${cell}: the gradients by lag agree with central differences in float64`, t => {
    const model = buildModel(createReference('float64'), config(cell), 4);
    const trainer = createTrainer(model, { k2: steps });
    const found = gradientsByLag(trainer, { carry: model.zeroCarry(), inputs, targets });
    t.is(found.length, steps);
    const by = 1e-5;
    found.forEach((gradient, at) => {
      // Lag j is the carry before the last j steps.
      const from = steps - 1 - at;
      gradient.forEach((value, i) => {
        const [above, below] = [by, -by].map(step =>
          lossFrom(model, trainer, from, carry => carry.map((one, k) => (k === i ? one + step : one))),
        );
        t.true(Math.abs((above! - below!) / (2 * by) - value) < 1e-8, `lag ${at + 1}, ${i}`);
      });
    });
  });
}

test('what a tanh cell with small weights hands back vanishes, and nothing moves', async t => {
  const model = await createModel({
    ...config('rnn_tanh'),
    layers: [{ cell: 'rnn_tanh', size: 5, initialization: 'pytorch' }],
  });
  const trainer = createTrainer(model, { k2: steps });
  const weights = model.weights();
  const norms = gradientsByLag(trainer, { carry: model.zeroCarry(), inputs, targets }).map(gradient =>
    Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0)),
  );
  t.true(norms[6] < norms[0] / 10, `${norms}`);
  t.deepEqual(model.weights(), weights);
  t.is(trainer.count, 0);
});

test('a window whose last step has no target is refused', async t => {
  const trainer = createTrainer(await createModel(config('gru')));
  const carry = trainer.model.zeroCarry();
  t.throws(() => gradientsByLag(trainer, { carry, inputs, targets: inputs.map(() => null) }), {
    instanceOf: ConfigError,
  });
  t.throws(() => gradientsByLag(trainer, { carry, inputs: [], targets: [] }), { instanceOf: ConfigError });
});
