import test from 'ava';
import { TargetError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { config, threeModels } from '../helpers/models.js';

const gaussian = (size: number) => config('gru', [4], { kind: 'features', size: 1 }, { kind: 'gaussian', size });

test('the loss is −log of the product of normal densities, in nats', async t => {
  const logits = Float32Array.of(0.5, -2, 3, 0.25, -0.75, 4);
  const target = Float32Array.of(1, -1, 0.5);
  const density = [0, 1, 2].reduce((product, i) => {
    const deviation = Math.log(1 + Math.exp(logits[3 + i])) + 2 ** -10;
    const z = (target[i] - logits[i]) / deviation;
    return (product * Math.exp(-0.5 * z * z)) / (deviation * Math.sqrt(2 * Math.PI));
  }, 1);
  for (const model of Object.values(await threeModels(gaussian(3)))) {
    const found = createTrainer(model).loss(logits, target)!;
    const precision = model.network.kernels.name === 'float64' ? 1e-12 : 2e-6;
    t.true(Math.abs(found + Math.log(density)) < precision, `${model.network.kernels.name} ${found}`);
  }
});

test('a value that never varies, and one that is far off, have finite losses and gradients', async t => {
  const model = await createModel(gaussian(1));
  const trainer = createTrainer(model);
  t.true(Number.isFinite(trainer.loss(Float32Array.of(0, -200), 0)!));
  model.setWeights({ 'readout.bias': Float32Array.of(0, -200) });
  for (const target of [0, 1e9]) {
    const window = { carry: model.zeroCarry(), inputs: [Float32Array.of(1)], targets: [target] };
    const { weights, loss } = trainer.gradients([window]);
    t.true(Number.isFinite(loss) && weights['readout.bias'].every(Number.isFinite), `${target}`);
  }
});

test('mean and deviation of noise are found', async t => {
  const model = await createModel(gaussian(1), { seed: 3 });
  const trainer = createTrainer(model, {
    k2: 1,
    optimizer: { kind: 'adam', rate: 0.01, schedule: { kind: 'linear', steps: 3000 } },
  });
  const random = createRandom(1);
  const one = Float32Array.of(1);
  for (let i = 0; i < 3000; i++) {
    const inputs = [one];
    trainer.learn({ carry: model.zeroCarry(), inputs, targets: [2 + 0.3 * random.normal()] });
  }
  const [mean, deviation] = model.step(model.zeroCarry(), one).prediction;
  t.true(Math.abs(mean - 2) < 0.06, `${mean}`);
  t.true(Math.abs(deviation - 0.3) < 0.06, `${deviation}`);
});

test('beta weighs the gradient of each value by its variance or deviation, and not the loss', async t => {
  const models = await threeModels(gaussian(2));
  for (const model of Object.values(models)) {
    const window = { carry: model.zeroCarry(), inputs: [Float32Array.of(1)], targets: [Float32Array.of(0.5, -2)] };
    const of = (beta: 0 | 0.5 | 1) => createTrainer(model, { loss: { kind: 'gaussian', beta } }).gradients([window]);
    const deviations = model.step(model.zeroCarry(), window.inputs[0]).prediction.slice(2);
    const plain = of(0);
    for (const beta of [0.5, 1] as const) {
      const { loss, weights } = of(beta);
      t.is(loss, plain.loss);
      weights['readout.bias'].forEach((value, i) => {
        const expected = plain.weights['readout.bias'][i] * deviations[i % 2] ** (2 * beta);
        t.true(Math.abs(value / expected - 1) < 1e-6, `${model.network.kernels.name} ${beta} ${i}`);
      });
    }
  }
  const [simd, reference] = [models.simd, models.reference].map(model =>
    createTrainer(model).gradients([
      { carry: model.zeroCarry(), inputs: [Float32Array.of(1)], targets: [Float32Array.of(0.5, -2)] },
    ]),
  );
  t.deepEqual(simd.weights, reference.weights);
  t.throws(() => createTrainer(models.simd, { loss: { kind: 'gaussian', beta: 2 as 1 } }), {
    message: /loss\.beta to be 0, 0\.5 or 1, got 2/,
  });
});

test('targets are numbers, one for each mean', async t => {
  const trainer = createTrainer(await createModel(gaussian(2)));
  t.throws(() => trainer.checkTarget(Float32Array.of(1, 2, 3)), { instanceOf: TargetError, message: /of 2 values/ });
  t.notThrows(() => trainer.checkTarget(Float32Array.of(1, 2)));
  const single = createTrainer(await createModel(gaussian(1)));
  t.notThrows(() => single.checkTarget(1.5));
});
