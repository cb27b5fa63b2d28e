import test from 'ava';
import fc from 'fast-check';
import { from, lastValueFrom, toArray } from 'rxjs';
import { ConfigError, TargetError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference.js';
import { buildModel } from '../../src/model/model.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import type { Target } from '../../src/training/loss.js';
import type { LossConfig } from '../../src/training/losses.js';
import type { TrainerOptions } from '../../src/training/options.js';
import { createTrainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomWindows, threeModels } from '../helpers/models.js';

const classes = (size: number) => config('gru', [4], undefined, { kind: 'classes', size });

/** What a way to say something says: repetitions, then blanks, left out. */
function collapse(path: readonly number[], blank: number): number[] {
  return path.filter((label, t) => label !== blank && label !== path[t - 1]);
}

/** −ln Σ p of every path, one class a step, that says the labels. */
function bruteForce(logits: readonly ArrayLike<number>[], labels: readonly number[], blank: number): number {
  const size = logits[0].length;
  const probabilities = logits.map(row => {
    const sum = Array.from(row).reduce((total, o) => total + Math.exp(o), 0);
    return Array.from(row, o => Math.exp(o) / sum);
  });
  let all = 0;
  for (let path = 0; path < size ** logits.length; path++) {
    const steps = logits.map((_, t) => Math.floor(path / size ** t) % size);
    if (collapse(steps, blank).join() !== labels.join()) continue;
    all += steps.reduce((product, label, t) => product * probabilities[t][label], 1);
  }
  return -Math.log(all);
}

/** As many targets as steps: the labels at some of them. */
function spread(labels: readonly number[], steps: number, random = createRandom(1)): Target[] {
  const places = new Set<number>();
  while (places.size < labels.length) places.add(random.integer(steps));
  const order = [...places].sort((a, b) => a - b);
  return Array.from({ length: steps }, (_, t) => (order.includes(t) ? labels[order.indexOf(t)] : null));
}

test('the loss is that of all alignments, wherever the labels stand', async t => {
  for (const blank of [0, 2]) {
    const trainer = createTrainer(buildModel(createReference('float64'), classes(3), 1), {
      loss: { kind: 'ctc', blank },
    });
    const others = [0, 1, 2].filter(label => label !== blank);
    const some = fc.record({
      seed: fc.nat(10_000),
      steps: fc.integer({ min: 1, max: 7 }),
      labels: fc.array(fc.constantFrom(...others), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(some, ({ seed, steps, labels }) => {
        const needed = labels.length + labels.filter((label, i) => label === labels[i - 1]).length;
        fc.pre(needed <= steps);
        const random = createRandom(seed);
        const logits = Array.from({ length: steps }, () => Float32Array.from({ length: 3 }, () => 2 * random.normal()));
        // Where nothing is said, one target says so.
        const targets = labels.length > 0 ? spread(labels, steps, random) : spread([blank], steps, random);
        const truth = bruteForce(logits, labels, blank);
        const found = trainer.windowLoss!(logits, targets);
        t.true(Math.abs(found - truth) <= 1e-12 * Math.max(1, truth), `${found}, ${truth}`);
        // Other labels have another loss.
        if (labels.length > 0) t.true(Math.abs(trainer.windowLoss!(logits, spread([blank], steps)) - truth) > 1e-9);
      }),
      { numRuns: 30 },
    );
  }
});

test('gradients agree with central differences in float64, and in float32 SIMD and reference to the bit', async t => {
  const models = await threeModels(classes(4), 2);
  const loss: LossConfig = { kind: 'ctc', blank: 1 };
  // Lengths 9 and 6, labels with a repetition, blanks among them.
  const windows = randomWindows(models.simd, [9, 6, 4], 3).map((window, i) => ({
    ...window,
    targets: [spread([0, 3, 3, 2], 9), spread([2, 1, 1], 6), spread([1], 4)][i],
  }));
  const [simd, reference, wide] = [models.simd, models.reference, models.float64].map(model =>
    createTrainer(model, { loss, k2: 16 }).gradients(windows),
  );
  const { float64 } = models;
  const trainer = createTrainer(float64, { loss, k2: 16 });
  const weights = float64.weights();
  const epsilon = 1e-5;
  let largest = 0;
  for (const [name, values] of Object.entries(weights)) {
    t.is(firstDifference(simd.weights[name], reference.weights[name]), -1, name);
    values.forEach((value, i) => {
      const [above, below] = [epsilon, -epsilon].map(by => {
        float64.setWeights({ [name]: values.map((one, j) => (j === i ? value + by : one)) });
        return trainer.gradients(windows).loss;
      });
      const truth = (above - below) / (2 * epsilon);
      t.true(Math.abs(truth - wide.weights[name][i]) < 1e-8, `${name} ${i}`);
      t.true(Math.abs(truth - simd.weights[name][i]) < 1e-5);
      largest = Math.max(largest, Math.abs(truth));
    });
    float64.setWeights({ [name]: values });
  }
  t.true(largest > 0.1);
});

test('a batch is its windows, and a window without labels says nothing of itself', async t => {
  const { simd: model } = await threeModels(classes(3), 4);
  const trainer = createTrainer(model, { loss: { kind: 'ctc' } });
  const [long, short] = randomWindows(model, [8, 5], 6).map((window, i) => ({
    ...window,
    targets: spread([1, 0, 1].slice(i), 8 - 3 * i),
  }));
  const silent = { ...short, targets: short.targets.map(() => null) };
  const [a, b, both, more] = [[long], [short], [long, short], [long, silent, short]].map(some =>
    trainer.gradients(some),
  );
  t.true(Math.abs((3 * a.loss + 2 * b.loss) / 5 - both.loss) < 1e-6);
  t.is(more.loss, both.loss);
  t.deepEqual(more.weights, both.weights);
  t.is(trainer.loss(Float32Array.of(1, 2, 3), 1), null);
  // A window that weighs 2 is that window twice, but for the number of labels: 3 + 2, and 3 + 3 + 2.
  const heavy = trainer.gradients([{ ...long, weights: long.targets.map(() => 2) }, short]);
  const twice = trainer.gradients([long, long, short]);
  t.true(Math.abs(5 * heavy.loss - 8 * twice.loss) < 1e-5);
  heavy.weights['readout.bias'].forEach((value, i) => {
    t.true(Math.abs(5 * value - 8 * twice.weights['readout.bias'][i]) < 1e-5);
  });
  t.throws(() => trainer.gradients([{ ...long, weights: long.targets.map((_, i) => i + 1) }]), {
    instanceOf: TargetError,
    message: /one weight with ctc/,
  });
});

test('what hardly moves the loss does not move it, however small', async t => {
  const { simd: model } = await threeModels(classes(3), 4);
  // Class 0 is certain: what the others' outputs should change by lies far below 2⁻⁶⁰.
  model.setWeights({
    'readout.weight': model.weights()['readout.weight'].fill(0),
    'readout.bias': Float32Array.of(60, 0, 0),
  });
  const [window] = randomWindows(model, [4], 6);
  const trainer = createTrainer(model, { loss: { kind: 'ctc' } });
  const { weights } = trainer.gradients([{ ...window, targets: [0, null, null, null] }]);
  t.deepEqual([...weights['readout.bias']], [0, 0, 0]);
});

test('long sequences stay finite', async t => {
  const { simd: model } = await threeModels(classes(3), 4);
  const trainer = createTrainer(model, { loss: { kind: 'ctc' } });
  const logits = Array.from({ length: 3000 }, (_, i) => Float32Array.of(i % 7, 40, -30));
  const loss = trainer.windowLoss!(logits, spread([0, 0, 0], 3000));
  t.true(Number.isFinite(loss) && loss > 1000);
});

test('it learns what is said without being told when', async t => {
  const { simd: model } = await threeModels(config('gru', [24], undefined, { kind: 'classes', size: 3 }), 5);
  const trainer = createTrainer(model, { loss: { kind: 'ctc' }, optimizer: { kind: 'adam', rate: 0.02, beta1: 0.9 } });
  const random = createRandom(9);
  /** Bursts of one of two features, with gaps. */
  const draw = () => {
    const labels = Array.from({ length: 1 + random.integer(3) }, () => random.integer(2));
    const inputs = labels.flatMap(label => [
      ...Array.from({ length: 2 + random.integer(3) }, () => Float32Array.of(0, 0, 1)),
      ...Array.from({ length: 2 + random.integer(3) }, () => Float32Array.of(1 - label, label, 0)),
    ]);
    return { carry: model.zeroCarry(), inputs, targets: inputs.map((_, i) => labels[i] ?? null) };
  };
  for (let i = 0; i < 150; i++) trainer.learnMany(Array.from({ length: 8 }, draw));
  let right = 0;
  for (let i = 0; i < 50; i++) {
    const { inputs, targets } = draw();
    let carry = model.zeroCarry();
    const path = inputs.map(input => {
      const step = model.step(carry, input);
      carry = step.carry;
      return step.logits.indexOf(Math.max(...step.logits));
    });
    if (collapse(path, 2).join() === targets.filter(target => target !== null).join()) right++;
  }
  t.true(right >= 48, `${right} of 50`);
});

test('what cannot be said, and a wrong blank, is refused', async t => {
  const { simd: model } = await threeModels(classes(3), 4);
  const trainer = createTrainer(model, { loss: { kind: 'ctc' } });
  const [window] = randomWindows(model, [4], 1);
  t.throws(() => trainer.learn({ ...window, targets: [1, 1, 1, null] }), {
    instanceOf: TargetError,
    message: 'Expected a window of at least 5 steps for its 3 labels, got 4',
  });
  t.throws(() => trainer.learn({ ...window, targets: [3, null, null, null] }), { instanceOf: TargetError });
  t.deepEqual(trainer.options.loss, { kind: 'ctc', blank: 2 });
  for (const blank of [3, -1, 0.5])
    t.throws(() => createTrainer(model, { loss: { kind: 'ctc', blank } }), {
      instanceOf: ConfigError,
      message: /loss.blank to be a class from 0 to 2/,
    });
});

test('replay is refused: a window that is drawn would cut labels that belong together', async t => {
  const { simd: model } = await threeModels(classes(3), 4);
  // Each group of 8 can be said: four times one label need 7 steps. Half of one and half of the next, eight times, would need 15.
  const examples = Array.from({ length: 160 }, (_, i) => ({
    input: null,
    target: i % 16 >= 4 && i % 16 < 12 ? 1 : null,
  }));
  const learn = (options: TrainerOptions) =>
    lastValueFrom(
      from(examples).pipe(tbptt(createTrainer(model, { loss: { kind: 'ctc' }, k1: 8, k2: 8, ...options })), toArray()),
    );
  t.is((await learn({})).filter(({ kind }) => kind === 'update').length, 20);
  await t.throwsAsync(async () => learn({ replay: { windows: 2, capacity: 64 } }), {
    instanceOf: ConfigError,
    message: /^Expected a loss of each step with replay, got ctc/,
  });
});
