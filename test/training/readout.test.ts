import test from 'ava';
import { from } from 'rxjs';
import { ConfigError, DivergenceError, InputError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { fit } from '../../src/training/fit.js';
import type { TrainerOptions } from '../../src/training/options.js';
import { createTrainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomWindows, threeModels } from '../helpers/models.js';

const network = config('gru', [5, 4], { kind: 'features', size: 2 }, { kind: 'classes', size: 3 }, true);
const sgd = { kind: 'sgd', rate: 0.1 } as const;
const own: TrainerOptions = { k1: 4, k2: 8, readout: { optimizer: sgd }, maxGradientNorm: Number.POSITIVE_INFINITY };

test('the readout learns along its part of the gradient of one step, bit for bit, and nothing else moves', async t => {
  const models = await threeModels(network, 2);
  for (const model of Object.values(models)) {
    const windows = randomWindows(model, [1, 1, 1], 4, 0);
    const { loss, weights: gradient } = createTrainer(model).gradients(windows);
    const before = model.weights();
    const steps = windows.map(({ carry, inputs, targets }) => ({
      carry: model.step(carry, inputs[0]).carry,
      target: targets[0]!,
    }));
    const update = createTrainer(model, own).learnReadout(steps);
    t.like(update, { count: 1, readout: true, windows: 0, steps: 3, labelled: 3, skipped: false });
    t.is(update.loss, loss);
    for (const [name, values] of Object.entries(model.weights())) {
      const single = model.network.kernels.name !== 'float64';
      const round = single ? Math.fround : (x: number) => x;
      const expected = before[name].map((w, i) =>
        name.startsWith('readout.') ? round(w - round(round(0.1) * gradient[name][i])) : w,
      );
      t.is(firstDifference(values, expected), -1, `${model.network.kernels.name} ${name}`);
    }
  }
  t.is(firstDifference(models.simd.weights()['readout.weight'], models.reference.weights()['readout.weight']), -1);
});

test('an update of the network leaves a readout that has a rule of its own', async t => {
  const model = await createModel(network, { seed: 2 });
  const before = model.weights();
  const trainer = createTrainer(model, own);
  trainer.learn(randomWindows(model, [6], 3)[0]);
  const after = model.weights();
  for (const name of Object.keys(before))
    t.is(firstDifference(before[name], after[name]) >= 0, !name.startsWith('readout.'), name);
  t.is(trainer.count, 1);
});

/** What a stream with all of its targets in time was told, in short. */
async function told(options: TrainerOptions, items: readonly (Example | LateTarget)[]): Promise<string[]> {
  const model = await createModel(network, { seed: 2 });
  const events: Learned[] = [];
  from(items)
    .pipe(tbptt(createTrainer(model, options)))
    .subscribe(event => events.push(event));
  return events.map(event => {
    if (event.kind !== 'update') return event.kind;
    const { readout, steps, count } = event.update;
    return `${readout ? 'readout' : 'network'} ${count} from ${steps}`;
  });
}

const examples = Array.from({ length: 5 }, (_, i) => ({ input: Float32Array.of(i, 1), target: i % 3 }));

test('the readout learns after every step of its own k1, after the network where both are due, and what remains at the end', async t => {
  t.deepEqual(await told({ ...own, k1: 2 }, examples), [
    ...['step', 'readout 1 from 1', 'step', 'network 1 from 2', 'readout 2 from 1'],
    ...['step', 'readout 3 from 1', 'step', 'network 2 from 4', 'readout 4 from 1', 'step', 'readout 5 from 1'],
    'network 3 from 5',
  ]);
  t.deepEqual(await told({ ...own, k1: 5, k2: 5, readout: { optimizer: sgd, k1: 3 } }, examples), [
    ...['step', 'step', 'step', 'readout 1 from 3', 'step', 'step', 'network 1 from 5', 'readout 2 from 2'],
  ]);
});

test('it learns a late target once, with the next of its updates', async t => {
  const items = [
    { input: Float32Array.of(0, 1) },
    { input: Float32Array.of(1, 1), target: 1 },
    { forStep: 1, target: 2 },
    { input: Float32Array.of(2, 1), target: null },
    { input: Float32Array.of(3, 1), target: 0 },
  ];
  t.deepEqual(await told({ ...own, k1: 4, lateness: 2 }, items), [
    ...['step', 'step', 'readout 1 from 1', 'late', 'step', 'readout 2 from 1', 'step'],
    ...['network 1 from 4', 'readout 3 from 1'],
  ]);
});

test('a readout that moves after every step learns a stream where one that waits has not', async t => {
  const run = async (options: TrainerOptions): Promise<number> => {
    const model = await createModel(network, { seed: 2 });
    let loss = 0;
    from(Array.from({ length: 400 }, (_, i) => ({ input: Float32Array.of(i % 3, 1), target: (i + 1) % 3 })))
      .pipe(tbptt(createTrainer(model, { k1: 50, k2: 50, optimizer: { kind: 'adam', rate: 0.002 }, ...options })))
      .subscribe(event => {
        if (event.kind === 'step' && event.number > 200) loss += event.loss! / 200;
      });
    return loss;
  };
  const [apart, together] = [await run({ readout: { optimizer: { kind: 'sgd', rate: 1 } } }), await run({})];
  t.true(apart < 0.8 * together, `${apart} against ${together}`);
});

test('what is not finite is skipped, and diverges when it repeats', async t => {
  const model = await createModel(network, { seed: 2 });
  const trainer = createTrainer(model, { ...own, maxSkipped: 2 });
  const weights = model.weights()['readout.weight'];
  model.setWeights({ 'readout.weight': weights.fill(3e38) });
  const step = { carry: model.zeroCarry().fill(0.9), target: 0 };
  t.like(trainer.learnReadout([step]), { skipped: true, count: 0 });
  t.throws(() => trainer.learnReadout([step]), { instanceOf: DivergenceError });
});

test('a state that grew beyond float32 is skipped as by the network, and ends its stream at the next step', async t => {
  for (const output of [
    { kind: 'values', size: 1 },
    { kind: 'classes', size: 2 },
    { kind: 'labels', size: 1 },
  ] as const) {
    const model = await createModel(config('rnn_relu', [4], { kind: 'features', size: 1 }, output), { seed: 1 });
    const { weight_hh_l0: recurrent, weight_ih_l0: inward } = model.weights();
    // Each unit is 10⁵ times larger after each step: from the eighth on, none is a float32.
    model.setWeights({ weight_hh_l0: recurrent.map((_, i) => (i % 5 === 0 ? 1e5 : 0)), weight_ih_l0: inward.fill(1) });
    const still = { kind: 'sgd', rate: 1e-30 } as const;
    const trainer = createTrainer(model, {
      k1: 30,
      k2: 30,
      optimizer: still,
      readout: { optimizer: still },
      maxSkipped: 8,
    });
    const target = output.kind === 'classes' ? 1 : Float32Array.of(1);
    const skipped: boolean[] = [];
    let error: unknown;
    from(Array.from({ length: 20 }, () => ({ input: Float32Array.of(1), target })))
      .pipe(tbptt(trainer))
      .subscribe({
        next: event => event.kind === 'update' && skipped.push(event.update.skipped),
        error: reason => {
          error = reason;
        },
      });
    t.true(error instanceof InputError, String(error));
    t.deepEqual([skipped[0], skipped.at(-1)], [false, true]);
    // Asked by hand, it diverges when it stays.
    const grown = { carry: model.zeroCarry().fill(Number.POSITIVE_INFINITY), target };
    const stay = (): void => {
      for (let i = 0; i < 8; i++) trainer.learnReadout([grown]);
    };
    t.throws(stay, { instanceOf: DivergenceError });
  }
});

test('wrong options and uses are refused', async t => {
  const model = await createModel(network);
  const refused = (readout: unknown, message: RegExp) =>
    t.throws(() => createTrainer(model, { readout } as TrainerOptions), { instanceOf: ConfigError, message });
  refused(null, /readout to be an object, got null/);
  refused({}, /readout\.optimizer to be an optimizer, got undefined/);
  refused({ optimizer: sgd, k1: 0 }, /readout\.k1 to be an integer from 1, got 0/);
  refused({ optimizer: sgd, k2: 3 }, /an option of readout to be one of optimizer, k1, got k2/);
  refused({ optimizer: { kind: 'sgd', rate: -1 } }, /optimizer\.rate/);
  t.throws(() => createTrainer(model).learnReadout([]), { instanceOf: ConfigError, message: /rule of its own/ });
  t.throws(() => createTrainer(model, own).learnReadout([]), { instanceOf: ConfigError, message: /at least one step/ });
  t.throws(() => createTrainer(model, { ...own, loss: { kind: 'ctc' } }), {
    instanceOf: ConfigError,
    message: /a loss of each step with readout, got ctc/,
  });
  await t.throwsAsync(async () => fit(createTrainer(model, own), [], { epochs: 1 }), {
    instanceOf: ConfigError,
    message: /leave readout out/,
  });
});
