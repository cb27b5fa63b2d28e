import test from 'ava';
import { ConfigError, DivergenceError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { forecast } from '../../src/operators/forecast.js';
import { rollout } from '../../src/operators/rollout.js';
import { step } from '../../src/operators/step.js';
import { stepMany } from '../../src/operators/step-many.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { tbpttMany } from '../../src/operators/tbptt-many.js';
import { saveTrainer } from '../../src/training/checkpoint.js';
import { evaluate } from '../../src/training/evaluate.js';
import { fit } from '../../src/training/fit.js';
import { createStream } from '../../src/training/stream.js';
import { createTrainer, type TrainerOptions } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomWindows } from '../helpers/models.js';
import { isFast } from '../helpers/records.js';

const make = (seed = 1) => createModel(config('lstm', [6, 4]), { seed });

test('an update lowers the loss of its window', async t => {
  const model = await make();
  const trainer = createTrainer(model, { k1: 8, k2: 8, optimizer: { kind: 'sgd', rate: 0.05 } });
  const [window] = randomWindows(model, [8], 3);
  const first = trainer.learn(window);
  let last = first;
  for (let i = 0; i < 50; i++) last = trainer.learn(window);
  t.true(last.loss < 0.7 * first.loss);
  t.like(last, { count: 51, skipped: false, windows: 1, steps: 8, short: 0 });
});

test('an update may be made in parts: the weights move with the last of them, to where they move at once', async t => {
  for (const cell of ['rnn_tanh', 'gru', 'lstm'] as const) {
    const [model, other] = await Promise.all([0, 1].map(() => createModel(config(cell, [6, 4]), { seed: 1 })));
    const options = { k1: 20, k2: 20, guard: {} };
    const trainer = createTrainer(model, options);
    const windows = randomWindows(model, [20, 3], 3);
    const before = model.weights();
    const rest = trainer.learnInParts(windows);
    let parts = 1;
    let part = rest.next();
    for (; !part.done; part = rest.next()) {
      parts++;
      t.deepEqual(model.weights(), before);
    }
    t.true(parts > 8, `${parts}`);
    t.notDeepEqual(model.weights(), before);
    t.deepEqual(part.value, createTrainer(other, options).learnMany(windows));
    t.deepEqual(model.weights(), other.weights());
  }
});

test('what is no window, or no list of them, is refused, and what a window is is said', async t => {
  const trainer = createTrainer(await make(), { k1: 8, k2: 8, guard: {} });
  const [window] = randomWindows(trainer.model, [8], 3);
  for (const wrong of [undefined, null, 5, {}, [window], { ...window, inputs: undefined }, { ...window, targets: 3 }]) {
    const expected = {
      instanceOf: ConfigError,
      message: /^Expected a window to be \{ carry, inputs, targets \}, got /,
    };
    t.throws(() => trainer.learn(wrong as never), expected);
    t.throws(() => trainer.gradients([wrong as never]), expected);
  }
  t.throws(() => trainer.learnMany(window as never), {
    instanceOf: ConfigError,
    message: /^Expected windows to be an array/,
  });
  t.throws(() => trainer.gradients(undefined as never), { instanceOf: ConfigError });
  t.is(trainer.learn(window).count, 1);
});

test('what is learned from is told: labelled steps, short windows, clipping', async t => {
  const model = await make();
  const trainer = createTrainer(model, { k1: 4, k2: 8, maxGradientNorm: 1e-3 });
  const windows = randomWindows(model, [8, 3], 3, 0);
  const update = trainer.learnMany(windows);
  t.like(update, { windows: 2, steps: 11, labelled: 11, short: 1, clipped: true });
  t.true(update.gradientNorm > 1e-3);
});

test('a clipped gradient has the given norm', async t => {
  const model = await make();
  const before = model.weights();
  const rate = 0.5;
  createTrainer(model, { k2: 8, maxGradientNorm: 0.01, optimizer: { kind: 'sgd', rate } }).learn(
    randomWindows(model, [8], 3, 0)[0],
  );
  let squares = 0;
  for (const [name, values] of Object.entries(model.weights())) {
    for (let i = 0; i < values.length; i++) squares += (values[i] - before[name][i]) ** 2;
  }
  t.true(Math.abs(Math.sqrt(squares) - rate * 0.01) < 1e-5);
});

test('frozen tensors stay, and the others move', async t => {
  const model = await make();
  const before = model.weights();
  createTrainer(model, { freeze: ['weight_hh_l0', 'readout.bias'] }).learn(randomWindows(model, [5], 3)[0]);
  const after = model.weights();
  for (const name of Object.keys(before)) {
    const moved = firstDifference(before[name], after[name]) >= 0;
    t.is(moved, name !== 'weight_hh_l0' && name !== 'readout.bias', name);
  }
});

test('an update that is not finite is skipped and told, and ends the stream when it repeats', async t => {
  const model = await make();
  const weights = model.weights();
  model.setWeights({ 'readout.weight': weights['readout.weight'].fill(3e38) });
  const broken = model.weights();
  const trainer = createTrainer(model, { maxSkipped: 3 });
  const [window] = randomWindows(model, [4], 3, 0);
  for (let i = 0; i < 2; i++) t.like(trainer.learn(window), { skipped: true, count: 0 });
  t.deepEqual(model.weights(), broken);
  t.throws(() => trainer.learn(window), {
    instanceOf: DivergenceError,
    message: /3 updates in a row.*smaller optimizer\.rate/,
  });
});

test('a good update makes the count of skipped ones begin again', async t => {
  const model = await make();
  const good = model.weights();
  const trainer = createTrainer(model, { maxSkipped: 2 });
  const [window] = randomWindows(model, [4], 3, 0);
  for (let i = 0; i < 4; i++) {
    model.setWeights({ 'readout.bias': Float32Array.of(3e38, 3e38) });
    t.true(trainer.learn(window).skipped);
    model.setWeights(good);
    t.false(trainer.learn(window).skipped);
  }
});

test('batches of any number and length give the bits of a fresh trainer', async t => {
  const [a, b] = [await make(), await make()];
  const trainer = createTrainer(a, { k2: 4 });
  for (const lengths of [[4], [9, 2, 30], [1, 1, 1, 1, 1], [3], [4, 4]]) {
    const windows = randomWindows(a, lengths, lengths.length);
    const found = trainer.gradients(windows);
    const fresh = createTrainer(b, { k2: 4 }).gradients(windows);
    for (const name of Object.keys(found.weights)) t.is(firstDifference(found.weights[name], fresh.weights[name]), -1);
  }
});

test('an update of the steps just taken has the bits of a fresh trainer, whichever targets these were scored by', async t => {
  for (const targets of [
    [3, 1, 0, 2],
    [3, 2, null, 2],
  ]) {
    const classifier = (): ReturnType<typeof createModel> =>
      createModel({ ...config('lstm', [6]), output: { kind: 'classes', size: 4 } }, { seed: 1 });
    const [a, b] = [await classifier(), await classifier()];
    const trainer = createTrainer(a, { k1: 4, k2: 4 });
    const [{ carry, inputs }] = randomWindows(a, [4], 11);
    let before = carry;
    const losses = inputs.map((input, i) => {
      const step = trainer.step(before, input);
      before = step.carry;
      return trainer.loss(step.logits, [3, 1, 0, 2][i])!;
    });
    const update = trainer.learn({ carry, inputs, targets });
    t.deepEqual(update, createTrainer(b, { k1: 4, k2: 4 }).learn({ carry, inputs, targets }));
    const same = Math.abs(update.loss - losses.reduce((sum, loss) => sum + loss) / 4) < 1e-9;
    t.is(same, targets[1] === 1);
    const [found, expected] = [a.weights(), b.weights()];
    for (const name of Object.keys(found)) t.is(firstDifference(found[name], expected[name]), -1);
  }
});

test('a wrong option or window is refused', async t => {
  const model = await make();
  const wrong: [TrainerOptions, RegExp][] = [
    [{ k1: 0 }, /k1 to be an integer from 1, got 0/],
    [{ k1: 4, k2: 3 }, /k2 to be an integer from k1 \(4\), got 3/],
    [{ lateness: -1 }, /lateness/],
    [{ maxGradientNorm: 0 }, /maxGradientNorm/],
    [{ freeze: ['nothing'] }, /freeze to be names of tensors .*, got nothing/],
    [{ freeze: null as never }, /freeze to be a list of names of tensors, got null/],
    [{ maxSkipped: 0 }, /maxSkipped/],
    [{ replay: { windows: 1, capacity: 9, span: 2 } as never }, /option of replay to be .*, got span/],
    [{ replay: 2 as never }, /replay to be an object, got 2/],
    [{ replay: { windows: 1, capacity: 0 } }, /replay\.capacity to be an integer from 1, got 0/],
    [{ K2: 3 } as TrainerOptions, /an option to be one of optimizer, k1, .*, got K2/],
    [null as unknown as TrainerOptions, /options to be an object, got null/],
  ];
  for (const [options, message] of wrong)
    t.throws(() => createTrainer(model, options), { instanceOf: ConfigError, message });
  const trainer = createTrainer(model);
  const [window] = randomWindows(model, [3], 1);
  t.throws(() => trainer.learn({ ...window, targets: [null, null, null] }), {
    instanceOf: ConfigError,
    message: /at least one step with a target/,
  });
  t.throws(() => trainer.learn({ ...window, carry: new Float32Array(1) }), {
    message: /carry to have 20 numbers, got 1/,
  });
  t.throws(() => trainer.learnMany([]), { instanceOf: ConfigError, message: /at least one window/ });
  t.is(trainer.count, 0);
});

test('a replayed window joins the update, and is counted apart', async t => {
  const model = await make();
  const trainer = createTrainer(model, { k1: 4, k2: 8 });
  const [own, again] = randomWindows(model, [8, 8], 5, 0);
  const alone = trainer.gradients([own]);
  const update = trainer.learnMany([own, { ...again, replayed: true }]);
  t.like(update, { windows: 2, replayed: 1, labelled: 8, steps: 16 });
  t.true(Math.abs(update.loss - alone.loss) < 1e-6);
});

test('what each step reads stays a record that is read fast, with a guard and a rule for the readout, too', async t => {
  for (const more of [{}, { guard: {} }, { readout: { optimizer: { kind: 'sgd', rate: 0.1 } } }] as const) {
    const model = await createModel(config('gru', [3]), { seed: 2 });
    const trainer = createTrainer(model, { k1: 2, k2: 2, ...more });
    const stream = createStream(trainer);
    for (let i = 0; i < 20; i++) {
      if (stream.windows.due()) trainer.learnMany(stream.windows.take());
      stream.step(Float32Array.of(i, 1, 2), Float32Array.of(1, i));
    }
    const { optimizer } = trainer;
    const { kernels } = model.network;
    for (const [name, one] of Object.entries({ trainer, stream, optimizer, model, kernels, arena: kernels.arena }))
      t.true(isFast(one), `${name} with ${JSON.stringify(more)}`);
  }
});

test('a stream goes on from a state that kept no steps, though an update would be due', async t => {
  const trainer = createTrainer(await createModel(config('gru', [3])), { k1: 2, k2: 2 });
  const state = { carry: trainer.model.zeroCarry(), steps: 4, updated: 0, entries: [] };
  const stream = createStream(trainer, state);
  t.false(stream.windows.due(false));
  t.true(stream.windows.due());
  t.deepEqual(stream.windows.take(), []);
  t.is(stream.step(Float32Array.of(1, 2, 3), undefined).number, 5);
});

test('the states that a stream gives are its own no more: what it learns later does not change them', async t => {
  const trainer = createTrainer(await createModel(config('gru', [3])), { k1: 2, k2: 2, lateness: 2 });
  const stream = createStream(trainer);
  stream.step(Float32Array.of(1, 2, 3), undefined);
  const before = stream.state();
  const kept = structuredClone(before);
  const other = createStream(trainer, before);
  stream.target(1, Float32Array.of(1, 2));
  other.target(1, Float32Array.of(3, 4));
  stream.step(Float32Array.of(1, 2, 3), Float32Array.of(1, 2));
  stream.windows.take();
  t.deepEqual(before, kept);
  t.deepEqual(other.state().entries[0].target, Float32Array.of(3, 4));
});

test('a promise of a model, or a trainer in the place of a model, is refused at once, and the way out is said', async t => {
  const made = createModel(config('gru', [3]));
  const trainer = createTrainer(await made);
  const takers: ((model: never) => unknown)[] = [
    model => createTrainer(model),
    model => step(model),
    model => stepMany(model),
    model => rollout(model, { input: Float32Array.of(1, 2, 3), feed: 'first', steps: 1 }),
  ];
  for (const take of takers) {
    t.throws(() => take(made as never), {
      instanceOf: ConfigError,
      message: 'Expected model to be what createModel or loadModel resolves to, got Promise: await it',
    });
    t.throws(() => take(trainer as never), { instanceOf: ConfigError, message: /Expected model .* got Object$/ });
    t.throws(() => take(undefined as never), { instanceOf: ConfigError, message: /Expected model .* got undefined$/ });
  }
});

test('a model in the place of a trainer is refused at once', async t => {
  const model = (await make()) as never;
  const message = 'Expected trainer to be what createTrainer returns, got Object';
  const takers: ((trainer: never) => unknown)[] = [
    trainer => tbptt(trainer),
    trainer => tbpttMany(trainer),
    trainer => forecast(trainer, { columns: ['load'] }),
    trainer => evaluate(trainer, []),
    trainer => saveTrainer(trainer, new Map()),
  ];
  for (const take of takers) t.throws(() => take(model), { instanceOf: ConfigError, message });
  await t.throwsAsync(fit(model, [], { epochs: 1 }), { instanceOf: ConfigError, message });
});
