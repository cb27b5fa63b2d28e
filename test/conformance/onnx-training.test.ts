import { readdirSync, readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import type { Kernels } from '../../src/kernels/kernels.js';
import { createReference } from '../../src/kernels/reference.js';
import { createKernels } from '../../src/kernels/wasm.js';
import { createActivations } from '../../src/model/activations.js';
import { createLoss } from '../../src/training/losses.js';
import { createOptimizer, type OptimizerConfig } from '../../src/training/optimizer.js';
import { config } from '../helpers/models.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const folder = 'conformance/onnx';
const optimizerCases = ['adam', 'momentum', 'adagrad'] as const;
const lossCases = ['sce_mean', 'sce_mean_weight', 'nllloss_NC'] as const;
const needs = [
  `${folder}/onnx.proto3`,
  ...[...optimizerCases, ...lossCases].map(name => `${folder}/node/test_${name}/model.onnx`),
];

interface Case {
  readonly attributes: Readonly<Record<string, number>>;
  /** Inputs and outputs by the names of the node. */
  readonly tensors: Readonly<Record<string, number[]>>;
}

function read(name: string): Case {
  const { root } = protobuf.parse(readFileSync(sharedPath(`${folder}/onnx.proto3`), 'utf8'), { keepCase: true });
  const decode = (type: string, path: string) => root.lookupType(type).decode(readFileSync(path)) as unknown;
  const at = sharedPath(`${folder}/node/test_${name}`);
  const { graph } = decode('onnx.ModelProto', `${at}/model.onnx`) as {
    graph: { node: { attribute: { name: string; f: number }[] }[] };
  };
  const tensors: Record<string, number[]> = {};
  for (const file of readdirSync(`${at}/test_data_set_0`)) {
    const tensor = decode('onnx.TensorProto', `${at}/test_data_set_0/${file}`) as {
      name: string;
      data_type: number;
      raw_data: Uint8Array;
    };
    const bytes = Uint8Array.from(tensor.raw_data).buffer;
    tensors[tensor.name] =
      tensor.data_type === 1 ? Array.from(new Float32Array(bytes)) : Array.from(new BigInt64Array(bytes), Number);
  }
  const attributes = Object.fromEntries(graph.node[0].attribute.map(({ name, f }) => [name, f]));
  return { attributes, tensors };
}

type Optimizers = (typeof optimizerCases)[number];

/** ONNX's optimizers as ours: its names of the decays, and the moment that each of its tensors is. */
const optimizers: Readonly<
  Record<Optimizers, (attributes: Case['attributes'], rate: number) => [OptimizerConfig, Record<string, string>]>
> = {
  adam: ({ alpha, beta, epsilon }, rate) => [
    { kind: 'adam', rate, beta1: alpha, beta2: beta, epsilon },
    { V: 'first', H: 'second' },
  ],
  momentum: ({ alpha }, rate) => [{ kind: 'sgd', rate, momentum: alpha }, { V: 'velocity' }],
  adagrad: ({ epsilon }, rate) => [{ kind: 'adagrad', rate, epsilon }, { H: 'sum' }],
};

/** The largest relative error of the weights and moments after one update. */
function optimizerError(
  name: Optimizers,
  kernels: Kernels,
  change: (config: OptimizerConfig) => OptimizerConfig = config => config,
): number {
  const { attributes, tensors } = read(name);
  const { R, T, X, G } = tensors;
  // Its first update is number 0, so that its rate is neither corrected nor decayed yet.
  if (T[0] !== 0) throw new Error(`Expected update 0, got ${T[0]}`);
  const [config, names] = optimizers[name](attributes, R[0]);
  const weights = kernels.arena.reserve(4);
  const gradient = kernels.arena.reserve(4);
  const optimizer = createOptimizer(kernels, 4, change(config));
  weights.array.set(X);
  // Its decay of weights is a part of the gradient, ours is not: so it is added here.
  const decay = attributes.norm_coefficient;
  gradient.array.set(G.map((g, i) => Math.fround(g + Math.fround(decay * X[i]))));
  for (const [tensor, moment] of Object.entries(names)) optimizer.moments[moment]?.array.set(tensors[tensor]);
  // β^t of 0: no correction.
  optimizer.restore({ updates: 0, power1: 0, power2: 0 });
  optimizer.update(weights.address, gradient.address, [[0, 4]], 1);
  const compare = (found: ArrayLike<number>, expected: readonly number[]): number =>
    Math.max(...expected.map((value, i) => Math.abs(found[i] / value - 1)));
  return Math.max(
    compare(weights.array, tensors.X_new),
    ...Object.entries(names).map(([tensor, moment]) =>
      compare(optimizer.moments[moment]?.array ?? [], tensors[`${tensor}_new`]),
    ),
  );
}

sharedTest('one update of adam, momentum and adagrad is that of ONNX', needs, async t => {
  let ran = 0;
  for (const name of optimizerCases) {
    for (const kernels of [await createKernels(), createReference('float32'), createReference('float64')]) {
      const error = optimizerError(name, kernels);
      t.true(error <= 1e-6, `${name}, ${kernels.name}: ${error}`);
    }
    ran++;
  }
  t.log(`${ran} optimizers ran`);
  t.is(ran, 3);
});

sharedTest('an optimizer that is a little off is seen', needs, t => {
  const mutants: [Optimizers, (config: OptimizerConfig) => OptimizerConfig][] = [
    ['adam', config => ({ ...config, beta1: 0.94 }) as OptimizerConfig],
    ['adam', config => ({ ...config, beta2: 0.2 }) as OptimizerConfig],
    ['adam', config => ({ ...config, epsilon: 1e-2 }) as OptimizerConfig],
    ['adam', config => ({ ...config, weightDecay: 0.1 }) as OptimizerConfig],
    ['momentum', config => ({ ...config, momentum: 0.94 }) as OptimizerConfig],
    ['adagrad', config => ({ ...config, epsilon: 1e-2 }) as OptimizerConfig],
    ...optimizerCases.map((name): [Optimizers, (config: OptimizerConfig) => OptimizerConfig] => [
      name,
      config => ({ ...config, rate: config.rate * 1.01 }),
    ]),
  ];
  for (const [name, change] of mutants) {
    const error = optimizerError(name, createReference('float64'), change);
    t.true(error > 1e-5, `${name}: ${error}`);
  }
});

/** The sum of the losses of rows of logits, with our classes' weights where there are some. */
function lossOf(
  kernels: Kernels,
  x: readonly number[],
  y: readonly number[],
  classWeights?: readonly number[],
): number {
  const size = x.length / y.length;
  const output = { kind: 'classes', size } as const;
  const loss = createLoss({ kind: 'cross-entropy', ...(classWeights && { classWeights }) }, output, kernels);
  const rows = createActivations(kernels.arena, config('gru', [1], undefined, output), 1, y.length, true);
  y.forEach((_, i) => {
    kernels.arena.floats.set(x.slice(i * size, (i + 1) * size), rows.logits + i * rows.outputStride);
  });
  kernels.softmax(rows.logits, rows.predictions, rows.outputStride, y.length, size);
  return loss.learn(kernels, { rows, places: y.map((_, i) => i), targets: y }, 1);
}

sharedTest('the cross-entropies of ONNX are ours: mean, weighted mean, and that of logarithms', needs, async t => {
  let ran = 0;
  const near = (found: number, expected: number, name: string) =>
    t.true(Math.abs(found / expected - 1) <= 1e-6, `${name}: ${found}, expected ${expected}`);
  for (const kernels of [await createKernels(), createReference('float32'), createReference('float64')]) {
    const mean = read('sce_mean').tensors;
    near(lossOf(kernels, mean.x, mean.y) / mean.y.length, mean.z[0], 'sce_mean');
    // Its mean is over the weights of the targets, ours over the steps.
    const { x, y, w, z } = read('sce_mean_weight').tensors;
    const all = y.reduce((sum, one) => sum + w[one], 0);
    near(lossOf(kernels, x, y, w) / all, z[0], 'sce_mean_weight');
    // It takes its input for logarithms of shares as they are: the logarithm of their sum is what ours has more.
    const { input, target, loss } = read('nllloss_NC').tensors;
    const size = input.length / target.length;
    target.forEach((one, i) => {
      const row = input.slice(i * size, (i + 1) * size);
      const sum = Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
      t.true(Math.abs(lossOf(kernels, row, [one]) - sum - loss[i]) <= 1e-6, `nllloss_NC[${i}]`);
    });
    ran++;
    // Without weights, or with the classes moved by one, each is another number.
    t.true(Math.abs(lossOf(kernels, x, y) / y.length / z[0] - 1) > 1e-3);
    t.true(
      Math.abs(
        lossOf(
          kernels,
          mean.x,
          mean.y.map(one => (one + 1) % 5),
        ) /
          mean.y.length /
          mean.z[0] -
          1,
      ) > 1e-3,
    );
  }
  t.log(`3 losses ran, on ${ran} kinds of kernels`);
});
