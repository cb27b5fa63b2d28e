import test, { type ExecutionContext } from 'ava';
import { hasPlace } from '../../src/client/position.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createHub } from '../../src/server/hub.js';
import type { ServeOptions } from '../../src/server/index.js';
import { sweep } from '../../src/server/life.js';
import { checkServeOptions } from '../../src/server/options.js';
import { serveHub } from '../../src/server/serve.js';
import { createMemoryStore, type SessionStore } from '../../src/server/store.js';
import type { ClientMessage, Predictions, ServerMessage } from '../../src/wire/messages.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomInput } from '../helpers/models.js';
import {
  connectWire,
  entriesOf,
  openSession,
  rowFrames,
  startServer,
  type WireClient,
} from '../helpers/wire-client.js';

async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const server = await startServer(t, model, options);
  const random = createRandom(8);
  const rows = Array.from({ length: 20 }, () => randomInput(random, model) as Float32Array);
  let carry = model.zeroCarry();
  const predictions = rows.map(row => {
    const step = model.step(carry, row);
    carry = step.carry;
    return step.prediction;
  });
  const connect = (): Promise<WireClient> => connectWire(t, server.url);
  /** Each entry of a message is the answer to its frame. */
  const isRight = ({ firstSeq, entries }: Predictions): void => {
    entries.forEach(({ firstStep, answers }, i) => {
      t.is(firstStep, firstSeq + i);
      t.is(firstDifference(answers[0].prediction!, predictions[firstSeq - 1 + i]), -1);
    });
  };
  return { model, server, rows, connect, isRight };
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** Cuts the connection as a network does. */
async function cut(client: WireClient): Promise<void> {
  client.socket.terminate();
  await client.closed;
}

const ack = (frames: ClientMessage, seq: number): ClientMessage => ({ ...frames, ack: seq }) as ClientMessage;

test('a session goes on after a cut: what had not arrived is sent again, and nothing is stepped twice', async t => {
  const { rows, connect, isRight } = await setUp(t);
  const first = await connect();
  const { token, nextSeq, resumable, resumeSeconds } = await openSession(first, 1, { resumable: true });
  t.like({ nextSeq, resumable, resumeSeconds }, { nextSeq: 1, resumable: true, resumeSeconds: 300 });
  t.regex(token, /^[\w-]{22}$/);
  first.send(rowFrames(1, 1, rows.slice(0, 3)));
  await entriesOf(first, 3);
  first.send(ack(rowFrames(1, 4, rows.slice(3, 6)), 2));
  await entriesOf(first, 3);
  await cut(first);

  const second = await connect();
  const opened = await openSession(second, 9, { resume: { token, receivedSeq: 4 } });
  t.like(opened, { session: 9, token, nextSeq: 7, nextStep: 7, takenMessages: 0 });
  // Where answers are cut into messages is not the point.
  const answered = async (from: number, to: number): Promise<void> => {
    for (let next = from; next <= to; ) {
      const message = await second.expect('predictions');
      t.is(message.firstSeq, next);
      isRight(message);
      next += message.entries.length;
    }
  };
  await answered(5, 6);
  second.send(rowFrames(9, 5, rows.slice(4, 9)));
  await answered(5, 6);
  await answered(7, 9);
});

test('a frame that comes again gets its kept answer, or is a duplicate once that was acknowledged', async t => {
  const { rows, connect, isRight } = await setUp(t);
  const client = await connect();
  await openSession(client, 1, { resumable: true });
  client.send(rowFrames(1, 1, rows.slice(0, 4)));
  await entriesOf(client, 4);
  client.send({ type: 'ack', session: 1, seq: 2 }, rowFrames(1, 1, rows.slice(0, 4)));
  t.like(await client.expect('duplicate'), { firstSeq: 1, count: 2 });
  const again = await client.expect('predictions');
  t.is(again.firstSeq, 3);
  t.is(again.entries.length, 2);
  isRight(again);
  client.send(rowFrames(1, 5, rows.slice(4, 5)));
  isRight(await client.expect('predictions'));
});

test('credit is a window over frames that are not acknowledged', async t => {
  const { rows, connect } = await setUp(t, { credit: 3 });
  const client = await connect();
  t.is((await openSession(client, 1, { resumable: true })).credit, 3);
  client.send(rowFrames(1, 1, rows.slice(0, 3)));
  await entriesOf(client, 3);
  client.send(rowFrames(1, 4, rows.slice(3, 5)));
  t.like(await client.expect('fault'), { code: 'credit_exceeded', forSeq: 4, retryable: true });
  client.send(ack(rowFrames(1, 4, rows.slice(3, 7)), 2));
  t.like(await client.expect('fault'), { code: 'credit_exceeded', forSeq: 6 });
  await entriesOf(client, 2);
});

test('what all sessions keep is bounded: one that keeps more than its part waits for an acknowledgement', async t => {
  const { rows, connect } = await setUp(t, { maxKeptBytes: 100 });
  const client = await connect();
  await openSession(client, 1, { resumable: true });
  client.send(rowFrames(1, 1, rows));
  // On a busy machine they come in several messages.
  let first = 0;
  for (let quiet = 0; quiet < 3; quiet++) {
    client.send({ type: 'snapshot', session: 2 });
    for (let message = await client.next(); message.session === 1; message = await client.next()) {
      t.is(message.type, 'predictions');
      first += (message as Predictions).entries.length;
      quiet = 0;
    }
  }
  t.true(first > 0 && first < rows.length, `${first} answers`);
  client.send({ type: 'ack', session: 1, seq: first });
  t.like(await client.expect('predictions'), { firstSeq: first + 1 });
});

test('what is refused is kept within the same bound, and told in its turn', async t => {
  const { rows, connect } = await setUp(t, { maxKeptBytes: 1000 });
  const client = await connect();
  await openSession(client, 1, { resumable: true });
  client.send(rowFrames(1, 1, rows.slice(0, 1)));
  for (let i = 0; i < 100; i++) client.send({ type: 'reset', session: 1, beforeSeq: 1 });
  client.send({ type: 'snapshot', session: 2 });
  await entriesOf(client, 1);
  let told = 0;
  for (let message = await client.next(); message.session === 1; message = await client.next()) {
    t.like(message, { type: 'fault', code: 'bad_reset' });
    told++;
  }
  for (let i = 0; i < 3; i++) {
    client.send({ type: 'snapshot', session: 2 });
    for (let message = await client.next(); message.session === 1; message = await client.next()) told++;
  }
  t.true(told > 0 && told < 20, `${told} of 100`);
});

test('the end waits for no acknowledgement', async t => {
  const { rows, connect } = await setUp(t, { maxKeptBytes: 10 });
  const client = await connect();
  await openSession(client, 1, { resumable: true });
  client.send(rowFrames(1, 1, rows.slice(0, 1)));
  await entriesOf(client, 1);
  client.send({ type: 'finish', session: 1 });
  t.is((await client.expect('finished')).totals?.frames, 1);
});

test('nobody has received an answer that was not given', async t => {
  const { rows, connect } = await setUp(t);
  const client = await connect();
  const { token } = await openSession(client, 1, { resumable: true });
  client.send(ack(rowFrames(1, 1, rows.slice(0, 1)), 1), { type: 'ack', session: 1, seq: 1 });
  t.like(await client.expect('fault'), { code: 'invalid' });
  t.like(await client.expect('fault'), { code: 'invalid' });
  client.send(rowFrames(1, 1, rows.slice(0, 2)));
  await entriesOf(client, 2);
  client.send({ type: 'open', session: 2, resume: { token, receivedSeq: 3 } });
  t.like(await client.expect('fault'), { session: 2, code: 'token_expired' });
  client.send({ type: 'open', session: 2, resume: { token, receivedSeq: 2, receivedMessages: 1 } });
  t.like(await client.expect('fault'), { session: 2, code: 'token_expired' });
  client.send({ type: 'ack', session: 1, seq: 2 }, { type: 'open', session: 2, resume: { token, receivedSeq: 1 } });
  t.like(await client.expect('fault'), { session: 2, code: 'gap', forSeq: 2, expectedSeq: 3 });
});

test('a state that is asked for again on another connection, before its turn has come, is told once', async t => {
  const { rows, connect } = await setUp(t, { maxKeptBytes: 100 });
  const first = await connect();
  const { token } = await openSession(first, 1, { resumable: true });
  first.send(rowFrames(1, 1, rows), { type: 'snapshot', session: 1 });
  await first.expect('predictions');
  const second = await connect();
  second.send({ type: 'open', session: 1, resume: { token, receivedSeq: 0 } }, { type: 'snapshot', session: 1 });
  await second.expect('opened');
  for (let seq = 0; seq < rows.length; second.send({ type: 'ack', session: 1, seq }))
    seq += (await second.expect('predictions')).entries.length;
  t.is((await second.expect('snapshotData')).seq, rows.length);
  second.send({ type: 'ack', session: 2, seq: 1 });
  t.like(await second.next(), { session: 2, code: 'unknown_session' }, 'no other');
});

test('a second connection takes the session over; the first is told, and closed', async t => {
  const { rows, connect, isRight } = await setUp(t);
  const first = await connect();
  const { token } = await openSession(first, 1, { resumable: true });
  first.send(rowFrames(1, 1, rows.slice(0, 2)));
  await entriesOf(first, 2);
  const second = await connect();
  const opened = await openSession(second, 5, { resume: { token, receivedSeq: 2 } });
  t.is(opened.nextSeq, 3);
  t.like(await first.expect('fault'), { session: 1, code: 'taken_over', retryable: false });
  t.like(await first.closed, { code: 4409 });
  second.send(rowFrames(5, 3, rows.slice(2, 4)));
  isRight(await second.expect('predictions'));
});

test('a session that another connection wakes stays with it, though the one that was left says something meanwhile', async t => {
  const store = createMemoryStore(1 << 20);
  let give = (): void => {};
  const slow: SessionStore = {
    ...store,
    take: name =>
      new Promise(resolve => {
        give = () => resolve(store.take(name));
      }),
  };
  let time = 0;
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const settings = checkServeOptions({ store: slow, idleSeconds: 100, grace: 200 });
  const hub = createHub(model, settings, { now: () => time, later: setImmediate });
  const server = await serveHub(hub);
  t.teardown(() => server.close());
  const rows = [randomInput(createRandom(8), model) as Float32Array];

  const first = await connectWire(t, server.url);
  const { token } = await openSession(first, 1, { resumable: true });
  time = 100_000;
  sweep(hub);
  await first.expect('expiring');
  sweep(hub);
  t.is(hub.register.restingSize(), 1);

  const second = await connectWire(t, server.url);
  second.send({ type: 'open', session: 5, resume: { token, receivedSeq: 0 } });
  const waking = (): boolean => [...hub.register.resting()].some(one => one.waking !== undefined);
  while (!waking()) await nextTurn();
  first.send(rowFrames(1, 1, rows));
  // An answer to something else tells that it has come.
  first.send({ type: 'ack', session: 9, seq: 1 });
  t.like(await first.nextOf(9), { code: 'unknown_session' });
  give();
  t.like(await second.expect('opened'), { session: 5, token, nextSeq: 1 });
  t.like(await first.next(), { type: 'fault', session: 1, code: 'taken_over' });
  t.is((await first.closed).code, 4409);
  second.send(rowFrames(5, 1, rows));
  t.is((await entriesOf(second, 1, 5)).length, 1);
});

test('a connection with other sessions stays when one of them is taken over', async t => {
  const { rows, connect } = await setUp(t);
  const first = await connect();
  const { token } = await openSession(first, 1, { resumable: true });
  await openSession(first, 2);
  const second = await connect();
  await openSession(second, 1, { resume: { token, receivedSeq: 0 } });
  t.like(await first.expect('fault'), { session: 1, code: 'taken_over' });
  first.send(rowFrames(1, 1, rows.slice(0, 1)), rowFrames(2, 1, rows.slice(0, 1)));
  t.like(await first.expect('fault'), { session: 1, code: 'unknown_session' });
  await entriesOf(first, 1, 2);
});

test('an open with a nonce opens one session, however often it is sent', async t => {
  const { rows, connect } = await setUp(t, { maxSessions: 1 });
  const first = await connect();
  const settings = { resumable: true, nonce: 'drawn' };
  const { token } = await openSession(first, 1, settings);
  first.send(rowFrames(1, 1, rows.slice(0, 2)));
  await entriesOf(first, 2);
  const again = await openSession(first, 1, settings);
  t.like(again, { token, nextSeq: 3 });
  t.is((await entriesOf(first, 2)).length, 2);
  await cut(first);
  const second = await connect();
  t.like(await openSession(second, 4, settings), { session: 4, token, nextSeq: 3 });
  t.is((await second.expect('predictions')).firstSeq, 1);
});

test('an open that is sent twice at once, on one connection or two, opens one session', async t => {
  for (const learn of ['none', 'private'] as const) {
    const { rows, connect } = await setUp(t);
    const open = { type: 'open', resumable: true, learn } as const;
    const first = await connect();
    first.send(...[1, 1, 2].map(session => ({ ...open, session, nonce: 'one' })));
    const [{ token }, again, other] = [
      await first.expect('opened'),
      await first.expect('opened'),
      await first.expect('opened'),
    ];
    t.deepEqual(
      [again, other].map(({ session, token }) => [session, token]),
      [
        [1, token],
        [2, token],
      ],
    );
    first.send(rowFrames(2, 1, rows.slice(0, 2)));
    await entriesOf(first, 2, 2);

    const second = await connect();
    const both = [first, second];
    for (const client of both) client.send({ ...open, session: 3, nonce: 'two' });
    const [here, there] = await Promise.all(both.map(client => client.expect('opened')));
    t.is(here.token, there.token);
    t.not(here.token, token);
  }
});

test('an open that comes again for a session that rests wakes it', async t => {
  let now = 0;
  const clock = { now: () => now, later: setImmediate };
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const hub = createHub(model, checkServeOptions({ idleSeconds: 100, announceSeconds: 20, grace: 200 }), clock);
  const server = await serveHub(hub);
  t.teardown(() => server.close());
  const client = await connectWire(t, server.url);
  const settings = { resumable: true, nonce: 'drawn' };
  const { token } = await openSession(client, 1, settings);
  for (const again of [settings, { resume: { token, receivedSeq: 0 } }]) {
    for (const seconds of [85, 20]) {
      now += 1000 * seconds;
      sweep(hub);
    }
    t.is(hub.register.restingSize(), 1);
    await client.expect('expiring');
    t.is((await openSession(client, 1, again)).token, token);
  }
  client.send({ type: 'open', session: 1, nonce: 'another', resumable: true });
  t.like(await client.expect('fault'), { code: 'session_exists' });
});

test('finish is answered again, and its answer outlives the connection until it has arrived', async t => {
  const { rows, connect } = await setUp(t);
  const first = await connect();
  const { token } = await openSession(first, 1, { resumable: true });
  first.send(rowFrames(1, 1, rows.slice(0, 2)), { type: 'finish', session: 1 }, { type: 'finish', session: 1 });
  await entriesOf(first, 2);
  const { totals } = await first.expect('finished');
  t.like(totals, { frames: 2, steps: 2 });
  await cut(first);
  const second = await connect();
  await openSession(second, 1, { resume: { token, receivedSeq: 2 } });
  t.deepEqual((await second.expect('finished')).totals, totals);
  second.send(rowFrames(1, 3, rows.slice(2, 3)));
  t.like(await second.expect('fault'), { code: 'session_finished' });
  second.send({ type: 'finish', session: 1 });
  t.deepEqual((await second.expect('finished')).totals, totals);
  second.send({ type: 'ack', session: 1, seq: 2 }, { type: 'open', session: 2, resume: { token, receivedSeq: 2 } });
  t.like(await second.expect('fault'), { session: 2, code: 'token_expired' });
});

test('what comes for a stream that has ended is refused, and is no error of the server', async t => {
  const errors: unknown[] = [];
  const { rows, connect } = await setUp(t, { onError: error => errors.push(error) });
  const client = await connect();
  await openSession(client, 1, { resumable: true, learn: 'private', learning: { lateness: 5 } });
  client.send(rowFrames(1, 1, rows.slice(0, 2)), { type: 'finish', session: 1 });
  await entriesOf(client, 2);
  await client.expect('finished');
  const late: ClientMessage[] = [
    { type: 'targets', session: 1, forStep: 1, targets: [Float32Array.of(0.5, -0.5)] },
    { type: 'reset', session: 1 },
    { type: 'snapshot', session: 1 },
    { type: 'restore', session: 1, data: new Uint8Array(8) },
  ];
  for (const message of late) {
    client.send(message);
    t.like(await client.expect('fault'), { code: 'session_finished', forSeq: 3 }, message.type);
  }
  t.deepEqual(errors, []);
});

test('what comes after finish is refused, though the end waits for what came before', async t => {
  const { rows, connect } = await setUp(t);
  const client = await connect();
  await openSession(client, 1, { learn: 'private', learning: { lateness: 5 } });
  client.send(
    rowFrames(1, 1, rows.slice(0, 2)),
    { type: 'finish', session: 1 },
    { type: 'targets', session: 1, forStep: 1, targets: [Float32Array.of(0.5, -0.5)] },
    { type: 'reset', session: 1 },
    { type: 'snapshot', session: 1 },
    { type: 'restore', session: 1, data: new Uint8Array(8) },
  );
  for (const late of ['targets', 'reset', 'snapshot', 'restore']) {
    const { code, message } = await client.expect('fault');
    t.is(code, 'session_finished');
    t.true(message.includes(late));
  }
  await entriesOf(client, 2);
  t.like((await client.expect('finished')).totals, { frames: 2, targets: 0 });
});

test('what was said beside answers is sent again exactly where it has not arrived', async t => {
  const { rows, connect } = await setUp(t);
  const first = await connect();
  const settings = { learn: 'private', learning: { k1: 1, k2: 2, lateness: 2 }, resumable: true } as const;
  const { token } = await openSession(first, 1, settings);
  const said: ServerMessage[] = [];
  const level = Float32Array.of(0.5, -0.5);
  first.send(rowFrames(1, 1, rows.slice(0, 2)));
  await entriesOf(first, 2);
  first.send({ type: 'targets', session: 1, forStep: 1, targets: [level, level] });
  for (let i = 0; i < 2; i++) said.push(await first.next());
  // Also a fault that is no answer.
  first.send({ type: 'targets', session: 1, forStep: 2, targets: [level] });
  said.push(await first.next());
  t.deepEqual(
    said.map(({ type }) => type),
    ['losses', 'updated', 'fault'],
  );
  await cut(first);
  for (let beside = 0; beside <= 3; beside++) {
    const client = await connect();
    const resume = { token, receivedSeq: 2, receivedMessages: beside };
    t.like(await openSession(client, 1, { resume }), { takenMessages: 2, nextSeq: 3 });
    const rest: ServerMessage[] = [];
    for (let i = beside; i < said.length; i++) rest.push(await client.next());
    t.deepEqual(rest, said.slice(beside));
    await cut(client);
  }
});

test('an unknown token is one that has expired', async t => {
  const { connect } = await setUp(t);
  const client = await connect();
  client.send({ type: 'open', session: 1, resume: { token: 'nobody', receivedSeq: 0 } });
  t.like(await client.expect('fault'), { session: 1, code: 'token_expired', retryable: false });
});

test('a session that was closed, or whose connection its client closed with 1000, does not go on', async t => {
  const { connect } = await setUp(t);
  const first = await connect();
  const one = await openSession(first, 1, { resumable: true });
  const two = await openSession(first, 2, { resumable: true });
  first.send({ type: 'close', session: 1 });
  await first.expect('finished');
  first.send({ type: 'close', session: 1 }, { type: 'open', session: 3, resume: { token: one.token, receivedSeq: 0 } });
  t.like(await first.expect('fault'), { session: 3, code: 'token_expired' });
  first.socket.close(1000);
  await first.closed;
  const second = await connect();
  second.send({ type: 'open', session: 1, resume: { token: two.token, receivedSeq: 0 } });
  t.like(await second.expect('fault'), { session: 1, code: 'token_expired' });
});

test('the bounds hold for sessions that go on, too: they wait at rest until there is a place', async t => {
  const { rows, connect } = await setUp(t, {
    maxSessions: 2,
    maxSessionsPerConnection: 2,
    maxLearners: 1,
    retryAfter: 7,
  });
  const tokens: string[] = [];
  for (const learn of ['none', 'private', 'none', 'private'] as const) {
    const client = await connect();
    const { token } = await openSession(client, 1, { resumable: true, learn });
    tokens.push(token);
    client.send(rowFrames(1, 1, rows.slice(0, 1)));
    await client.expect('predictions');
    await cut(client);
    // The server hears of it.
    await (await connect()).socket.close();
  }
  const client = await connect();
  const resume = (session: number, place: number): void =>
    client.send({ type: 'open', session, resume: { token: tokens[place], receivedSeq: 1 } });
  const full = { code: 'limit_reached', retryable: true, retryAfterMilliseconds: 7 } as const;
  resume(1, 1);
  t.is((await client.expect('opened')).nextSeq, 2);
  resume(2, 3);
  t.like(await client.expect('fault'), {
    session: 2,
    ...full,
    message: 'Expected at most 1 sessions with weights of their own, got one more',
  });
  resume(2, 0);
  t.is((await client.expect('opened')).nextSeq, 2);
  resume(3, 2);
  t.like(await client.expect('fault'), {
    session: 3,
    ...full,
    message: 'Expected at most 2 sessions on a connection, got one more',
  });
  client.send({ type: 'close', session: 1 });
  while ((await client.next()).type !== 'finished');
  client.send({ type: 'close', session: 1 });
  resume(3, 3);
  t.is((await client.expect('opened')).nextSeq, 2);
});

test('a reset that is refused in its place is taken, and its fault kept; what is invalid as a whole is neither', async t => {
  const { server, rows, connect } = await setUp(t);
  const first = await connect();
  const { token } = await openSession(first, 1, { resumable: true });
  first.send(rowFrames(1, 1, rows.slice(0, 2)));
  await entriesOf(first, 2);
  first.send({ type: 'reset', session: 1, beforeSeq: 1 }, { type: 'ack', session: 1, seq: 99 });
  const faults = [await first.expect('fault'), await first.expect('fault')];
  // By their codes alone a client knows which of them counts as received.
  const counts = Object.fromEntries(faults.map(fault => [fault.code, hasPlace(fault)]));
  t.deepEqual(counts, { bad_reset: true, invalid: false });
  await cut(first);
  for (const receivedMessages of [0, 1]) {
    const client = await connect();
    const resume = { token, receivedSeq: 2, receivedMessages };
    t.like(await openSession(client, 1, { resume }), { takenMessages: 1, nextSeq: 3 });
    client.send({ type: 'snapshot', session: 1 });
    if (receivedMessages === 0) t.like(await client.expect('fault'), { code: 'bad_reset' });
    await client.expect('snapshotData');
    await cut(client);
  }
  // Told again is not told anew.
  const metrics = await (await fetch(`${server.httpUrl}/metrics`)).text();
  t.regex(metrics, /^eddy_faults_total\{code="bad_reset"\} 1$/m);
  t.regex(metrics, /^eddy_faults_total\{code="invalid"\} 1$/m);
});
