import test, { type ExecutionContext } from 'ava';
import type { ModelConfig } from '../../src/model/config.js';
import type { TrainableModel } from '../../src/model/model.js';
import type { LossConfig } from '../../src/training/losses.js';
import { createTrainer } from '../../src/training/trainer.js';
import type { Window } from '../../src/training/window.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomWindows, threeModels } from '../helpers/models.js';

const epsilon = 1e-5;

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

/** ∂L/∂(each number of `values`) by central differences, where `loss` sees `values` changed. */
function differences(values: Float32Array | Float64Array, loss: () => number): Float64Array {
  return Float64Array.from(values, (value, i) => {
    values[i] = value + epsilon;
    const above = loss();
    values[i] = value - epsilon;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * epsilon);
  });
}

/** The largest error of any tensor's gradient and any carry's, relative to max(1, ‖g‖∞). */
function gradientError(model: TrainableModel, windows: readonly Window[], loss?: LossConfig): number {
  const trainer = createTrainer(model, { k2: 64, loss });
  const wide = windows.map(window => ({
    ...window,
    carry: Float64Array.from(window.carry) as unknown as Float32Array,
  }));
  const found = trainer.gradients(wide);
  let worst = 0;
  const compare = (expected: Float64Array, actual: ArrayLike<number>): void => {
    const scale = Math.max(1, largest(expected));
    for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(expected[i] - actual[i]) / scale);
  };
  const weights = model.weights();
  for (const [name, values] of Object.entries(weights)) {
    const expected = differences(values, () => {
      model.setWeights({ [name]: values });
      return trainer.gradients(wide).loss;
    });
    model.setWeights({ [name]: values });
    compare(expected, found.weights[name]);
  }
  wide.forEach((window, i) => {
    compare(
      differences(window.carry, () => trainer.gradients(wide).loss),
      found.carries[i],
    );
  });
  return worst;
}

const networks: [string, (cell: (typeof cellKinds)[number]) => ModelConfig][] = [
  ['one layer of 5, features to values', cell => config(cell, [5])],
  [
    'two layers of 4 and 3, tokens to classes',
    cell => config(cell, [4, 3], { kind: 'token', size: 6 }, { kind: 'classes', size: 5 }),
  ],
  [
    'three layers that see the input, to labels',
    cell => config(cell, [3, 5, 2], { kind: 'features', size: 2 }, { kind: 'labels', size: 3 }, true),
  ],
  [
    'one layer of 4, offsets of a pen to a mixture',
    cell => config(cell, [4], { kind: 'features', size: 3 }, { kind: 'mixture', size: 2 }),
  ],
];

const errorBound = 1e-6;

/** ReLU has a corner at 0: weights are drawn until no sum of the run is near it. */
async function awayFromCorners(
  make: () => ModelConfig,
  lengths: number[],
  t: ExecutionContext,
): Promise<{ model: TrainableModel; windows: Window[] }> {
  for (let seed = 1; seed < 200; seed++) {
    const { float64: model } = await threeModels(make(), seed);
    const windows = randomWindows(model, lengths, seed);
    if (model.config.layers[0].cell !== 'rnn_relu') return { model, windows };
    const trainer = createTrainer(model, { k2: 64 });
    trainer.gradients(windows);
    const near = model.config.layers.some((_, i) => nearCorner(model, windows, i));
    if (!near) return { model, windows };
  }
  t.fail('no draw without a sum near the corner');
  throw new Error('unreachable');
}

/** Whether a step's h is within 1e-3 above 0, or its sum may be as near below: seen by moving every bias of the layer. */
function nearCorner(model: TrainableModel, windows: readonly Window[], layer: number): boolean {
  const margin = 1e-3;
  const active = (): string =>
    windows
      .map(window => {
        let carry = Float64Array.from(window.carry) as unknown as Float32Array;
        return window.inputs
          .map(input => {
            carry = model.step(carry, input).carry;
            return Array.from(carry, h => (h > 0 ? '1' : '0')).join('');
          })
          .join('|');
      })
      .join('||');
  const before = active();
  const name = `bias_ih_l${layer}`;
  const bias = model.weights()[name];
  const changed = [margin, -margin].some(by => {
    model.setWeights({ [name]: bias.map(value => value + by) });
    return active() !== before;
  });
  model.setWeights({ [name]: bias });
  return changed;
}

for (const cell of cellKinds) {
  for (const [name, make] of networks) {
    test(`${cell}, ${name}: gradients agree with central differences in float64`, async t => {
      for (const lengths of [[7], [5, 1, 8, 5]]) {
        const { model, windows } = await awayFromCorners(() => make(cell), lengths, t);
        const error = gradientError(model, windows);
        t.true(error <= errorBound, `error ${error} for lengths ${lengths}`);
      }
    });

    test(`${cell}, ${name}: gradients in float32 agree with float64, SIMD and reference to the bit`, async t => {
      const models = await threeModels(make(cell), 3);
      for (const lengths of [[9], [4, 11, 1, 4, 7]]) {
        const windows = randomWindows(models.simd, lengths, 5);
        const [simd, reference, float64] = [models.simd, models.reference, models.float64].map(model =>
          createTrainer(model, { k2: 64 }).gradients(windows),
        );
        t.true(Math.abs(simd.loss - float64.loss) <= 1e-5 * Math.max(1, float64.loss));
        for (const tensor of Object.keys(float64.weights)) {
          const scale = Math.max(1, largest(float64.weights[tensor]));
          const error = largest(float64.weights[tensor].map((value, i) => value - simd.weights[tensor][i])) / scale;
          t.true(error <= 1e-4, `${tensor}: ${error}`);
          t.is(firstDifference(simd.weights[tensor], reference.weights[tensor]), -1, tensor);
        }
        windows.forEach((_, i) => {
          t.is(firstDifference(simd.carries[i], reference.carries[i]), -1);
        });
      }
    });
  }
}

/** Losses besides those of the networks above, on one network each; every window has weights. */
const losses: [string, ModelConfig['output'], LossConfig][] = [
  ['huber, errors on either side of delta', { kind: 'values', size: 3 }, { kind: 'huber', delta: 0.7 }],
  ['means and deviations', { kind: 'gaussian', size: 3 }, { kind: 'gaussian', beta: 0 }],
  [
    'classes of different weights',
    { kind: 'classes', size: 4 },
    { kind: 'cross-entropy', classWeights: [0.5, 2, 0, 1.25] },
  ],
];

const weighted = (windows: readonly Window[]): Window[] =>
  windows.map(window => ({ ...window, weights: window.inputs.map((_, i) => [0.5, 1, 3, 0][i % 4]) }));

for (const [name, output, loss] of losses) {
  for (const cell of ['gru', 'lstm'] as const) {
    const make = () => config(cell, [4, 3], { kind: 'features', size: 2 }, output, true);
    test(`${cell}, ${name}: gradients agree with central differences in float64`, async t => {
      const { float64: model } = await threeModels(make(), 2);
      const error = gradientError(model, weighted(randomWindows(model, [5, 1, 7], 4)), loss);
      t.true(error <= errorBound, `error ${error}`);
    });

    test(`${cell}, ${name}: gradients in float32 agree with float64, SIMD and reference to the bit`, async t => {
      const models = await threeModels(make(), 3);
      const windows = weighted(randomWindows(models.simd, [4, 11, 1], 5));
      const [simd, reference, float64] = [models.simd, models.reference, models.float64].map(model =>
        createTrainer(model, { k2: 64, loss }).gradients(windows),
      );
      t.true(Math.abs(simd.loss - float64.loss) <= 1e-5 * Math.max(1, float64.loss));
      t.is(simd.loss, reference.loss);
      for (const tensor of Object.keys(float64.weights)) {
        const scale = Math.max(1, largest(float64.weights[tensor]));
        const error = largest(float64.weights[tensor].map((value, i) => value - simd.weights[tensor][i])) / scale;
        t.true(error <= 1e-4, `${tensor}: ${error}`);
        t.is(firstDifference(simd.weights[tensor], reference.weights[tensor]), -1, tensor);
      }
    });
  }
}

for (const [name, output, loss] of losses) {
  test(`${name}: the ruler sees a wrong gradient of the loss`, async t => {
    const { float64: model } = await threeModels(config('gru', [4], undefined, output), 1);
    const { kernels } = model.network;
    const wrong = { huber: 'huberBackward', gaussian: 'gaussianBackward', 'cross-entropy': 'difference' } as const;
    const kernel = wrong[loss.kind as keyof typeof wrong];
    const right = kernels[kernel] as (...given: number[]) => void;
    Object.assign(kernels, {
      [kernel]: (...given: number[]) => right(...given.slice(0, -1), given.at(-1)! * 1.001),
    });
    t.true(gradientError(model, randomWindows(model, [6], 1), loss) > errorBound);
  });
}

test('the ruler sees a wrong gradient', async t => {
  const { float64: model } = await threeModels(config('gru', [4]), 1);
  const windows = randomWindows(model, [6], 1);
  const { kernels } = model.network;
  const right = kernels.gruBackward;
  kernels.gruBackward = (...given) => {
    right(...given);
    kernels.arena.floats[given[6]] *= 1.001;
  };
  t.true(gradientError(model, windows) > errorBound);
});
