import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { complete } from '../../src/parts.js';
import { createRandom } from '../../src/random.js';
import { createBackpropagation } from '../../src/training/backpropagation.js';
import { evaluate } from '../../src/training/evaluate.js';
import { fit } from '../../src/training/fit.js';
import { createLoss } from '../../src/training/losses.js';
import { createTrainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomWindows, threeModels } from '../helpers/models.js';

const network = config('lstm', [5, 4], { kind: 'features', size: 2 }, { kind: 'values', size: 2 });
const dropout = (rate: number, seed = 1) => ({ rate, random: createRandom(seed) });
const squared = { kind: 'squared-error' } as const;

test('gradients with units dropped agree with central differences in float64', async t => {
  for (const skip of [false, true]) {
    const { float64: model } = await threeModels({ ...network, skip }, 2);
    const steps = createBackpropagation(model, createLoss(squared, network.output, model.network.kernels), 8);
    const windows = randomWindows(model, [6, 3], 4);
    const read = () => {
      const { loss } = complete(steps.differentiate(windows, dropout(0.4)));
      return { loss, gradient: Float64Array.from(steps.gradient.array) };
    };
    const { gradient } = read();
    for (const { name, places } of model.network.parameters.tensors) {
      const values = model.weights()[name];
      for (let i = 0; i < values.length; i += 7) {
        const [above, below] = [1e-5, -1e-5].map(by => {
          model.setWeights({ [name]: values.map((w, j) => (j === i ? w + by : w)) });
          return read().loss;
        });
        model.setWeights({ [name]: values });
        t.true(Math.abs((above - below) / 2e-5 - gradient[places[i]]) < 1e-7, `${name}[${i}]`);
      }
    }
  }
});

test('SIMD and the reference drop the same and learn the same bits; other draws learn others', async t => {
  const learned = async (which: 'simd' | 'reference', seed: number, rate = 0.5) => {
    const model = (await threeModels(network, 3))[which];
    const trainer = createTrainer(model, { k2: 8 });
    const draws = dropout(rate, seed);
    for (let i = 0; i < 3; i++) trainer.learnMany(randomWindows(model, [7, 2, 5], i), draws);
    return model.weights();
  };
  const [simd, reference, other] = [await learned('simd', 1), await learned('reference', 1), await learned('simd', 2)];
  for (const name of Object.keys(simd)) t.is(firstDifference(simd[name], reference[name]), -1, name);
  t.true(firstDifference(simd.weight_ih_l1, other.weight_ih_l1) >= 0);
  const [none, { simd: plain }] = [await learned('simd', 1, 0), await threeModels(network, 3)];
  const trainer = createTrainer(plain, { k2: 8 });
  for (let i = 0; i < 3; i++) trainer.learnMany(randomWindows(plain, [7, 2, 5], i));
  for (const [name, values] of Object.entries(plain.weights())) t.is(firstDifference(values, none[name]), -1, name);
});

test('as many units are dropped as are asked for, and the sums expected stay', async t => {
  const model = await createModel(config('rnn_tanh', [64], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }));
  const weights = model.weights();
  // Every unit says tanh 1, and the answer is their sum.
  model.setWeights({
    weight_ih_l0: weights.weight_ih_l0.fill(0),
    weight_hh_l0: weights.weight_hh_l0.fill(0),
    bias_ih_l0: weights.bias_ih_l0.fill(1),
    bias_hh_l0: weights.bias_hh_l0.fill(0),
    'readout.weight': weights['readout.weight'].fill(1),
    'readout.bias': Float32Array.of(0),
  });
  const whole = model.step(model.zeroCarry(), Float32Array.of(0)).logits[0];
  const steps = createBackpropagation(model, createLoss(squared, model.config.output, model.network.kernels), 1);
  const window = { carry: model.zeroCarry(), inputs: [Float32Array.of(0)], targets: [0] };
  const random = createRandom(5);
  let sum = 0;
  for (let i = 0; i < 500; i++) {
    // ½ o² of a target 0 tells |o|.
    const said = Math.sqrt(2 * complete(steps.differentiate([window], { rate: 0.25, random })).loss);
    sum += said / 500;
    const kept = (said / whole) * 64 * 0.75;
    t.true(Math.abs(kept - Math.round(kept)) < 1e-3);
  }
  t.true(Math.abs(sum / whole - 1) < 0.01, `${sum / whole}`);
});

test('there is one draw a unit, and none for what fills a layer up for the kernels', async t => {
  const { simd: model } = await threeModels(network, 3);
  const trainer = createTrainer(model, { k2: 8 });
  const { rate, random } = dropout(0.5);
  trainer.learnMany(randomWindows(model, [7, 2, 5], 1), { rate, random });
  const expected = createRandom(1);
  for (let unit = 0; unit < (5 + 4) * (7 + 2 + 5); unit++) expected.uniform();
  t.deepEqual(random.state(), expected.state());
});

test('a network that is judged or stepped drops nothing, and fit is the same for the same seed', async t => {
  const run = async (rate: number) => {
    const model = await createModel(network, { seed: 1 });
    const trainer = createTrainer(model, { optimizer: { kind: 'adam', rate: 0.01 } });
    const sequences = randomWindows(model, [5, 4, 3, 6, 5, 4], 2).map(({ inputs, targets }) => ({ inputs, targets }));
    await fit(trainer, sequences, { epochs: 3, batch: 2, dropout: rate, seed: 4 });
    const [loss, again] = [evaluate(trainer, sequences).loss, evaluate(trainer, sequences).loss];
    return { weights: model.weights(), loss, again };
  };
  const [a, b, plain] = [await run(0.5), await run(0.5), await run(0)];
  t.is(a.loss, a.again);
  t.is(a.loss, b.loss);
  for (const name of Object.keys(a.weights)) t.is(firstDifference(a.weights[name], b.weights[name]), -1, name);
  t.not(a.loss, plain.loss);
});

test('a rate that is none is refused', async t => {
  const trainer = createTrainer(await createModel(network));
  for (const rate of [-0.1, 1, Number.NaN])
    await t.throwsAsync(async () => fit(trainer, [], { epochs: 1, dropout: rate }), {
      instanceOf: ConfigError,
      message: /dropout to be from 0 to below 1, got/,
    });
});
