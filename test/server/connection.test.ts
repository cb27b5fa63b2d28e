import { EventEmitter } from 'node:events';
import { connect as connectSocket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { createBatcher } from '../../src/server/batcher.js';
import { connect } from '../../src/server/connection.js';
import { createCounts, createHistograms } from '../../src/server/counts.js';
import { createGrant } from '../../src/server/grant.js';
import type { Connection } from '../../src/server/hub.js';
import type { ServeOptions } from '../../src/server/index.js';
import { silent } from '../../src/server/log.js';
import { checkServeOptions } from '../../src/server/options.js';
import { createRegister } from '../../src/server/register.js';
import { serveModels } from '../../src/server/served.js';
import { createMemoryStore } from '../../src/server/store.js';
import { createTurn } from '../../src/server/turn.js';
import { type ClientMessage, closeCodes, decodeServer, encodeClient, isCloseCode } from '../../src/wire/messages.js';
import { config, randomInput } from '../helpers/models.js';
import { connectWire, entriesOf, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

/** A server with a neighbour in the middle of a stream, who must not notice what happens on another connection. */
async function withNeighbour(t: ExecutionContext, options: ServeOptions = {}) {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const server = await startServer(t, model, options);
  const neighbour = await connectWire(t, server.url);
  await openSession(neighbour);
  const random = createRandom(8);
  const rows = Array.from({ length: 4 }, () => randomInput(random, model) as Float32Array);
  neighbour.send(rowFrames(1, 1, rows.slice(0, 2)));
  await entriesOf(neighbour, 2);
  const undisturbed = async (): Promise<void> => {
    neighbour.send(rowFrames(1, 3, rows.slice(2, 4)));
    const entries = await entriesOf(neighbour, 2);
    t.deepEqual(
      entries.map(entry => entry.firstStep),
      [3, 4],
    );
    t.is(neighbour.unread, 0);
  };
  return { server, rows, undisturbed };
}

test('garbage is told as malformed, closes its connection with 4400, and disturbs no other', async t => {
  const { server, undisturbed } = await withNeighbour(t);
  for (const garbage of [Buffer.from([0xff, 0xff, 0xff]), Buffer.from('GET / HTTP/1.1'), Buffer.from([0x0a])]) {
    const client = await connectWire(t, server.url);
    client.socket.send(garbage);
    t.like(await client.expect('fault'), { session: 0, code: 'malformed', retryable: false });
    t.like(await client.closed, { code: 4400 });
  }
  await undisturbed();
});

test('text on the binary subprotocol, and bytes on the other, are malformed', async t => {
  const { server, undisturbed } = await withNeighbour(t);
  const binary = await connectWire(t, server.url);
  binary.socket.send('{"session":1,"open":{}}');
  t.like(await binary.expect('fault'), { session: 0, code: 'malformed' });
  t.like(await binary.closed, { code: 4400 });
  const json = await connectWire(t, server.url, 'eddy.v1.json');
  json.socket.send(Buffer.from('{"session":1,"open":{}}'), { binary: true });
  t.like(await json.expect('fault'), { session: 0, code: 'malformed' });
  t.like(await json.closed, { code: 4400 });
  await undisturbed();
});

test('what came before garbage is answered before the connection closes', async t => {
  const { server, rows } = await withNeighbour(t);
  const client = await connectWire(t, server.url);
  await openSession(client);
  client.send(rowFrames(1, 1, rows));
  client.socket.send(Buffer.from([0xff]));
  await client.expect('fault');
  t.is((await entriesOf(client, 4)).length, 4);
  t.like(await client.closed, { code: 4400 });
});

test('a message that breaks a rule is invalid, and the connection stays open', async t => {
  const { server, rows } = await withNeighbour(t);
  const client = await connectWire(t, server.url);
  await openSession(client);
  client.send({ ...rowFrames(1, 1, rows.slice(0, 1)), firstSeq: 0 } as never);
  t.like(await client.expect('fault'), { session: 1, code: 'invalid' });
  client.socket.send(encodeClient({ type: 'open', session: 0 }, 'eddy.v1.proto'));
  t.like(await client.expect('fault'), { session: 0, code: 'invalid' });
  client.send(rowFrames(1, 1, rows.slice(0, 1)));
  await entriesOf(client, 1);
});

test('a message beyond the payload limit closes its connection with 1009', async t => {
  const { server, undisturbed } = await withNeighbour(t, { maxPayload: 1000 });
  const client = await connectWire(t, server.url);
  client.socket.send(new Uint8Array(1001));
  t.like(await client.closed, { code: 1009 });
  await undisturbed();
});

test('a message of too many fragments closes its connection with a code that a client knows', async t => {
  const { server, undisturbed } = await withNeighbour(t, { maxFragments: 8 });
  const client = await connectWire(t, server.url);
  for (let i = 0; i < 9; i++) client.socket.send(new Uint8Array(1), { fin: false });
  const { code } = await client.closed;
  t.is(code, 1008);
  t.true(isCloseCode(code));
  await undisturbed();
});

test('a broken WebSocket frame closes its connection alone', async t => {
  const { server, undisturbed } = await withNeighbour(t);
  const client = await connectWire(t, server.url);
  const raw = (client.socket as unknown as { _socket: { write(data: Uint8Array): void } })._socket;
  // A text frame that is not masked, from a client.
  raw.write(Uint8Array.of(0x81, 0x01, 0x41));
  t.like(await client.closed, { code: 1002 });
  await undisturbed();
});

test('a connection that vanishes in the middle of a frame leaves nothing behind', async t => {
  const { server, undisturbed } = await withNeighbour(t, { maxSessions: 2 });
  const client = await connectWire(t, server.url);
  await openSession(client);
  const raw = (client.socket as unknown as { _socket: { write(data: Uint8Array): void } })._socket;
  raw.write(Uint8Array.of(0x82, 0xfe));
  client.socket.terminate();
  await client.closed;
  await undisturbed();
  // Its place is free again: there is room for two sessions in all.
  const next = await connectWire(t, server.url);
  next.send({ type: 'open', session: 1 });
  let message = await next.next();
  for (let i = 0; message.type === 'fault' && i < 100; i++) {
    t.is(message.code, 'limit_reached');
    next.send({ type: 'open', session: 1 });
    message = await next.next();
  }
  t.is(message.type, 'opened');
});

/** A peer that asks for 64 MiB in answers of 128 KiB, and does not read until it is told to. */
async function withSlowReader(t: ExecutionContext, highWater: number) {
  const outputs = 32_768;
  const model = await createModel(config('gru', [2], { kind: 'token', size: 2 }, { kind: 'classes', size: outputs }));
  const server = await startServer(t, model, { highWater, grace: 0 });
  const slow = await connectWire(t, server.url);
  await openSession(slow);
  slow.socket.pause();
  const total = 512;
  let sent = 0;
  let answered = 0;
  const send = (): void => {
    while (sent < total && sent - answered < 128) {
      const payload = { kind: 'tokens', ids: Array(32).fill(sent % 2) } as const;
      slow.send({ type: 'frames', session: 1, firstSeq: sent + 1, payload });
      sent += 32;
    }
  };
  send();
  // Another client is served all the while.
  const quick = await connectWire(t, server.url);
  await openSession(quick, 1, { want: { answer: 'argmax' } });
  for (let i = 0; i < 50; i++) {
    quick.send({ type: 'frames', session: 1, firstSeq: i + 1, payload: { kind: 'tokens', ids: [1] } });
    await entriesOf(quick, 1);
  }
  const { unsentBytes } = (await (await fetch(`${server.httpUrl}/healthz`)).json()) as { unsentBytes: number };
  const readAll = async (): Promise<void> => {
    slow.socket.resume();
    while (answered < total) {
      const { firstSeq, entries } = await slow.expect('predictions');
      t.is(firstSeq, answered + 1);
      answered += entries.length;
      send();
    }
    t.is(answered, total);
  };
  return { unsentBytes, readAll };
}

test('a peer that does not read is sent no more than the high-water mark, and holds up no other', async t => {
  const highWater = 1 << 18;
  const { unsentBytes, readAll } = await withSlowReader(t, highWater);
  const oneAnswer = 132_000;
  t.true(unsentBytes > highWater / 2 && unsentBytes <= highWater + oneAnswer, `${unsentBytes}`);
  // Once it reads, everything comes, in order.
  await readAll();
});

test('without a mark as low, more would wait', async t => {
  const { unsentBytes } = await withSlowReader(t, 1 << 26);
  t.true(unsentBytes > 1 << 20, `${unsentBytes}`);
});

test('a peer that answers no ping is ended', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])), { heartbeat: 20 });
  const closed = new Promise<void>(resolve => {
    const socket = connectSocket(server.port, '127.0.0.1');
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: eddy.v1.json\r\n\r\n',
    );
    socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
  await closed;
  t.pass();
});

/** A connection on a socket that is none: its writes are counted, and it is read by the test. */
async function onFakeSocket(highWater: number, now?: () => number, share = 1 << 20, writableHighWaterMark = 0) {
  const model = await createModel(config('gru', [3], { kind: 'token', size: 4 }, { kind: 'classes', size: 4 }));
  const settings = checkServeOptions({ highWater });
  const batcher = createBatcher(error => {
    throw error;
  }, now);
  let runs = 0;
  let turnEnded = (): void => {};
  const turn = createTurn(() => {
    runs++;
    setImmediate(() => turnEnded());
    return batcher.run();
  });
  const everyone = {
    plain: createGrant('anonymous', ['predict', 'learn-private']),
    sharing: createGrant('anonymous', []),
  };
  const hub = {
    models: serveModels(model),
    retired: new Set<never>(),
    settings,
    batcher,
    turn,
    connections: new Set<Connection>(),
    tokens: undefined,
    everyone,
    unauthenticated: 0,
    counts: createCounts(),
    histograms: createHistograms(),
    share: { bytes: () => share },
    log: silent,
    connected: 0,
    register: createRegister(() => 0),
    now: () => 0,
    store: createMemoryStore(1000),
    sessions: 0,
    learners: 0,
    draining: false,
  };
  const writes: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    writableHighWaterMark,
    cork() {},
    uncork() {},
    /** Frames of fewer than 126 bytes, or as many as two bytes can say. */
    write(data: Uint8Array) {
      const types: string[] = [];
      for (let at = 0; at < data.length; ) {
        const start = at + (data[at + 1] === 126 ? 4 : 2);
        at = start + (data[at + 1] === 126 ? data[at + 2] * 256 + data[at + 3] : data[at + 1]);
        types.push(decodeServer(data.subarray(start, at), true, 'eddy.v1.proto').type);
      }
      writes.push(types.join(' '));
    },
  });
  const webSocket = Object.assign(new EventEmitter(), {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    isPaused: false,
    terminated: false,
    closedWith: 0,
    pings: 0,
    pause() {
      webSocket.isPaused = true;
    },
    resume() {
      webSocket.isPaused = false;
    },
    ping() {
      webSocket.pings++;
    },
    close(code: number) {
      webSocket.closedWith = code;
    },
    terminate() {
      webSocket.terminated = true;
    },
  });
  const connection = connect(hub, webSocket as never, socket as never, 'eddy.v1.proto', everyone.plain);
  const receive = (message: ClientMessage): void => {
    webSocket.emit('message', Buffer.from(encodeClient(message, 'eddy.v1.proto') as Uint8Array), true);
  };
  const nextTurn = (): Promise<void> =>
    new Promise(resolve => {
      turnEnded = resolve;
    });
  return { connection, webSocket, socket, writes, receive, nextTurn, runs: () => runs };
}

test('the answers of one turn, to all sessions of a connection, are one write', async t => {
  const { receive, nextTurn, writes } = await onFakeSocket(1 << 20);
  receive({ type: 'open', session: 1 });
  receive({ type: 'open', session: 2 });
  await nextTurn();
  t.deepEqual(writes.splice(0), ['opened opened']);
  for (const seq of [1, 2]) {
    for (const session of [1, 2]) {
      receive({ type: 'frames', session, firstSeq: seq, payload: { kind: 'tokens', ids: [seq] } });
    }
  }
  t.deepEqual(writes, []);
  await nextTurn();
  t.deepEqual(writes, ['predictions predictions']);
});

for (const message of ['snapshot', 'restore'] as const) {
  test(`what answers a ${message} comes after all that waits for the peer to read`, async t => {
    const { receive, nextTurn, webSocket, socket, writes } = await onFakeSocket(20, () => 0);
    receive({ type: 'open', session: 1, resumable: true, learn: 'private', learning: { k1: 1, k2: 2 } });
    await nextTurn();
    receive({ type: 'snapshot', session: 1 });
    let data: Uint8Array | undefined;
    const { write } = socket;
    socket.write = bytes => {
      const told = decodeServer(bytes.subarray(4), true, 'eddy.v1.proto');
      if (told.type === 'snapshotData') data = told.data;
    };
    await nextTurn();
    socket.write = write;
    writes.length = 0;
    // It reads what is written now no more, which is seen when its answer has been said.
    webSocket.bufferedAmount = 1e6;
    const frames = { payload: { kind: 'tokens', ids: [1] }, targets: { targets: [2] } } as const;
    receive({ type: 'frames', session: 1, firstSeq: 1, ...frames });
    await nextTurn();
    t.deepEqual(writes.splice(0), ['predictions']);
    // Some of that has gone, but not all: the socket says nothing of it.
    webSocket.bufferedAmount = 0;
    receive(message === 'snapshot' ? { type: 'snapshot', session: 1 } : { type: 'restore', session: 1, data: data! });
    for (let turns = 0; writes.join(' ').split(' ').length < 2 && turns < 100; turns++)
      await new Promise(resolve => setImmediate(resolve));
    t.is(writes.join(' '), `updated ${message === 'snapshot' ? 'snapshotData' : 'opened'}`);
  });
}

test('a connection whose queues are full is not read from until they are shorter', async t => {
  const { receive, nextTurn, webSocket } = await onFakeSocket(1000, () => 0);
  receive({ type: 'open', session: 1 });
  await nextTurn();
  const frames = (firstSeq: number): void =>
    receive({ type: 'frames', session: 1, firstSeq, payload: { kind: 'tokens', ids: [0, 1, 2, 3] } });
  frames(1);
  t.false(webSocket.isPaused);
  frames(5);
  frames(9);
  frames(13);
  t.true(webSocket.isPaused);
  await nextTurn();
  t.false(webSocket.isPaused);
});

test('a connection is read on, and closed, also where what was left has no answer', async t => {
  let [time, look] = [0, 0];
  const { connection, receive, nextTurn, webSocket, writes, runs } = await onFakeSocket(1500, () => (time += look));
  const learning = { k1: 1, k2: 2, lateness: 1000 };
  receive({ type: 'open', session: 1, learn: 'private', learning });
  await nextTurn();
  for (let firstSeq = 1; firstSeq <= 800; firstSeq += 20) {
    receive({ type: 'frames', session: 1, firstSeq, payload: { kind: 'tokens', ids: Array(20).fill(1) } });
    await nextTurn();
  }
  for (let seen = 0; seen !== runs(); ) {
    seen = runs();
    for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve));
  }
  // From now on a turn has one round.
  look = 100;
  const unlabelled = (forStep: number, count: number): void =>
    receive({ type: 'targets', session: 1, forStep, targets: Array(count).fill(null) });
  for (let part = 0; part < 80; part++) unlabelled(1 + 5 * part, 5);
  t.true(webSocket.isPaused);
  writes.length = 0;
  await nextTurn();
  t.true(webSocket.isPaused);
  await nextTurn();
  t.false(webSocket.isPaused);
  unlabelled(401, 400);
  connection.shut(1012, 'over');
  await nextTurn();
  t.is(webSocket.closedWith, 0);
  await nextTurn();
  t.is(webSocket.closedWith, 1012);
  t.deepEqual(writes, []);
});

test('a connection whose sessions wait for acknowledgements is read on, within a bound, since these are behind what is not read', async t => {
  const { connection, receive, nextTurn, webSocket, writes } = await onFakeSocket(100, undefined, 1);
  receive({ type: 'open', session: 1, resumable: true });
  await nextTurn();
  const send = async (firstSeq: number): Promise<void> => {
    receive({ type: 'frames', session: 1, firstSeq, payload: { kind: 'tokens', ids: [0, 1, 2, 3] } });
    await nextTurn();
  };
  await send(1);
  t.is(writes.at(-1), 'predictions');
  for (let seq = 5; seq <= 17; seq += 4) await send(seq);
  t.false(webSocket.isPaused, 'more waits than the mark allows, and the acknowledgement is read all the same');
  receive({ type: 'ack', session: 1, seq: 4 });
  writes.length = 0;
  await nextTurn();
  t.deepEqual(writes, ['predictions']);

  for (let seq = 21; seq <= 49; seq += 4) await send(seq);
  t.true(webSocket.isPaused, 'that has its bound');
  connection.sweep(0);
  connection.sweep(60_000);
  t.is(webSocket.closedWith, 0);
  connection.sweep(60_001);
  t.is(writes.at(-1), 'fault');
  t.is(webSocket.closedWith, closeCodes.limits);
});

test('a finish that comes again, while its peer has not taken all, repeats nothing', async t => {
  const { receive, nextTurn, socket, writes } = await onFakeSocket(1000, () => 0);
  const open = { type: 'open', session: 1, resumable: true, nonce: 'drawn' } as const;
  receive({ ...open, learn: 'private', learning: { k1: 1, k2: 2 } });
  await nextTurn();
  for (let firstSeq = 1; firstSeq <= 10; firstSeq++) {
    const targets = { targets: [1] };
    receive({ type: 'frames', session: 1, firstSeq, payload: { kind: 'tokens', ids: [0] }, targets });
    await nextTurn();
  }
  receive({ type: 'finish', session: 1 });
  await nextTurn();
  const all = writes.join(' ').split(' ').slice(1);
  t.is(all.filter(type => type === 'updated').length, 10);
  writes.length = 0;
  receive(open);
  receive({ type: 'finish', session: 1 });
  await nextTurn();
  t.false(writes.join(' ').includes('finished'), 'not all at once');
  for (let i = 0; i < 9; i++) {
    socket.emit('drain');
    await new Promise(resolve => setImmediate(resolve));
  }
  t.deepEqual(writes.join(' ').split(' '), ['opened', ...all]);
});

test('a connection with too many unsent bytes is not read from, and its sessions wait, until the socket drains', async t => {
  const { receive, nextTurn, webSocket, socket, writes } = await onFakeSocket(1000);
  receive({ type: 'open', session: 1 });
  // What the socket does not take of the first write.
  webSocket.bufferedAmount = 2000;
  await nextTurn();
  t.true(webSocket.isPaused);
  receive({ type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'tokens', ids: [0, 1] } });
  receive({ type: 'open', session: 1 });
  await nextTurn();
  t.false(writes.includes('predictions'));
  webSocket.bufferedAmount = 0;
  socket.emit('drain');
  t.false(webSocket.isPaused);
  await nextTurn();
  t.true(writes.includes('predictions'));
});

test('a connection does not wait for a socket that holds too little to tell when it has written it', async t => {
  const { receive, nextTurn, webSocket, socket, writes } = await onFakeSocket(1000, undefined, undefined, 16_384);
  receive({ type: 'open', session: 1 });
  webSocket.bufferedAmount = 16_384;
  await nextTurn();
  t.false(webSocket.isPaused);
  receive({ type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'tokens', ids: [0, 1] } });
  await nextTurn();
  t.true(writes.includes('predictions'));
  // This much it tells of.
  webSocket.bufferedAmount = 16_385;
  receive({ type: 'frames', session: 1, firstSeq: 3, payload: { kind: 'tokens', ids: [0, 1] } });
  await nextTurn();
  t.true(webSocket.isPaused);
  webSocket.bufferedAmount = 0;
  socket.emit('drain');
  t.false(webSocket.isPaused);
});

test('who has taken nothing for so long is told and closed, and ended if it does not even take that', async t => {
  const { connection, receive, nextTurn, webSocket, writes } = await onFakeSocket(1000);
  receive({ type: 'open', session: 1 });
  webSocket.bufferedAmount = 2000;
  await nextTurn();
  const grace = 60_000;
  connection.sweep(0);
  connection.sweep(grace);
  // It reads, though slowly.
  webSocket.bufferedAmount = 1500;
  connection.sweep(grace + 1);
  connection.sweep(2 * grace + 1);
  t.is(webSocket.closedWith, 0);
  connection.sweep(2 * grace + 2);
  t.is(writes.at(-1), 'fault');
  t.is(webSocket.closedWith, closeCodes.limits);
  t.false(webSocket.terminated);
  webSocket.readyState = 2;
  connection.sweep(2 * grace + 3);
  t.true(webSocket.terminated);
});

test('who answers pings stays, who does not is ended at the next one', async t => {
  const { connection, webSocket } = await onFakeSocket(1000);
  connection.heartbeat();
  webSocket.emit('pong');
  connection.heartbeat();
  t.is(webSocket.pings, 2);
  t.false(webSocket.terminated);
  connection.heartbeat();
  t.true(webSocket.terminated);
});
