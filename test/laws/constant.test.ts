import test from 'ava';
import { from, of, Subject } from 'rxjs';
import { createReference } from '../../src/kernels/reference.js';
import type { Carry } from '../../src/model/carry.js';
import { buildModel, createModel } from '../../src/model/model.js';
import { next } from '../../src/operators/next.js';
import { step } from '../../src/operators/step.js';
import { type KeyedInput, stepMany } from '../../src/operators/step-many.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createStream, type StreamState } from '../../src/training/stream.js';
import { createTrainer } from '../../src/training/trainer.js';
import { bits, firstDifference } from '../helpers/bits.js';
import { cellKinds, config } from '../helpers/models.js';
import { timeOfRows } from '../helpers/pace.js';

const small = config('lstm', [4], { kind: 'token', size: 3 }, { kind: 'classes', size: 3 });

function* tokens(count: number): Generator<number> {
  const random = createRandom(1);
  for (let t = 0; t < count; t++) yield random.integer(3);
}

test('a stream of 100,000 steps takes no memory of the arena', async t => {
  const model = await createModel(small);
  const { arena } = model.network.kernels;
  model.step(model.zeroCarry(), 0);
  const before = arena.size();
  let steps = 0;
  from(tokens(100_000))
    .pipe(step(model))
    .subscribe(() => steps++);
  t.is(steps, 100_000);
  t.is(arena.size(), before);
  // What does take memory is seen: a batch larger than any before.
  model.stepMany([model.zeroCarry(), model.zeroCarry()], [0, 1]);
  t.true(arena.size() > before);
});

test('a stream that learns for 100,000 steps keeps as many steps and as much memory as after the first few', async t => {
  const model = await createModel(small);
  const trainer = createTrainer(model, { k1: 20, k2: 25, lateness: 3 });
  const { arena } = model.network.kernels;
  const early: number[] = [];
  let [steps, most, updates, learned] = [0, 0, 0, 0];
  let newest: StreamState | undefined;
  from(tokens(100_000))
    .pipe(next(), tbptt(trainer))
    .subscribe(event => {
      if (event.kind === 'update') {
        updates++;
        learned += event.update.labelled;
      }
      if (event.kind !== 'step') return;
      steps++;
      if (steps === 200) early.push(arena.size());
      // Looking at the state of each step would be the cost: now and then is enough, at no fixed phase.
      if (steps % 997 === 0) {
        newest = event.state();
        most = Math.max(most, newest.entries.length);
      }
    });
  t.is(steps, 100_000);
  t.is(updates, 5_000);
  t.is(learned, 99_999);
  t.is(arena.size(), early[0]);
  t.is(most, 25 + 20 + 3);
});

test('the entries of a stream are bounded at every step, and the check sees one that keeps them', async t => {
  const trainer = createTrainer(await createModel(small), { k1: 3, k2: 4, lateness: 2 });
  const bound = 3 + 4 + 2;
  const largest = (limit: number): number => {
    const stream = createStream(trainer);
    let most = 0;
    let kept: StreamState['entries'] = [];
    for (const token of tokens(400)) {
      stream.step(token, 0);
      if (stream.windows.due()) trainer.learnMany(stream.windows.take());
      const { entries } = stream.state();
      kept = limit === Infinity ? [...kept, entries[entries.length - 1]] : entries;
      most = Math.max(most, kept.length);
    }
    return most;
  };
  t.is(largest(bound), bound);
  t.true(largest(Infinity) > bound);
});

test('a hundred streams that come and go leave nothing behind', async t => {
  const model = await createModel(small);
  const trainer = createTrainer(model, { k1: 2, k2: 3 });
  const { arena } = model.network.kernels;
  const run = (): void => {
    from(tokens(30)).pipe(step(model)).subscribe();
    of(0, 1, 2).pipe(next(), tbptt(trainer)).subscribe();
  };
  run();
  const before = arena.size();
  for (let i = 0; i < 100; i++) run();
  t.is(arena.size(), before);

  const keys = new Subject<KeyedInput<number>>();
  let answers = 0;
  keys.pipe(stepMany(model, { maxStreams: 1, maxBatch: 1 })).subscribe(() => answers++);
  for (let i = 0; i < 1000; i++) keys.next({ key: `${i}`, input: 0, last: true });
  keys.complete();
  t.is(answers, 1000);
});

const tiny = 2 ** -60;

test('inputs below 2⁻⁶⁰ in magnitude are taken as +0, by every cell, with the very bits', async t => {
  for (const cell of cellKinds) {
    for (const model of [
      await createModel(config(cell, [6])),
      buildModel(createReference('float32'), config(cell, [6]), 0),
    ]) {
      const carry = Float32Array.from(model.zeroCarry(), (_, i) => (i % 2 === 0 ? 0.5 : -0.25));
      const zeros = model.step(carry, new Float32Array(3));
      for (const values of [
        [-0, 1e-45, -1e-45],
        [tiny / 2, -tiny / 2, 1.17e-38],
        [tiny * 0.999, -0, 1e-30],
      ]) {
        const same = model.step(carry, Float32Array.from(values));
        t.is(firstDifference(same.carry, zeros.carry), -1, `${cell}, ${values}`);
        t.is(firstDifference(same.logits, zeros.logits), -1, `${cell}, ${values}`);
      }
      const weights = model.weights();
      model.setWeights({ weight_ih_l0: weights.weight_ih_l0.map(w => w * 2 ** 60) });
      const seen = model.step(carry, Float32Array.of(tiny, -tiny, tiny));
      t.true(
        firstDifference(seen.carry, model.step(carry, new Float32Array(3)).carry) >= 0,
        `${cell}: 2⁻⁶⁰ itself counts`,
      );
    }
  }
});

test('carries below 2⁻⁶⁰ in magnitude are taken as +0', async t => {
  for (const cell of cellKinds) {
    const model = await createModel(config(cell, [6]));
    const input = Float32Array.of(0.1, -0.2, 0.3);
    const small: Carry = model.zeroCarry().map((_, i) => [1e-40, -1e-40, -0, tiny / 2][i % 4]);
    t.is(firstDifference(model.step(small, input).carry, model.step(model.zeroCarry(), input).carry), -1, cell);
  }
});

test('a state that decays towards zero reaches it, with no subnormal number on the way', async t => {
  for (const cell of cellKinds) {
    const model = await createModel(config(cell, [5]));
    // No inputs, no biases, and a recurrence that halves: without the rule the state would linger among subnormals for ever.
    const halves = Object.entries(model.weights()).map(([name, w]): [string, Float32Array] => {
      if (name !== 'weight_hh_l0' || !cell.startsWith('rnn')) return [name, w.fill(0)];
      return [name, w.map((_, i) => (i % 6 === 0 ? 0.5 : 0))];
    });
    model.setWeights(Object.fromEntries(halves));
    let carry: Carry = model.zeroCarry().fill(0.9);
    let subnormal = 0;
    let zeroAt = 0;
    for (let i = 1; i <= 200; i++) {
      ({ carry } = model.step(carry, new Float32Array(3)));
      subnormal += carry.filter(h => h !== 0 && Math.abs(h) < tiny).length;
      if (zeroAt === 0 && carry.every(h => Object.is(h, 0))) zeroAt = i;
    }
    t.is(subnormal, 0, cell);
    t.true(zeroAt > 40 && zeroAt < 80, `${cell}: zero after ${zeroAt} steps`);
  }
});

test('the check of decay sees a kernel that does not flush', async t => {
  const model = await createModel(config('rnn_tanh', [5]));
  const { kernels } = model.network;
  model.setWeights(Object.fromEntries(Object.entries(model.weights()).map(([name, w]) => [name, w.fill(0)])));
  const linger = kernels.elmanTanh;
  kernels.elmanTanh = (...given) => {
    linger(...given);
    kernels.arena.floats[given[3]] = 1e-40;
  };
  const { carry } = model.step(model.zeroCarry(), new Float32Array(3));
  t.true(carry.some(h => h !== 0 && Math.abs(h) < tiny));
  t.deepEqual(bits(model.step(model.zeroCarry(), new Float32Array(3)).carry.subarray(1)), bits([0, 0, 0, 0]));
});

test('a target that comes 100,000 steps late costs no more to learn from than one that comes soon', async t => {
  const model = await createModel(small);
  const timeAt = (lateness: number): number => {
    const trainer = createTrainer(model, { k1: 1, k2: 1, lateness });
    const stream = createStream(trainer);
    let learned = 0;
    const time = timeOfRows(
      i => {
        stream.step(i % 3, undefined);
        if (stream.steps() <= lateness) return;
        stream.target(stream.steps() - lateness, i % 3);
        if (stream.windows.due()) learned += trainer.learnMany(stream.windows.take()).labelled;
      },
      lateness,
      2000,
    );
    t.is(learned, 3 * 2000);
    return time;
  };
  timeAt(10);
  const [soon, late] = [timeAt(10), timeAt(100_000)];
  t.true(late < 8 * soon, `${soon} ms, ${late} ms`);
});
