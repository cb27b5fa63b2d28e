import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createStream, type StreamState } from '../../src/training/stream.js';
import { createTrainer, type TrainerOptions } from '../../src/training/trainer.js';
import type { Window } from '../../src/training/window.js';
import { firstDifference } from '../helpers/bits.js';

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
    if (stream.due()) {
      const windows = stream.take();
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
