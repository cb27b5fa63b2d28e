import test from 'ava';
import { merge, Subject, share } from 'rxjs';
import { InputError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { drift } from '../../src/operators/drift.js';
import type { Example, Forget } from '../../src/operators/learned.js';
import { checkItem, tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createStream, type StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer, type TrainerOptions } from '../../src/training/trainer.js';
import type { Window } from '../../src/training/window.js';
import { firstDifference } from '../helpers/bits.js';
import { config as network } from '../helpers/models.js';

const config = {
  input: { kind: 'token', size: 97 },
  layers: [{ cell: 'gru', size: 5 }],
  output: { kind: 'classes', size: 3 },
} as const;

/** Runs a stream whose input at step t is t modulo 97; a target is missing at every third step. */
async function run(options: TrainerOptions, steps: number, stopAt?: number) {
  const model = await createModel(config, { seed: 1 });
  const trainer = createTrainer(model, options);
  const random = createRandom(8);
  const taken: { at: number; windows: Window[] }[] = [];
  let stream = createStream(trainer);
  for (let t = 1; t <= steps; t++) {
    stream.step(t % 97, t % 3 === 0 ? null : random.integer(3));
    if (stream.windows.due()) {
      const windows = stream.windows.take();
      taken.push({ at: t, windows });
      if (windows.length > 0) trainer.learnMany(windows);
    }
    if (t === stopAt) stream = createStream(trainer, structuredClone(stream.state()) as StreamState);
  }
  return { taken, weights: model.weights(), state: stream.state() };
}

const options: TrainerOptions = { k1: 2, k2: 6, replay: { windows: 2, capacity: 40, seed: 3 } };

test('replayed windows end within the newest steps, have k2 steps, and bring the losses of their newest k1', async t => {
  const { taken } = await run(options, 200);
  const ends = new Set<number>();
  for (const { at, windows } of taken.slice(30)) {
    const replayed = windows.filter(window => window.replayed);
    t.is(replayed.length, 2);
    t.is(windows.length, 3);
    for (const { inputs, targets } of replayed) {
      t.is(inputs.length, 6);
      t.true(targets.slice(0, 4).every(target => target === null));
      t.not(targets[5], null);
      const age = (at - (inputs[5] as number) + 970) % 97;
      t.true(age < 40);
      ends.add(age);
    }
  }
  t.true(ends.size > 20, 'they are drawn from all of the memory');
});

test('the same seed draws the same windows, another seed others', async t => {
  const [a, b, c] = await Promise.all([
    run(options, 120),
    run(options, 120),
    run({ ...options, replay: { windows: 2, capacity: 40, seed: 4 } }, 120),
  ]);
  for (const name of Object.keys(a.weights)) t.is(firstDifference(a.weights[name], b.weights[name]), -1);
  t.true(Object.keys(a.weights).some(name => firstDifference(a.weights[name], c.weights[name]) >= 0));
});

test('a stream that is resumed draws what it would have drawn', async t => {
  const whole = await run(options, 120);
  for (const stopAt of [1, 33, 80, 81]) {
    const resumed = await run(options, 120, stopAt);
    for (const name of Object.keys(whole.weights))
      t.is(firstDifference(whole.weights[name], resumed.weights[name]), -1, `stopped at ${stopAt}`);
  }
});

test('what is remembered is bounded', async t => {
  const { state } = await run(options, 2000);
  t.is(state.entries.length, 46);
});

test('what is forgotten is not replayed, and what is left still is, as often', async t => {
  const model = await createModel(network('gru', [3], { kind: 'token', size: 2 }, { kind: 'values', size: 1 }));
  const options = { k1: 1, k2: 2, lateness: 1, replay: { windows: 2, capacity: 100 } };
  const seen: number[] = [];
  let replayed = 0;
  const real = createTrainer(model, { ...options, optimizer: { kind: 'sgd', rate: 0 } });
  const trainer: Trainer = {
    ...real,
    learnMany(windows) {
      for (const window of windows)
        if (window.replayed) seen.push(...window.targets.filter(one => one !== null).map(Number));
      replayed += windows.filter(window => window.replayed).length;
      return real.learnMany(windows);
    },
  };
  // The target of a step is its number.
  const source = new Subject<Example | Forget>();
  source.pipe(tbptt(trainer)).subscribe();
  for (let number = 1; number <= 60; number++) source.next({ input: 0, target: number });
  t.true(seen.some(number => number < 20));
  source.next({ forget: 5 });
  seen.length = 0;
  replayed = 0;
  for (let number = 61; number <= 80; number++) source.next({ input: 0, target: number });
  t.true(
    seen.every(number => number > 55),
    `${seen}`,
  );
  t.is(replayed, 40);
  t.throws(() => checkItem({ forget: -1 }), { instanceOf: InputError, message: /forget to be an integer from 0/ });
});

test('a learner that forgets on an alarm is over a drift sooner than one that replays the past', async t => {
  const run = async (forgets: boolean) => {
    const model = await createModel(network('gru', [8], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }), {
      seed: 1,
    });
    const trainer = createTrainer(model, {
      k1: 1,
      k2: 4,
      optimizer: { kind: 'adam', rate: 0.003 },
      replay: { windows: 2, capacity: 2000 },
    });
    const alarms = new Subject<Forget>();
    const wave = Array.from({ length: 3000 }, (_, i) => {
      const [x, y] = [Math.sin(i / 3), Math.sin((i + 1) / 3)];
      // At 2,000 the sign of what follows turns.
      return { input: Float32Array.of(x), target: Float32Array.of(i < 2000 ? y : -y) };
    });
    const source = new Subject<Example>();
    let after = 0;
    let told = 0;
    const learned = merge(source, alarms).pipe(tbptt(trainer), share());
    learned.pipe(drift({ range: 2 })).subscribe(({ kept }) => {
      told++;
      if (forgets) alarms.next({ forget: kept });
    });
    learned.subscribe(event => {
      if (event.kind === 'step' && event.number > 2000 && event.number <= 2600) after += event.loss! / 600;
    });
    for (const example of wave) source.next(example);
    return { after, told };
  };
  const [forgetting, clinging] = [await run(true), await run(false)];
  t.log(
    `loss of the 600 steps after it ${forgetting.after.toFixed(4)}, without forgetting ${clinging.after.toFixed(4)}`,
  );
  t.true(forgetting.told > 0);
  t.true(forgetting.after < 0.8 * clinging.after);
});
