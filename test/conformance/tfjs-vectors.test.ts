import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { stack } from '../../src/interchange/imported.js';
import { kerasLayer, kerasReadout } from '../../src/interchange/keras.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { createReference } from '../../src/kernels/reference.js';
import { createKernels } from '../../src/kernels/wasm.js';
import { buildModel } from '../../src/model/model.js';
import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import type { OptimizerConfig } from '../../src/training/optimizer.js';
import { createTrainer } from '../../src/training/trainer.js';
import { repositoryRoot } from '../helpers/repository.js';

/** What bench/vectors/tfjs-training.js wrote. */
interface Vector {
  readonly name: string;
  readonly layers: readonly (readonly ['LSTM' | 'SimpleRNN', number, string?])[];
  readonly classes: boolean;
  readonly optimizer: string;
  readonly updates: number;
  readonly losses: readonly number[];
  readonly weights: readonly { readonly shape: readonly number[]; readonly values: readonly number[] }[];
}

const { vectors } = JSON.parse(readFileSync(join(repositoryRoot, 'test/golden/tfjs-training.json'), 'utf8')) as {
  vectors: Vector[];
};

const numbers = (length: number, c: number, size: number): number[] =>
  Array.from({ length }, (_, i) => size * Math.sin(1.7 * i + c));

const [batch, steps, features, outputs] = [3, 5, 2, 2];

const optimizers: Readonly<Record<string, OptimizerConfig>> = {
  sgd: { kind: 'sgd', rate: 0.2 },
  momentum: { kind: 'sgd', rate: 0.1, momentum: 0.9 },
  adam: { kind: 'adam', rate: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 1e-7 },
  rmsprop: { kind: 'rmsprop', rate: 0.01, decay: 0.9, epsilon: 1e-12 },
  adagrad: { kind: 'adagrad', rate: 0.1, epsilon: 1e-12 },
};

/** The arrays of Keras layers as a network of ours. */
function networkOf({ layers, classes }: Vector, arrays: readonly Tensor[]) {
  const stacked = layers.map(([type, , activation], i) =>
    kerasLayer({
      type,
      weights: arrays.slice(3 * i, 3 * i + 3),
      recurrentActivation: 'sigmoid',
      ...(activation && { activation }),
    }),
  );
  return stack(
    stacked,
    kerasReadout({
      type: 'Dense',
      weights: arrays.slice(3 * layers.length),
      activation: classes ? 'softmax' : 'linear',
    }),
  );
}

/** The largest errors of the losses and of the weights, relative to max(1, the largest weight). */
function errorOf(vector: Vector, kernels: Kernels, optimizer = optimizers[vector.optimizer], reverse = false) {
  const first = vector.weights.map(({ shape, values }, i) =>
    tensorOf(Float32Array.from(numbers(values.length, i, 0.5)), [...shape]),
  );
  const { config, weights } = networkOf(vector, first);
  const model = buildModel(kernels, config, null);
  model.setWeights(weights);
  const trainer = createTrainer(model, {
    k2: steps,
    optimizer,
    maxGradientNorm: Number.POSITIVE_INFINITY,
    // One bias there, two here: the second stays.
    freeze: vector.layers.map((_, i) => `bias_hh_l${i}`),
  });
  // Where tfjs begins its sums.
  if (vector.optimizer === 'adagrad') trainer.optimizer.moments.sum?.array.fill(0.1);
  const [x, y] = [numbers(batch * steps * features, 20, 1), numbers(batch * steps * outputs, 30, 1)];
  const windows = Array.from({ length: batch }, (_, b) => ({
    carry: model.zeroCarry(),
    inputs: Array.from({ length: steps }, (_, t) =>
      Float32Array.from(x.slice((b * steps + t) * features, (b * steps + t + 1) * features)),
    ),
    targets: Array.from({ length: steps }, (_, t) => {
      const row = y.slice((b * steps + t) * outputs, (b * steps + t + 1) * outputs);
      return vector.classes ? (row[0] >= row[1] ? 0 : 1) : Float32Array.from(row);
    }),
  }));
  if (reverse) for (const window of windows) window.targets.reverse();
  let loss = 0;
  for (const expected of vector.losses) loss = Math.max(loss, Math.abs(trainer.learnMany(windows).loss - expected));
  const learned = networkOf(
    vector,
    vector.weights.map(({ shape, values }) => tensorOf(Float32Array.from(values), [...shape])),
  ).weights;
  const found = model.weights();
  let error = 0;
  for (const [name, values] of Object.entries(learned)) {
    if (name.startsWith('bias_hh')) continue;
    values.forEach((value, i) => {
      error = Math.max(error, Math.abs(found[name][i] - value));
    });
  }
  return { loss, error };
}

test('the weights that tfjs learns with the cells that we share are learned, on SIMD and in float64', async t => {
  for (const vector of vectors) {
    const simd = errorOf(vector, await createKernels());
    const exact = errorOf(vector, createReference('float64'));
    t.log(`${vector.name}: weights off by ${simd.error.toExponential(1)}, in float64 ${exact.error.toExponential(1)}`);
    t.true(simd.error < 2e-6 && exact.error < 2e-6, vector.name);
    t.true(simd.loss < 2e-6 && exact.loss < 2e-6, vector.name);
  }
  t.log(`${vectors.length} vectors ran`);
  t.is(vectors.length, 6);
});

test('an optimizer that is a little off, and targets in another order, are seen', async t => {
  for (const vector of vectors) {
    const right = optimizers[vector.optimizer];
    const wrong: OptimizerConfig[] = [
      { ...right, rate: right.rate * 1.01 },
      { ...right, schedule: { kind: 'constant', warmup: 2 } },
    ];
    if (right.kind === 'adam') wrong.push({ ...right, beta1: 0.81 }, { ...right, beta2: 0.991 });
    if (right.kind === 'sgd' && right.momentum) wrong.push({ ...right, momentum: 0.89 });
    if (right.kind === 'rmsprop') wrong.push({ ...right, decay: 0.91 });
    for (const optimizer of wrong) {
      const { error } = errorOf(vector, createReference('float64'), optimizer);
      t.true(error > 2e-5, `${vector.name} ${JSON.stringify(optimizer)}: ${error}`);
    }
    t.true(errorOf(vector, createReference('float64'), right, true).error > 2e-5, vector.name);
  }
});
