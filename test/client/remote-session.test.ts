import test, { type ExecutionContext } from 'ava';
import { lastValueFrom, take, toArray } from 'rxjs';
import { type RemoteOptions, type RemoteStep, remoteSession } from '../../src/client/index.js';
import { InputError, LimitError, RemoteError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import type { ServeOptions } from '../../src/server/index.js';
import { bits } from '../helpers/bits.js';
import { config, randomInput } from '../helpers/models.js';
import { createNetwork, quiet } from '../helpers/network.js';
import { startServer } from '../helpers/wire-client.js';

const model = await createModel(config('gru', [5]), { seed: 7 });
const random = createRandom(1);
const rows = Array.from({ length: 8 }, () => randomInput(random, model) as Float32Array);
let carry = model.zeroCarry();
const expected = rows.map(row => {
  const step = model.step(carry, row);
  carry = step.carry;
  return bits(step.prediction);
});

async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const server = await startServer(t, model, options);
  const sessions = async (): Promise<number> => {
    const { connections } = await (await fetch(`${server.httpUrl}/sessions`)).json();
    return connections.flatMap((one: { sessions: unknown[] }) => one.sessions).length;
  };
  return {
    open: (given: RemoteOptions & { learn?: 'none' } = {}) => remoteSession(server.url, given),
    /** Until so many sessions are left at the server. */
    async left(count: number): Promise<void> {
      while ((await sessions()) !== count) await nextTurn();
    },
  };
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

const told = (steps: readonly RemoteStep[]) => steps.map(({ number, prediction }) => [number, bits(prediction)]);
const toTell = (from: number, to: number) => expected.slice(from, to).map((one, i) => [from + i + 1, one]);

test('what is sent by hand is answered in order, with for await or to one subscriber', async t => {
  const { open, left } = await setUp(t);
  const session = open();
  const states: string[] = [];
  session.states.subscribe(({ kind }) => states.push(kind));
  for (const row of rows) await session.send(row);
  session.finish();
  const steps: RemoteStep[] = [];
  for await (const step of session) steps.push(step);
  t.deepEqual(told(steps), toTell(0, 8));
  t.deepEqual(states, ['open', 'closed']);
  t.is(session.state.kind, 'closed');
  await t.throwsAsync(session.send(rows[0]), { instanceOf: RemoteError, message: /has ended/ });
  await t.throwsAsync(async () => session[Symbol.asyncIterator]().next(), { message: /second reader/ });

  const other = open();
  const all = lastValueFrom(other.answers.pipe(toArray()));
  for (const row of rows) await other.send(row);
  other.finish();
  t.deepEqual(told(await all), toTell(0, 8));
  await left(0);
});

test('who leaves the loop leaves the session', async t => {
  const { open, left } = await setUp(t);
  const session = open();
  await session.send(rows[0]);
  for await (const { number } of session) {
    t.is(number, 1);
    await left(1);
    break;
  }
  await left(0);
  t.is(session.state.kind, 'closed');
});

test('who waits to send is told when whoever reads leaves', async t => {
  const { open, left } = await setUp(t, { credit: 2 });
  const leave = [
    async (session: ReturnType<typeof open>): Promise<void> => {
      for await (const _ of session) break;
    },
    async (session: ReturnType<typeof open>): Promise<void> => {
      await lastValueFrom(session.answers.pipe(take(1)));
    },
  ];
  for (const leaves of leave) {
    const session = open({ maxBuffered: 1 });
    let completed = false;
    session.states.subscribe({
      complete: () => {
        completed = true;
      },
    });
    for (const row of rows.slice(0, 3)) await session.send(row);
    const waits = [session.send(rows[3]), session.send(rows[4])].map(one => one.catch(error => error));
    await leaves(session);
    t.regex(String(await waits[1]), /has ended/);
    await t.throwsAsync(session.send(rows[5]), { instanceOf: RemoteError, message: /has ended/ });
    t.true(completed);
    await left(0);
  }
});

test('who sends what cannot be sent is told what is wrong with it, and whoever reads after the answers', async t => {
  const { open } = await setUp(t, { credit: 2 });
  const session = open({ maxBuffered: 1 });
  const wrong = new Float32Array(0);
  const sends = [...rows.slice(0, 4), wrong, rows[4]].map(row => session.send(row).catch(error => error.constructor));
  const steps: RemoteStep[] = [];
  const reading = (async () => {
    for await (const step of session) steps.push(step);
  })();
  await t.throwsAsync(reading, { instanceOf: InputError });
  t.deepEqual(await Promise.all(sends), [undefined, undefined, undefined, undefined, InputError, InputError]);
  t.deepEqual(told(steps), toTell(0, 4));
});

test('what is not taken is not acknowledged: the server says no more than its credit, and send waits', async t => {
  const { open } = await setUp(t, { credit: 2 });
  const session = open({ maxBuffered: 1 });
  let sent = 0;
  const feed = async (): Promise<void> => {
    for (const row of rows) {
      await session.send(row);
      sent++;
    }
    session.finish();
  };
  const fed = feed();
  while (session.state.kind !== 'open' || sent < 3) await nextTurn();
  for (let i = 0; i < 50; i++) await nextTurn();
  // Two are with the server, and one waits here.
  t.is(sent, 3);
  const steps: RemoteStep[] = [];
  for await (const step of session) {
    steps.push(step);
    t.true(sent <= steps.length + 3);
  }
  await fed;
  t.deepEqual(told(steps), toTell(0, 8));
});

test('an aborted session ends at once with the reason, also before it began, for who reads and who sends', async t => {
  const { open, left } = await setUp(t, { credit: 2 });
  const abort = new AbortController();
  const session = open({ signal: abort.signal, maxBuffered: 1 });
  for (const row of rows.slice(0, 3)) await session.send(row);
  const waits = session.send(rows[3]);
  const steps: RemoteStep[] = [];
  const reason = new Error('enough');
  const reading = (async () => {
    for await (const step of session) {
      steps.push(step);
      abort.abort(reason);
    }
  })();
  t.is(await t.throwsAsync(reading), reason);
  await waits.catch(error => t.is(error, reason));
  t.is(await t.throwsAsync(session.send(rows[4])), reason);
  t.true(steps.length >= 1);
  t.deepEqual(session.state, { kind: 'closed', reason: 'enough' });
  await left(0);

  const never = open({ signal: AbortSignal.abort(reason) });
  t.is(await t.throwsAsync(lastValueFrom(never.answers, { defaultValue: 0 })), reason);
  await left(0);
});

test('who begins anew from a resume point gets what was not taken, though it had come', async t => {
  const { open } = await setUp(t);
  const first = open();
  for (const row of rows.slice(0, 5)) await first.send(row);
  const answers = first[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) await answers.next();
  // The third is taken when the next one is asked for.
  const resume = first.resumePoint()!;
  t.like(resume, { receivedSeq: 2, receivedMessages: 0, sentMessages: 0 });
  const second = open({ resume });
  for (const row of rows.slice(2)) await second.send(row);
  second.finish();
  t.deepEqual(told(await lastValueFrom(second.answers.pipe(toArray()))), toTell(2, 8));
  await t.throwsAsync(
    answers
      .next()
      .then(() => answers.next())
      .then(() => answers.next()),
    { instanceOf: RemoteError },
  );
});

test('a state taken from one session goes on in another', async t => {
  const { open } = await setUp(t);
  const one = open();
  for (const row of rows.slice(0, 4)) await one.send(row);
  const { data } = await one.snapshot();
  one.close();
  await t.throwsAsync(one.snapshot(), { instanceOf: RemoteError });
  const other = open();
  await other.restore(data);
  for (const row of rows.slice(4)) await other.send(row);
  other.finish();
  t.deepEqual(told(await lastValueFrom(other.answers.pipe(toArray()))), toTell(4, 8));
});

test('where nothing is made again, targets, resets and states are sent, too', async t => {
  const server = await startServer(t, model);
  const learning = { k1: 1, k2: 2, lateness: 10 };
  const session = remoteSession(server.url, { learn: 'private', learning, reconnect: false });
  const events = lastValueFrom(session.answers.pipe(toArray()));
  await session.send(rows[0]);
  const { data } = await session.snapshot();
  await session.send({ forStep: 1, target: Float32Array.of(0.5, -0.5) });
  await session.restore(data);
  await session.send({ reset: true, weights: true });
  await session.send(rows[0]);
  session.finish();
  const all = await events;
  const steps = all.flatMap(event => (event.kind === 'step' ? [bits(event.step.prediction)] : []));
  t.deepEqual(steps, [expected[0], expected[0]]);
  t.is(all.filter(event => event.kind === 'late').length, 1);
});

test('a state that does not fit is refused to who gave it, and the session goes on', async t => {
  const { open } = await setUp(t);
  for (const reconnect of [{}, false] as const) {
    const session = open({ reconnect });
    const all = lastValueFrom(session.answers.pipe(toArray()));
    for (const row of rows.slice(0, 4)) await session.send(row);
    const { data } = await session.snapshot();
    const refused = { instanceOf: RemoteError, message: /./, code: 'EDDY_REMOTE' };
    const [none, again, empty] = await Promise.allSettled([
      session.restore(Uint8Array.of(1, 2, 3)),
      session.restore(data),
      session.restore(new Uint8Array(0)),
    ]);
    t.like(none, { status: 'rejected', reason: { fault: 'bad_snapshot', retryable: false } });
    t.like(again, { status: 'fulfilled', value: { nextStep: 5 } });
    t.like(empty, { status: 'rejected', reason: { fault: 'bad_snapshot' } });
    for (const row of rows.slice(4)) await session.send(row);
    await t.throwsAsync(session.restore(data.slice(0, -4)), refused);
    session.finish();
    t.deepEqual(told(await all), toTell(0, 8));
  }
});

test('many sends at once go out in their order, as there is room', async t => {
  const { open } = await setUp(t, { credit: 2 });
  const session = open({ maxBuffered: 2 });
  const all = lastValueFrom(session.answers.pipe(toArray()));
  await Promise.all(rows.map(row => session.send(row)));
  session.finish();
  t.deepEqual(told(await all), toTell(0, 8));
});

test('what waits for room is what was given, though its giver writes on', async t => {
  const { open } = await setUp(t, { credit: 2 });
  const session = open({ maxBuffered: 2 });
  const all = lastValueFrom(session.answers.pipe(toArray()));
  const values = new Float32Array(rows[0].length);
  const sends = rows.map((row, i) => {
    values.set(row);
    return session.send(i % 2 === 0 ? values : { input: values });
  });
  values.fill(0);
  await Promise.all(sends);
  session.finish();
  t.deepEqual(told(await all), toTell(0, 8));
});

test('who never waits is stopped before memory is, and what was taken is answered', async t => {
  const { open } = await setUp(t);
  const session = open({ maxBuffered: 4096 });
  const sends: Promise<void>[] = [];
  for (let i = 0; i < 4096 + 32_768; i++) sends.push(session.send(rows[i % rows.length]));
  const over = session.send(rows[0]);
  await t.throwsAsync(over, { instanceOf: LimitError, message: /at most 32768 calls to wait for room: await each/ });
  await t.throwsAsync(session.snapshot(), { instanceOf: LimitError });
  session.finish();
  let answered = 0;
  for await (const _ of session) answered++;
  await Promise.all(sends);
  t.is(answered, sends.length);
});

test('states and the end come after all items before them, though these wait for room, and before those that follow', async t => {
  const { open } = await setUp(t, { credit: 2 });
  for (const reconnect of [{}, false] as const) {
    const session = open({ maxBuffered: 2, reconnect });
    const all = lastValueFrom(session.answers.pipe(toArray()));
    const { data } = await session.snapshot();
    const before = rows.slice(0, 6).map(row => session.send(row));
    const asked = session.snapshot();
    const given = data.slice();
    const restored = session.restore(given);
    given.fill(0);
    const after = rows.map(row => session.send(row));
    session.finish();
    const late = [session.send(rows[0]), session.snapshot(), session.restore(data)].map(one =>
      one.catch(error => error),
    );
    t.like(await asked, { seq: 6, step: 6 });
    t.like(await restored, { nextStep: 1 });
    await Promise.all([...before, ...after]);
    t.deepEqual(told(await all), [...toTell(0, 6), ...toTell(0, 8)]);
    for (const error of await Promise.all(late)) t.true(error instanceof RemoteError);
  }
});

test('a state that is asked for or given after finish is refused to who does, and what is under way is answered', async t => {
  const { open } = await setUp(t);
  const session = open();
  const { data } = await session.snapshot();
  const all = lastValueFrom(session.answers.pipe(toArray()));
  for (const row of rows) await session.send(row);
  session.finish();
  // The finish goes out in a microtask.
  await null;
  await null;
  const refused = { instanceOf: RemoteError, message: /before finish/ };
  await Promise.all([t.throwsAsync(session.snapshot(), refused), t.throwsAsync(session.restore(data), refused)]);
  t.deepEqual(told(await all), toTell(0, 8));
});

test('where the server waits for what has arrived, it is acknowledged though no frame follows', async t => {
  const { open } = await setUp(t, { maxKeptBytes: 100 });
  const session = open({ reconnect: { silence: 60_000 } });
  const all = lastValueFrom(session.answers.pipe(toArray()));
  for (let i = 0; i < 5; i++) for (const row of rows) await session.send(row);
  const { seq } = await session.snapshot();
  t.is(seq, 40);
  session.finish();
  t.is((await all).length, 40);
});

test('more targets than may wait follow the last frame, and all are learned', async t => {
  const server = await startServer(t, model);
  const learning = { k1: 1, k2: 2, lateness: 100 };
  const session = remoteSession(server.url, { learn: 'private', learning, maxBuffered: 3 });
  const events = lastValueFrom(session.answers.pipe(toArray()));
  for (const row of rows) await session.send(row);
  for (let forStep = 1; forStep <= 8; forStep++) await session.send({ forStep, target: Float32Array.of(0.5, -0.5) });
  session.finish();
  t.is((await events).filter(event => event.kind === 'late').length, 8);
});

test('a state that is asked for, or put in place, is answered wherever the connection is lost or goes silent', async t => {
  const network = createNetwork(createRandom(4), model, { ...quiet, deaf: 1 });
  const steps: RemoteStep[] = [];
  const errors: unknown[] = [];
  const session = network.connect(
    {},
    { next: event => steps.push(event as RemoteStep), error: error => errors.push(error), complete() {} },
  );
  session.push(rows[0]);
  await network.run(1000);
  let data: Uint8Array | undefined;
  for (let milliseconds = 0; milliseconds < 40; milliseconds++) {
    const restores = milliseconds % 2 === 1;
    let answered = false;
    const asked = restores ? session.restore(data!) : session.snapshot();
    void asked.then(state => {
      answered = true;
      if ('data' in state) data = state.data;
    });
    await network.run(milliseconds);
    network.cut(session);
    await network.run(20_000);
    t.true(answered, `${restores ? 'restored' : 'asked for'}, cut after ${milliseconds} ms`);
  }
  session.push(rows[1]);
  await network.run(1000);
  t.deepEqual(told(steps), toTell(0, 2));
  t.deepEqual(errors, []);
});

test('a state that is asked for before the end is answered wherever the connection is lost', async t => {
  for (let milliseconds = 30; milliseconds < 100; milliseconds += 2) {
    const network = createNetwork(createRandom(7), model, { ...quiet, deaf: 0.5 });
    const told: unknown[] = [];
    const session = network.connect(
      {},
      { next() {}, error: error => told.push(error), complete: () => told.push('completed') },
    );
    session.push(rows[0]);
    void session.snapshot().then(
      ({ seq }) => told.push(seq),
      error => told.push(error),
    );
    session.finish();
    network.after(milliseconds, () => network.cut(session));
    await network.run(20_000);
    t.deepEqual(told.sort(), [1, 'completed'], `cut after ${milliseconds} ms`);
  }
});

test('a state that does not fit is refused wherever the connection is lost, and no other one with it', async t => {
  const network = createNetwork(createRandom(5), model, { ...quiet, deaf: 0.5 });
  const steps: RemoteStep[] = [];
  const errors: unknown[] = [];
  const session = network.connect(
    {},
    { next: event => steps.push(event as RemoteStep), error: error => errors.push(error), complete() {} },
  );
  session.push(rows[0]);
  let data = new Uint8Array(0);
  void session.snapshot().then(snapshot => {
    data = snapshot.data.slice();
  });
  await network.run(1000);
  const outcome = (asked: Promise<unknown>): { told?: string } => {
    const one: { told?: string } = {};
    asked.then(
      () => {
        one.told = 'put';
      },
      ({ fault }) => {
        one.told = fault;
      },
    );
    return one;
  };
  for (let milliseconds = 0; milliseconds < 100; milliseconds += 2) {
    const [good, bad, last] = [data, Uint8Array.of(1), data].map(bytes => outcome(session.restore(bytes)));
    await network.run(milliseconds);
    network.cut(session);
    await network.run(milliseconds / 3);
    network.cut(session);
    await network.run(100_000);
    const all = [good.told, bad.told, last.told];
    t.deepEqual(all, ['put', 'bad_snapshot', 'put'], `cut after ${milliseconds} ms`);
  }
  session.push(rows[1]);
  const ending = outcome(session.restore(Uint8Array.of(1)));
  session.finish();
  await network.run(200_000);
  t.is(ending.told, 'bad_snapshot');
  t.deepEqual(told(steps), toTell(0, 2));
  t.deepEqual(errors, []);
});
