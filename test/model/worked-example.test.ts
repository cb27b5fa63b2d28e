import test, { type ExecutionContext } from 'ava';
import type { CellKind } from '../../src/cells/cell.js';
import type { ModelConfig } from '../../src/model/config.js';
import type { TrainableModel } from '../../src/model/model.js';
import type { Weights } from '../../src/model/parameters.js';
import { threeModels } from '../helpers/models.js';

/**
 * The worked example of Zheng and Gu, "TensorFlow: 实战 Google 深度学习框架" (2017), section 8.1: two units of tanh that
 * read 1 and then 2, with every number on the way.
 */
const golden = {
  inputs: [1, 2],
  sums: [
    [0.6, 0.5],
    [1.2923401, 1.39225678],
  ],
  states: [
    [0.53704957, 0.46211716],
    [0.85973818, 0.88366641],
  ],
  outputs: [1.56128388, 2.72707101],
};

const tolerance = 1e-6;

/** W = [[0.1, 0.2], [0.3, 0.4]] has a row for each unit it comes from; `weight_hh` has one for each it goes to. */
const weights: Weights = {
  weight_ih_l0: Float32Array.of(0.5, 0.6),
  weight_hh_l0: Float32Array.of(0.1, 0.3, 0.2, 0.4),
  bias_ih_l0: Float32Array.of(0.1, -0.1),
  bias_hh_l0: Float32Array.of(0, 0),
  'readout.weight': Float32Array.of(1, 2),
  'readout.bias': Float32Array.of(0.1),
};

const configuration = (cell: CellKind): ModelConfig => ({
  input: { kind: 'features', size: 1 },
  layers: [{ cell, size: 2, initialization: 'pytorch' }],
  output: { kind: 'values', size: 1 },
});

async function examples(cell: CellKind, given: Weights = weights): Promise<[name: string, model: TrainableModel][]> {
  const models = await threeModels(configuration(cell));
  for (const model of Object.values(models)) model.setWeights(given);
  return Object.entries(models);
}

/** The largest distance of a number from the golden one. */
function distance(found: ArrayLike<number>, expected: readonly number[]): number {
  return Math.max(...expected.map((value, i) => Math.abs(found[i] - value)));
}

function isClose(t: ExecutionContext, found: ArrayLike<number>, expected: readonly number[], what: string): void {
  t.true(distance(found, expected) <= tolerance, `${what}: ${Array.from(found)}, expected ${expected}`);
}

test('the states and outputs are those of the worked example', async t => {
  for (const [name, model] of await examples('rnn_tanh')) {
    let carry = model.zeroCarry();
    golden.inputs.forEach((input, i) => {
      const step = model.step(carry, Float32Array.of(input));
      isClose(t, step.carry, golden.states[i], `${name} h(${i + 1})`);
      isClose(t, step.prediction, [golden.outputs[i]], `${name} o(${i + 1})`);
      carry = step.carry;
    });
  }
});

test('the sums before activation are those of the worked example', async t => {
  // None of them is negative, so that a ReLU cell with the same weights lets them through as they are.
  for (const [name, model] of await examples('rnn_relu')) {
    golden.inputs.forEach((input, i) => {
      const before = i === 0 ? model.zeroCarry() : Float32Array.from(golden.states[i - 1]);
      isClose(t, model.step(before, Float32Array.of(input)).carry, golden.sums[i], `${name} a(${i + 1})`);
    });
  }
});

test('the worked example sees a recurrent matrix that is not transposed', async t => {
  const swapped = { ...weights, weight_hh_l0: Float32Array.of(0.1, 0.2, 0.3, 0.4) };
  for (const [name, model] of await examples('rnn_tanh', swapped)) {
    const { carry } = model.step(model.zeroCarry(), Float32Array.of(1));
    t.true(distance(model.step(carry, Float32Array.of(2)).carry, golden.states[1]) > 100 * tolerance, name);
  }
});
