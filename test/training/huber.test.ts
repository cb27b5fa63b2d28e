import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createTrainer } from '../../src/training/trainer.js';
import { config, threeModels } from '../helpers/models.js';

const values = (size: number) => config('gru', [3], undefined, { kind: 'values', size });

test('the loss is ½ a² up to delta and δ (a − δ/2) beyond, summed', async t => {
  const errors = [0, 0.3, -0.5, 0.6, -4, 100];
  const delta = 0.5;
  const expected = errors.reduce((sum, error) => {
    const a = Math.abs(error);
    return sum + (a <= delta ? 0.5 * a * a : delta * (a - 0.5 * delta));
  }, 0);
  for (const model of Object.values(await threeModels(values(6)))) {
    const trainer = createTrainer(model, { loss: { kind: 'huber', delta } });
    const found = trainer.loss(
      Float32Array.from(errors, error => error + 1),
      new Float32Array(6).fill(1),
    )!;
    t.true(Math.abs(found - expected) < 1e-4, `${model.network.kernels.name} ${found}`);
  }
});

test('up to delta it is the squared error, bit for bit but for halving; delta is 1 by default', async t => {
  const model = await createModel(values(2));
  const [huber, squared] = [createTrainer(model, { loss: { kind: 'huber' } }), createTrainer(model)];
  t.deepEqual(huber.options.loss, { kind: 'huber', delta: 1 });
  const [logits, target] = [Float32Array.of(0.5, -0.25), Float32Array.of(0, 0)];
  t.is(huber.loss(logits, target), squared.loss(logits, target));
  t.is(huber.loss(Float32Array.of(3, 0), target), 2.5);
});

test('one outlier moves the weights no further than delta lets it', async t => {
  const model = await createModel(values(1));
  const trainer = createTrainer(model, { loss: { kind: 'huber', delta: 0.5 } });
  const inputs = [Float32Array.of(1, 2, 3)];
  const bias = (target: number) =>
    trainer.gradients([{ carry: model.zeroCarry(), inputs, targets: [target] }]).weights['readout.bias'][0];
  t.is(bias(1e6), -0.5);
  t.is(bias(-1e6), 0.5);
});

test('a delta that is none is refused', async t => {
  const model = await createModel(values(1));
  for (const delta of [0, -1, Number.NaN, Infinity, 1e-60])
    t.throws(() => createTrainer(model, { loss: { kind: 'huber', delta } }), {
      instanceOf: ConfigError,
      message: /loss\.delta to be a positive number, got/,
    });
});
