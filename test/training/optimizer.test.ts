import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import { createOptimizer, type OptimizerConfig } from '../../src/training/optimizer.js';

/** Moves one set of weights along given gradients. */
function run(config: OptimizerConfig, gradients: readonly (readonly number[])[], scale = 1): number[] {
  const kernels = createReference('float64');
  const weights = kernels.arena.reserve(4);
  const gradient = kernels.arena.reserve(4);
  weights.array.set([1, -2, 0.5, 0]);
  const optimizer = createOptimizer(kernels, 4, config);
  for (const one of gradients) {
    gradient.array.set(one);
    optimizer.update(weights.address, gradient.address, [[0, 4]], scale);
  }
  return [...weights.array];
}

const gradients = [
  [0.1, -0.2, 0.3, 0],
  [0.4, 0.1, -0.1, 0],
  [-0.3, 0.2, 0.2, 0],
];

const near = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]) < 1e-12);

test('sgd with momentum follows its formula', t => {
  const weights = [1, -2, 0.5, 0];
  const velocity = [0, 0, 0, 0];
  for (const gradient of gradients) {
    for (let i = 0; i < 4; i++) {
      velocity[i] = 0.9 * velocity[i] + 0.5 * gradient[i];
      weights[i] -= 0.1 * velocity[i];
    }
  }
  t.true(near(run({ kind: 'sgd', rate: 0.1, momentum: 0.9 }, gradients, 0.5), weights));
});

test('adam follows algorithm 1 of Kingma and Ba', t => {
  const [alpha, beta1, beta2, epsilon] = [0.01, 0.8, 0.99, 1e-8];
  const weights = [1, -2, 0.5, 0];
  const m = [0, 0, 0, 0];
  const v = [0, 0, 0, 0];
  gradients.forEach((gradient, index) => {
    const time = index + 1;
    for (let i = 0; i < 4; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
      v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2;
      const mean = m[i] / (1 - beta1 ** time);
      const variance = v[i] / (1 - beta2 ** time);
      weights[i] -= (alpha * mean) / (Math.sqrt(variance) + epsilon);
    }
  });
  t.true(near(run({ kind: 'adam', rate: alpha, beta1, beta2, epsilon }, gradients), weights));
  t.false(near(run({ kind: 'adam', rate: alpha, beta1: 0.81, beta2, epsilon }, gradients), weights));
});

test('weights outside the ranges stay', t => {
  const kernels = createReference('float32');
  const weights = kernels.arena.reserve(16);
  const gradient = kernels.arena.reserve(16);
  gradient.array.fill(1);
  createOptimizer(kernels, 16, { kind: 'sgd', rate: 1 }).update(weights.address, gradient.address, [[4, 8]], 1);
  t.deepEqual([...weights.array], [0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0]);
});

test('a wrong setting is named', t => {
  const wrong: [unknown, RegExp][] = [
    [{ kind: 'sgd', rate: -1 }, /optimizer\.rate/],
    [{ kind: 'sgd', rate: 1, momentum: 1 }, /optimizer\.momentum/],
    [{ kind: 'adam', rate: Number.NaN }, /optimizer\.rate/],
    [{ kind: 'adam', rate: 1, beta2: 1 }, /optimizer\.beta2/],
    [{ kind: 'adam', rate: 1, epsilon: 0 }, /optimizer\.epsilon/],
    [{ kind: 'newton', rate: 1 }, /optimizer\.kind to be 'sgd' or 'adam', got newton/],
  ];
  for (const [config, message] of wrong) {
    t.throws(() => createOptimizer(createReference('float32'), 4, config as OptimizerConfig), {
      instanceOf: ConfigError,
      message,
    });
  }
});
