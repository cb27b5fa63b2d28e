import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { firstDifference } from '../helpers/bits.js';
import { config, threeModels } from '../helpers/models.js';

const gaussian = (size: number) => config('gru', [3], undefined, { kind: 'gaussian', size });

/** σ of s, in float64. */
const deviation = (s: number): number => Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s))) + 2 ** -10;

test('a prediction is the means, then the deviations; the logits have as many numbers', async t => {
  const models = await threeModels(gaussian(3));
  for (const model of Object.values(models)) {
    const bias = Float32Array.of(-2, 0.5, 7, -1, 0, 3);
    model.setWeights({ 'readout.weight': model.weights()['readout.weight'].fill(0), 'readout.bias': bias });
    const { logits, prediction } = model.step(model.zeroCarry(), Float32Array.of(1, 2, 3));
    t.deepEqual([...logits], [...bias]);
    t.deepEqual([...prediction.slice(0, 3)], [-2, 0.5, 7]);
    for (let i = 0; i < 3; i++)
      t.true(Math.abs(prediction[3 + i] / deviation(bias[3 + i]) - 1) <= 3e-7, `${model.network.kernels.name} ${i}`);
  }
});

test('deviations are right within 3e-7 and never smaller than 2⁻¹⁰, however far s goes', async t => {
  const model = await createModel(gaussian(1));
  model.setWeights({ 'readout.weight': model.weights()['readout.weight'].fill(0) });
  let worst = 0;
  for (let s = -120; s <= 120; s += 0.37) {
    const rounded = Math.fround(s);
    model.setWeights({ 'readout.bias': Float32Array.of(1, rounded) });
    const [mean, found] = model.step(model.zeroCarry(), null).prediction;
    t.is(mean, 1);
    t.true(found >= 2 ** -10);
    worst = Math.max(worst, Math.abs(found / deviation(rounded) - 1));
  }
  t.true(worst <= 3e-7, `${worst}`);
  model.setWeights({ 'readout.bias': Float32Array.of(0, 3e38) });
  t.is(model.step(model.zeroCarry(), null).prediction[1], Math.fround(3e38));
});

test('one, several and rows of any width say the same, alone and in a batch', async t => {
  for (const size of [1, 2, 3, 4, 5, 9]) {
    const model = await createModel(gaussian(size), { seed: size });
    const inputs = Array.from({ length: 7 }, (_, i) => Float32Array.of(i, -i, 0.5));
    const alone = inputs.map(input => model.step(model.zeroCarry(), input).prediction);
    const together = model.stepMany(
      inputs.map(() => model.zeroCarry()),
      inputs,
    );
    together.forEach(({ prediction }, i) => {
      t.is(prediction.length, 2 * size);
      t.is(firstDifference(prediction, alone[i]), -1);
    });
  }
});
