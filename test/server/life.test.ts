import test from 'ava';
import type { RemoteLearned, RemoteStep } from '../../src/client/index.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import type { ServeOptions } from '../../src/server/options.js';
import { createMemoryStore, type SessionStore } from '../../src/server/store.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomInput } from '../helpers/models.js';
import { createNetwork, quiet } from '../helpers/network.js';

/** One client on a quiet network, at a time that the test moves. */
async function setUp(options: ServeOptions, reconnect: object = {}) {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const random = createRandom(8);
  const rows = Array.from({ length: 6 }, () => randomInput(random, model) as Float32Array);
  let carry = model.zeroCarry();
  const predictions = rows.map(row => {
    const step = model.step(carry, row);
    carry = step.carry;
    return step.prediction;
  });
  const network = createNetwork(random, model, quiet, options);
  const steps: RemoteStep[] = [];
  const errors: unknown[] = [];
  const session = network.connect(
    { reconnect: { patience: 1e9, ...reconnect } },
    {
      next: (event: RemoteStep | RemoteLearned) => steps.push(event as RemoteStep),
      error: error => errors.push(error),
      complete() {},
    },
  );
  const sweepAfter = async (seconds: number): Promise<void> => {
    await network.run(0);
    network.after(1000 * seconds, network.sweep);
    await network.run(1000 * seconds + 200);
  };
  const { counts, store } = network.hub;
  return { network, session, rows, predictions, steps, errors, sweepAfter, counts, store };
}

test('a session that is idle is announced, put to rest, and goes on at its next frame as if nothing had been', async t => {
  const life = await setUp({ idleSeconds: 100, announceSeconds: 20 });
  for (const row of life.rows.slice(0, 3)) life.session.push(row);
  await life.network.run(1000);
  t.is(life.steps.length, 3);
  await life.sweepAfter(85);
  t.is(life.counts.hibernations, 0);
  await life.sweepAfter(20);
  t.is(life.counts.hibernations, 1);
  t.true(life.store.bytes > 0);
  t.is(life.network.hub.sessions, 0);
  for (const row of life.rows.slice(3)) life.session.push(row);
  await life.network.run(1000);
  t.deepEqual(
    life.steps.map(({ prediction }, i) => firstDifference(prediction, life.predictions[i])),
    Array(6).fill(-1),
  );
  t.is(life.store.bytes, 0);
  t.is(life.network.hub.sessions, 1);
});

test('a session whose connection is lost rests after a while, and is woken by its token', async t => {
  const life = await setUp({ resumeSeconds: 1000 }, { first: 200_000, most: 200_000 });
  for (const row of life.rows.slice(0, 3)) life.session.push(row);
  await life.network.run(1000);
  life.network.cut(life.session);
  await life.sweepAfter(10);
  t.is(life.counts.hibernations, 1);
  await life.network.run(300_000);
  t.is(life.counts.resumes.get('woken'), 1);
  for (const row of life.rows.slice(3)) life.session.push(row);
  await life.network.run(1000);
  t.is(life.steps.length, 6);
  t.is(firstDifference(life.steps[5].prediction, life.predictions[5]), -1);
});

for (const learn of ['none', 'private', 'shared'] as const)
  test(`a session whose state grew beyond float32 rests and wakes as it was (learn ${learn})`, async t => {
    const model = await createModel(config('rnn_relu', [4]), { seed: 1 });
    for (const name of ['weight_ih_l0', 'weight_hh_l0']) model.setWeights({ [name]: model.weights()[name].fill(1) });
    const network = createNetwork(createRandom(3), model, quiet, { idleSeconds: 100, announceSeconds: 20 });
    const errors: unknown[] = [];
    const learning = learn === 'none' ? {} : { learn, learning: { k1: 1, k2: 2 } };
    const session = network.connect(learning, { next() {}, error: error => errors.push(error), complete() {} });
    const push = async (value: number): Promise<void> => {
      session.push(Float32Array.of(value, value, value));
      await network.run(1000);
    };
    await push(1);
    const [{ carry }] = network.hub.register.all();
    for (let i = 0; i < 20 && carry.every(Number.isFinite); i++) await push(1e38);
    t.false(carry.every(Number.isFinite));
    const { applied } = network.hub.counts.frames;
    for (const seconds of [85, 20]) {
      network.after(1000 * seconds, network.sweep);
      await network.run(1000 * seconds + 200);
    }
    t.is(network.hub.counts.hibernations, 1);
    session.push({ reset: true });
    await push(1);
    t.is(network.hub.counts.frames.applied, applied + 1);
    t.deepEqual(errors, []);
  });

test('who stays away too long finds the session gone, which is counted', async t => {
  const life = await setUp({ resumeSeconds: 20 }, { first: 200_000, most: 200_000 });
  life.session.push(life.rows[0]);
  await life.network.run(1000);
  life.network.cut(life.session);
  await life.sweepAfter(10);
  await life.sweepAfter(15);
  t.is(life.counts.evictions.get('expired'), 1);
  t.deepEqual([life.store.size, life.network.hub.sessions], [0, 0]);
  await life.network.run(300_000);
  t.like(life.errors, [{ fault: 'token_expired' }]);
});

test('a session that is gone before a slow store has it stays in no store', async t => {
  const store = createMemoryStore(1 << 20);
  let arrive = (): void => {};
  const arrived = new Promise<void>(resolve => {
    arrive = resolve;
  });
  const slow: SessionStore = {
    bytes: 0,
    size: 0,
    put: (name, bytes) => arrived.then(() => store.put(name, bytes)),
    take: store.take,
    delete: store.delete,
  };
  const life = await setUp({ resumeSeconds: 20, store: slow }, { first: 200_000, most: 200_000 });
  life.session.push(life.rows[0]);
  await life.network.run(1000);
  life.network.cut(life.session);
  await life.sweepAfter(10);
  await life.sweepAfter(15);
  t.is(life.counts.evictions.get('expired'), 1);
  arrive();
  await life.network.run(100);
  t.is(store.size, 0);
});

test('a store that throws costs the session that was to rest, and nothing else', async t => {
  const errors: unknown[] = [];
  const fail = (): never => {
    throw new Error('no store');
  };
  const store: SessionStore = { bytes: 0, size: 0, put: fail, take: fail, delete: fail };
  const life = await setUp({ idleSeconds: 100, announceSeconds: 20, store, onError: error => errors.push(error) });
  life.session.push(life.rows[0]);
  await life.network.run(1000);
  await life.sweepAfter(85);
  await life.sweepAfter(20);
  await life.network.run(1000);
  t.like(life.errors, [{ fault: 'evicted' }]);
  t.like(errors, [{ message: 'no store' }]);
});

test('a session that is gone is counted once, as finished or as evicted', async t => {
  const expired = await setUp({ resumeSeconds: 3 }, { first: 200_000, most: 200_000 });
  await expired.network.run(1000);
  expired.network.cut(expired.session);
  await expired.sweepAfter(5);
  t.is(expired.counts.evictions.get('expired'), 1);
  t.deepEqual(expired.counts.sessions, { opened: 1, finished: 0 });

  const left = await setUp({ idleSeconds: 100, announceSeconds: 20 });
  const passing = left.network.connect({ reconnect: false }, { next() {}, error() {}, complete() {} });
  await left.network.run(1000);
  await left.sweepAfter(85);
  await left.sweepAfter(20);
  t.is(left.counts.hibernations, 2);
  left.network.cut(passing);
  await left.network.run(1000);
  t.deepEqual(left.counts.sessions, { opened: 2, finished: 1 });
  t.is(left.store.size, 1);
});

test('where the store has no room, the session is told at once that it is gone', async t => {
  const life = await setUp({ idleSeconds: 100, announceSeconds: 20, maxRestingBytes: 10 });
  life.session.push(life.rows[0]);
  await life.network.run(1000);
  await life.sweepAfter(85);
  await life.sweepAfter(20);
  await life.network.run(1000);
  t.is(life.counts.evictions.get('room'), 1);
  t.like(life.errors, [{ fault: 'evicted' }]);
});

test('a session that rests is taken over as any other, and the one that had it is told', async t => {
  const life = await setUp({ idleSeconds: 100, announceSeconds: 20 });
  life.session.push(life.rows[0]);
  await life.network.run(1000);
  const resume = life.session.resumePoint();
  await life.sweepAfter(85);
  await life.sweepAfter(20);
  t.is(life.counts.hibernations, 1);
  const steps: RemoteStep[] = [];
  const errors: unknown[] = [];
  const other = life.network.connect(
    { resume },
    { next: event => steps.push(event as RemoteStep), error: error => errors.push(error), complete() {} },
  );
  await life.network.run(1000);
  t.like(life.errors, [{ fault: 'taken_over' }]);
  other.push(life.rows[1]);
  await life.network.run(1000);
  t.is(firstDifference(steps[0].prediction, life.predictions[1]), -1);
  t.deepEqual(errors, []);
});

test('a session for which there is no place when it is to wake rests on, and its client comes back', async t => {
  const life = await setUp({ idleSeconds: 100, announceSeconds: 20, maxSessions: 1, retryAfter: 1000 });
  life.session.push(life.rows[0]);
  await life.network.run(1000);
  await life.sweepAfter(85);
  await life.sweepAfter(20);
  t.is(life.counts.hibernations, 1);
  const other = life.network.connect({}, { next() {}, error() {}, complete() {} });
  await life.network.run(1000);
  t.is(life.network.hub.sessions, 1);
  life.session.push(life.rows[1]);
  await life.network.run(10_000);
  t.true(life.counts.faults.get('limit_reached')! >= 1);
  t.is(life.network.hub.sessions, 1);
  t.is(life.steps.length, 1);
  other.abandon();
  await life.network.run(60_000);
  t.is(life.steps.length, 2);
  t.is(firstDifference(life.steps[1].prediction, life.predictions[1]), -1);
  t.deepEqual(life.errors, []);
});
