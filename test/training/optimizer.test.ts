import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import { createOptimizer, type OptimizerConfig } from '../../src/training/optimizer.js';
import type { Schedule } from '../../src/training/schedule.js';

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

test('without a first moment, adam follows the newest gradient', t => {
  const [alpha, beta2, epsilon] = [0.01, 0.99, 1e-8];
  const weights = [1, -2, 0.5, 0];
  const v = [0, 0, 0, 0];
  gradients.forEach((gradient, index) => {
    for (let i = 0; i < 4; i++) {
      v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2;
      weights[i] -= (alpha * gradient[i]) / (Math.sqrt(v[i] / (1 - beta2 ** (index + 1))) + epsilon);
    }
  });
  t.true(near(run({ kind: 'adam', rate: alpha, beta2, epsilon }, gradients), weights));
});

test('weight decay is decoupled: adamw shrinks the weights by rate · weightDecay and moves like adam', t => {
  const [rate, weightDecay] = [0.01, 0.5];
  const one = gradients.slice(0, 1);
  const plain = run({ kind: 'adam', rate, beta1: 0.9 }, one);
  const start = [1, -2, 0.5, 0];
  const expected = plain.map((value, i) => value - start[i] * rate * weightDecay);
  t.true(near(run({ kind: 'adam', rate, beta1: 0.9, weightDecay }, one), expected));
});

test('rmsprop and adagrad follow their formulas', t => {
  const rms = [1, -2, 0.5, 0];
  const ada = [1, -2, 0.5, 0];
  const square = [0, 0, 0, 0];
  const sum = [0, 0, 0, 0];
  for (const gradient of gradients) {
    for (let i = 0; i < 4; i++) {
      square[i] = 0.9 * square[i] + (1 - 0.9) * gradient[i] ** 2;
      rms[i] -= (0.01 * gradient[i]) / (Math.sqrt(square[i]) + 1e-6);
      sum[i] += gradient[i] ** 2;
      ada[i] -= (0.1 * gradient[i]) / (Math.sqrt(sum[i]) + 1e-10);
    }
  }
  t.true(near(run({ kind: 'rmsprop', rate: 0.01, decay: 0.9, epsilon: 1e-6 }, gradients), rms));
  t.true(near(run({ kind: 'adagrad', rate: 0.1 }, gradients), ada));
});

test('a schedule moves the rate from update to update', t => {
  const one = [[1, 1, 1, 1]];
  const moved = (schedule: Schedule, count: number): number =>
    1 -
    run(
      { kind: 'sgd', rate: 0.01, schedule },
      Array.from({ length: count }, () => one[0]),
    )[0];
  t.true(
    Math.abs(
      moved({ kind: 'inverse-sqrt', period: 3 }, 4) -
        0.01 * (1 + Math.sqrt(3 / 4) + Math.sqrt(3 / 5) + Math.sqrt(3 / 6)),
    ) < 1e-12,
  );
  t.true(
    Math.abs(moved({ kind: 'linear', steps: 4, final: 0.5 }, 6) - 0.01 * (1 + 0.875 + 0.75 + 0.625 + 0.5 + 0.5)) <
      1e-12,
  );
  t.true(Math.abs(moved({ kind: 'constant', warmup: 4 }, 5) - 0.01 * (0.25 + 0.5 + 0.75 + 1 + 1)) < 1e-12);
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
    [{ kind: 'adam', rate: 1, weightDecay: 1 }, /optimizer\.weightDecay/],
    [{ kind: 'rmsprop', rate: 1, decay: 1 }, /optimizer\.decay/],
    [{ kind: 'adagrad', rate: 1, epsilon: -1 }, /optimizer\.epsilon/],
    [{ kind: 'sgd', rate: 1, schedule: { kind: 'linear', steps: 0 } }, /schedule\.steps/],
    [{ kind: 'sgd', rate: 1, schedule: { kind: 'inverse-sqrt', period: 0 } }, /schedule\.period/],
    [{ kind: 'sgd', rate: 1, schedule: { kind: 'cosine' } }, /schedule\.kind/],
    [{ kind: 'rmsprop', rate: 1, decay: 0.99999999 }, /optimizer\.decay to be from 0 to below 1/],
    [
      { kind: 'sgd', rate: 1, beta1: 0.9 },
      /settings of sgd alone \(kind, rate, schedule, momentum\), got optimizer\.beta1/,
    ],
    [
      { kind: 'sgd', rate: 1, schedule: { kind: 'linear', steps: 9, warmUp: 3 } },
      /linear alone .*got schedule\.warmUp/,
    ],
    [null, /optimizer to be \{ kind, rate \}, got null/],
    [{ kind: 'newton', rate: 1 }, /optimizer\.kind to be 'sgd', 'rmsprop', 'adagrad' or 'adam', got newton/],
  ];
  for (const [config, message] of wrong) {
    t.throws(() => createOptimizer(createReference('float32'), 4, config as OptimizerConfig), {
      instanceOf: ConfigError,
      message,
    });
  }
});
