import test, { type ExecutionContext } from 'ava';
import type { RemoteLearned, RemoteStep } from '../../src/client/answers.js';
import { connectSession, type SessionOptions } from '../../src/client/connection.js';
import {
  type ClientMessage,
  closeCodes,
  decodeClient,
  defaultLimits,
  encodeServer,
  type Opened,
  type ServerMessage,
} from '../../src/wire/messages.js';
import { createAgenda } from '../helpers/agenda.js';

const subprotocol = 'eddy.v1.proto';
const opened: Opened = { type: 'opened', session: 1, credit: 10, nextSeq: 1, nextStep: 1, token: 'a token' } as Opened;
const draining: ServerMessage = {
  type: 'fault',
  session: 1,
  code: 'draining',
  retryable: true,
  message: 'Expected nothing new: the server closes',
};

const updated = (count: number): ServerMessage =>
  ({
    type: 'updated',
    session: 1,
    count,
    loss: 0,
    gradientNorm: 0,
    windows: 1,
    steps: 1,
    labelled: 1,
  }) as ServerMessage;

/** A session of a client, and the test in the place of its server. */
function withServer(t: ExecutionContext, options: Partial<SessionOptions> = {}) {
  let time = 0;
  const { after, next } = createAgenda(() => time);
  const sockets: { closed: boolean; readonly socket: never }[] = [];
  const sent: ClientMessage[] = [];
  const events: (RemoteStep | RemoteLearned)[] = [];
  const errors: unknown[] = [];
  const listening = { completed: false };
  const open = () => {
    const own = { closed: false, socket: undefined as never };
    const socket = {
      binaryType: '',
      readyState: 1,
      bufferedAmount: 0,
      onopen: null,
      onmessage: null,
      onerror: null,
      onclose: null,
      send: (data: Uint8Array) => void sent.push(decodeClient(Buffer.from(data), true, subprotocol, defaultLimits)),
      close() {
        own.closed = true;
      },
    };
    own.socket = socket as never;
    sockets.push(own);
    return socket as never;
  };
  const session = connectSession(
    open,
    { subprotocol, maxBuffered: 100, ...options },
    {
      next: event => void events.push(event),
      error: error => void errors.push(error),
      complete() {
        listening.completed = true;
      },
    },
    { now: () => time, after, random: () => 0.5, nonce: () => 'a nonce of the client' } as never,
  );
  t.teardown(() => session.abandon());
  // biome-ignore lint/suspicious/noExplicitAny: the newest socket, whose listeners the session has set
  const newest = (): any => sockets[sockets.length - 1].socket;
  const heard = async (): Promise<ClientMessage[]> => {
    await new Promise(resolve => setImmediate(resolve));
    return sent.splice(0);
  };
  return {
    session,
    sockets,
    events,
    errors,
    listening,
    connected: () => newest().onopen({}),
    say: (message: ServerMessage) => newest().onmessage({ data: encodeServer(message, subprotocol) }),
    closed: (code: number) => newest().onclose({ code, reason: '' }),
    heard,
    /** The types of what has come since it was asked last. */
    said: async () => (await heard()).map(({ type }) => type),
    /** How many timers have had their time. */
    wait(milliseconds: number): number {
      const until = time + milliseconds;
      let called = 0;
      for (let due = next(until); due !== undefined; due = next(until)) {
        time = due.at;
        if (due.call) called++;
        due.call?.();
      }
      time = until;
      return called;
    },
  };
}

test('a finish that a closing server refuses is sent again on the next connection, and not on this one', async t => {
  const { session, errors, listening, connected, say, said, closed, wait } = withServer(t);
  connected();
  say(opened);
  session.finish();
  t.deepEqual(await said(), ['open', 'finish']);
  say(draining);
  t.deepEqual(await said(), []);
  closed(closeCodes.restart);
  wait(1000);
  connected();
  say(opened);
  t.deepEqual(await said(), ['open', 'finish']);
  say({ type: 'finished', session: 1 } as ServerMessage);
  t.true(listening.completed);
  t.deepEqual(errors, []);
});

test('one whose open a closing server refuses comes again', async t => {
  const { errors, sockets, connected, say, said, wait } = withServer(t);
  connected();
  t.deepEqual(await said(), ['open']);
  say(draining);
  t.true(sockets[0].closed);
  wait(1000);
  t.is(sockets.length, 2);
  connected();
  t.deepEqual(await said(), ['open']);
  t.deepEqual(errors, []);
});

for (const code of ['token_expired', 'evicted', 'taken_over', 'not_permitted', 'internal', 'invalid'] as const) {
  test(`${code} ends the session, though what was not taken was to be told again before`, async t => {
    const { session, errors, sockets, connected, say, said, closed, wait } = withServer(t, {
      learn: 'private',
      takes: true,
    });
    connected();
    say(opened);
    say(updated(1));
    say(updated(2));
    const { receivedMessages } = session.resumePoint()!;
    closed(closeCodes.restart);
    wait(1000);
    connected();
    if (code === 'invalid') say(opened);
    say({ type: 'fault', session: 1, code, retryable: false, message: 'Expected it to be there' });
    t.deepEqual(await said(), ['open', 'open']);
    t.like(errors, { length: 1, 0: { fault: code } });
    t.true(sockets[1].closed);
    session.taken();
    t.is(session.resumePoint()!.receivedMessages, receivedMessages + 2);
  });
}

test('what is told again on the next connection is passed over, faults of targets among it, and what follows is new', async t => {
  const { session, events, errors, connected, say, closed, wait } = withServer(t, { learn: 'private', takes: true });
  const expired = (forStep: number): ServerMessage =>
    ({ type: 'fault', session: 1, code: 'target_expired', forStep, retryable: false, message: '' }) as ServerMessage;
  connected();
  say(opened);
  for (const message of [updated(1), expired(1), updated(2)]) say(message);
  closed(closeCodes.restart);
  wait(1000);
  connected();
  say(opened);
  for (const message of [updated(1), expired(1), updated(2), expired(2), updated(3)]) say(message);
  t.deepEqual(
    events.map(event => ('update' in event ? event.update.count : 'kind' in event && `${event.kind} ${event.number}`)),
    [1, 'expired 1', 2, 'expired 2', 3],
  );
  session.taken();
  t.is(session.resumePoint()!.receivedMessages, 5);
  t.deepEqual(errors, []);
});

test('what is taken while a session is opened again is acknowledged before more is sent', async t => {
  const { session, connected, say, heard, closed, wait } = withServer(t, { takes: true });
  const entry = { firstStep: 1, stepCount: 1, answers: [] };
  connected();
  say({ ...opened, credit: 2 });
  for (let token = 0; token < 3; token++) session.push(token);
  await heard();
  say({ type: 'predictions', session: 1, firstSeq: 1, entries: [entry, entry] });
  closed(closeCodes.restart);
  wait(1000);
  connected();
  session.taken();
  say({ ...opened, credit: 2, nextSeq: 3 });
  const [open, frames] = await heard();
  t.like(open, { resume: { receivedSeq: 0 } });
  t.like(frames, { firstSeq: 3, ack: 2 });
});

test('one that waits for credit on a connection where nothing comes makes it again', async t => {
  const { session, sockets, connected, say, heard, wait } = withServer(t);
  connected();
  say({ ...opened, credit: 0 });
  session.push(1);
  await heard();
  wait(60_000);
  t.true(sockets[0].closed);
});

for (const kind of ['resuming', 'open'] as const) {
  test(`who ends a session when it is told to be ${kind} leaves no connection and no timer`, async t => {
    const controller = new AbortController();
    let left: string | undefined;
    const { session, sockets, errors, connected, say, heard, closed, wait } = withServer(t, {
      signal: controller.signal,
      onState: state => state.kind === left && controller.abort('left'),
    });
    connected();
    say(opened);
    session.push(1);
    await heard();
    left = kind;
    closed(closeCodes.restart);
    if (kind === 'open') {
      wait(1000);
      connected();
      say(opened);
    }
    t.deepEqual(errors, ['left']);
    const before = sockets.length;
    t.is(wait(1_000_000), 0);
    t.is(sockets.length, before);
  });
}

for (const kind of ['open', 'resuming', 'closed'] as const) {
  test(`what onState throws when it is told ${kind} is the error of the stream`, t => {
    const { session, errors, listening, connected, say, closed, wait } = withServer(t, {
      onState(state) {
        if (state.kind === kind) throw new Error(kind);
      },
    });
    connected();
    say(opened);
    if (kind === 'resuming') closed(closeCodes.restart);
    say({ type: 'finished', session: 1 } as ServerMessage);
    t.like(errors, { length: 1, 0: { message: kind } });
    t.false(listening.completed);
    t.is(wait(1_000_000), 0);
    session.abandon();
  });
}

test('nothing is told after the error to a client that begins anew', async t => {
  const { session, events, errors, connected, say, heard } = withServer(t, {
    takes: true,
    resume: { token: 'a token', receivedSeq: 0, receivedMessages: 0, sentMessages: 0 },
  });
  const answer = (firstSeq: number): ServerMessage => ({
    type: 'predictions',
    session: 1,
    firstSeq,
    entries: [{ firstStep: firstSeq, stepCount: 1, answers: [{ step: firstSeq, prediction: new Float32Array(1) }] }],
  });
  connected();
  say({ ...opened, nextSeq: 3 });
  say(answer(1));
  say({ type: 'fault', session: 1, code: 'diverged', retryable: false, message: '' });
  say(answer(2));
  session.push(1);
  session.push(2);
  await heard();
  t.like(errors, { length: 1, 0: { fault: 'diverged' } });
  t.like(events, { length: 1, 0: { number: 1 } });
});

test('a client that begins anew, and has given no items yet, is told that its session is gone when it comes back', async t => {
  const { errors, connected, say, closed, wait } = withServer(t, {
    takes: true,
    resume: { token: 'a token', receivedSeq: 0, receivedMessages: 0, sentMessages: 0 },
  });
  connected();
  say({ ...opened, nextSeq: 2 });
  // The answer to an item that it has not given.
  say({ type: 'predictions', session: 1, firstSeq: 1, entries: [{ firstStep: 1, stepCount: 1, answers: [] }] });
  closed(1006);
  wait(1000);
  connected();
  say({ type: 'fault', session: 1, code: 'token_expired', retryable: false, message: 'gone' });
  t.like(errors, { length: 1, 0: { fault: 'token_expired' } });
});

for (const reconnect of [{}, false] as const) {
  const again = reconnect ? 'made again' : 'not made again';
  test(`targets that nothing answers are bounded where a lost connection is ${again}`, async t => {
    const { session, errors, connected, say, heard } = withServer(t, {
      learn: 'private',
      reconnect,
      maxBuffered: 1000,
    });
    connected();
    say(opened);
    session.push(Float32Array.of(1));
    await heard();
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) session.push({ forStep: 1 + i, target: 1 });
      for (const message of await heard()) if (message.type === 'targets') sent += message.targets.length;
    };
    // The frame is not answered: more may go once it is.
    await send(1000);
    t.is(sent, 1000);
    await send(1);
    t.is(session.waiting(), 1);
    say({ type: 'predictions', session: 1, firstSeq: 1, entries: [{ firstStep: 1, stepCount: 1, answers: [] }] });
    await send(0);
    // Whether those that follow the newest frame have come, nothing tells.
    for (let i = 0; i < 80 && errors.length === 0; i++) await send(1000);
    t.like(errors, [{ code: 'EDDY_LIMIT' }]);
    t.regex(String(errors[0]), new RegExp(`a frame among ${sent} targets`));
    t.true(sent >= 65_536 && sent < 65_536 + 1000);
  });
}
