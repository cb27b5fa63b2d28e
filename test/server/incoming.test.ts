import { Duplex } from 'node:stream';
import { setImmediate as afterIo } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import * as ws from 'ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { createModel } from '../../src/model/model.js';
import { takeMessages } from '../../src/server/incoming.js';
import { connectWire, entriesOf, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const maxPayload = 66_000;

interface Piece {
  /** First and second byte, but for the length. */
  readonly first: number;
  readonly masked: boolean;
  readonly length: number;
  readonly mask: number;
  /** The length is told in as many bytes where it fits, be it by fewer or not. */
  readonly lengthBytes: 0 | 2 | 8;
}

/** What the server does when it has a message or a pong, counted from the first. */
type Acts = Readonly<Record<number, 'pause' | 'close' | 'terminate'>>;

interface Case {
  readonly bytes: Buffer;
  /** As many of them come with the handshake. */
  readonly head: number;
  /** Lengths of what the socket reads, over and over, and whether it reads on in the same turn. */
  readonly cuts: readonly { readonly length: number; readonly atOnce: boolean }[];
  readonly acts: Acts;
  readonly end: 'end' | 'destroy' | 'paused and destroyed';
}

function encode({ first, masked, length, mask, lengthBytes }: Piece): Buffer {
  const told = length > 65_535 || lengthBytes === 8 ? 127 : length > 125 || lengthBytes === 2 ? 126 : length;
  const head = Buffer.alloc(2 + (told === 127 ? 8 : told === 126 ? 2 : 0) + (masked ? 4 : 0));
  head.writeUInt8(first, 0);
  head.writeUInt8(told | (masked ? 0x80 : 0), 1);
  if (told === 126) head.writeUInt16BE(length, 2);
  if (told === 127) head.writeBigUInt64BE(BigInt(length), 2);
  if (masked) head.writeUInt32BE(mask, head.length - 4);
  // A close with a code that may be sent; elsewhere bytes that tell their place.
  const body = Uint8Array.from({ length }, (_, i) => (first === 0x88 ? [3, 232][i] : (i * 7 + length) % 251) ?? 65);
  if (masked) for (let i = 0; i < length; i++) body[i] ^= (mask >>> (24 - 8 * (i % 4))) & 255;
  return Buffer.concat([head, body]);
}

const sizes = fc.oneof(
  { arbitrary: fc.nat(300), weight: 6 },
  { arbitrary: fc.constantFrom(0, 1, 125, 126, 127, 3071, 3072, 3073, 5000), weight: 3 },
  { arbitrary: fc.constantFrom(65_535, 65_536, maxPayload, maxPayload + 1, 70_000), weight: 1 },
);
const mask = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(0, 1, 2 ** 31));
const lengthBytes = fc.constantFrom(0 as const, 0 as const, 0 as const, 2 as const, 8 as const);
const piece = (
  first: fc.Arbitrary<number>,
  length: fc.Arbitrary<number>,
  masked: fc.Arbitrary<boolean> = fc.constant(true),
) => fc.record({ first, masked, length, mask, lengthBytes }).map(encode);
const data = piece(fc.constant(0x82), sizes);
const control = piece(fc.constantFrom(0x89, 0x8a), fc.nat(125)).filter(bytes => (bytes[1] & 127) < 126);
/** What `ws` has to find, or to put together. */
const others = fc.oneof(
  fc.tuple(piece(fc.constantFrom(1, 2), sizes), piece(fc.constant(0x80), sizes)).map(both => Buffer.concat(both)),
  piece(fc.constantFrom(0, 1, 2, 0x80, 0x81, 0x83, 0x88, 0x8b, 0x92, 0xc2, 0xff), fc.nat(300)),
  piece(fc.constant(0x81), sizes),
  piece(fc.constantFrom(0x88, 0x89), fc.nat(140)),
  piece(fc.constantFrom(0x89, 0x8a), fc.constantFrom(124, 126)),
  piece(fc.constant(0x82), sizes, fc.constant(false)),
  fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes)),
);
const plain = fc.array(fc.oneof({ arbitrary: data, weight: 6 }, { arbitrary: control, weight: 1 }), { maxLength: 12 });
const stream = fc
  .tuple(plain, fc.array(others, { maxLength: 1 }), fc.array(fc.oneof(data, control, others), { maxLength: 4 }))
  .map(parts => Buffer.concat(parts.flat()));
const cut = (length: fc.Arbitrary<number>) => fc.record({ length, atOnce: fc.boolean() });
const cuts = fc
  .tuple(
    fc.array(cut(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 100, max: 70_000 }))), { maxLength: 12 }),
    cut(fc.integer({ min: 1000, max: 70_000 })),
  )
  .map(([some, long]) => [...some, long]);
const acts = fc.dictionary(
  fc.nat(12).map(String),
  fc.constantFrom('pause' as const, 'pause' as const, 'close' as const, 'terminate' as const),
  { maxKeys: 2, noNullPrototype: true },
) as fc.Arbitrary<Acts>;
const end = fc.constantFrom('end' as const, 'destroy' as const, 'paused and destroyed' as const);
const cases: fc.Arbitrary<Case> = fc.record({
  bytes: stream,
  head: fc.oneof(fc.constant(0), fc.nat(300)),
  cuts,
  acts,
  end,
});

/** A socket in memory after a handshake of `ws`, and all that happens on it. */
async function run(
  { bytes, head, cuts, acts, end }: Case,
  take: (webSocket: WebSocket, socket: Duplex) => void,
  options: object = {},
): Promise<string[]> {
  const told: string[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      told.push(`sent ${chunk.toString('hex')}`);
      done();
    },
  });
  const sockets = new WebSocketServer({
    ...{ noServer: true, perMessageDeflate: false, maxPayload, maxFragments: 3 },
    ...options,
  });
  const headers = {
    upgrade: 'websocket',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  };
  const opened = new Promise<WebSocket>(resolve => {
    sockets.handleUpgrade({ method: 'GET', headers } as never, socket, Buffer.from(bytes.subarray(0, head)), resolve);
  });
  // As the server does: in the turn of the handshake.
  const webSocket = await opened;
  take(webSocket, socket);
  let seen = 0;
  const act = (): void => {
    const what = acts[seen++];
    if (what === 'pause') {
      webSocket.pause();
      setImmediate(() => setImmediate(() => webSocket.resume()));
    } else if (what === 'close') webSocket.close(4000, 'enough');
    else if (what === 'terminate') webSocket.terminate();
  };
  webSocket.on('message', (message: Buffer, isBinary) => {
    told.push(`${isBinary ? 'message' : 'text'} ${message.length} ${message.toString('latin1')}`);
    act();
  });
  webSocket.on('pong', data => {
    told.push(`pong ${data.toString('hex')}`);
    act();
  });
  webSocket.on('error', error => told.push(`error ${error.message}`));
  webSocket.on('close', (code, reason) => told.push(`closed ${code} ${reason}`));

  await afterIo();
  for (let at = head, i = 0; at < bytes.length && !socket.destroyed; i++) {
    const { length, atOnce } = cuts[i % cuts.length];
    // Each its own memory, since masks are undone in place.
    socket.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
    if (!atOnce) await afterIo();
    if (end === 'paused and destroyed' && at >= bytes.length / 2) {
      webSocket.pause();
      socket.push(Buffer.from(bytes.subarray(at)));
      break;
    }
  }
  if (end === 'end') {
    socket.push(null);
    for (let i = 0; i < 4; i++) await afterIo();
  }
  socket.destroy();
  for (let i = 0; i < 4; i++) await afterIo();
  told.push(`read by ${socket.listenerCount('data')}`);
  return told;
}

/** The types of `ws` do not tell of it. */
const { Receiver } = ws as unknown as { Receiver: { prototype: { write(chunk: Buffer): boolean } } };

test.serial('a server takes the frames of its clients before ws', async t => {
  const { write } = Receiver.prototype;
  t.teardown(() => {
    Receiver.prototype.write = write;
  });
  let given = 0;
  Receiver.prototype.write = function (chunk) {
    // What clients say is masked, what servers say is not.
    if (chunk[1] >= 0x80) given++;
    return write.call(this, chunk);
  };
  const size = 40;
  const model = await createModel({
    input: { kind: 'features', size },
    layers: [{ cell: 'gru', size: 8 }],
    output: { kind: 'classes', size: 10 },
  });
  const client = await connectWire(t, (await startServer(t, model)).url);
  await openSession(client);
  const rows = Array.from({ length: 32 }, (_, i) => new Float32Array(size).fill(i / 32));
  rows.forEach((row, i) => {
    client.send(rowFrames(1, 1 + i, [row]));
  });
  await entriesOf(client, 32);
  t.is(given, 0);
  // Control: 5 KB are for ws.
  client.send(rowFrames(1, 33, rows));
  await entriesOf(client, 32);
  t.true(given > 0);
});

const alone = (): void => {};
const splits = (webSocket: WebSocket, socket: Duplex): void => takeMessages(webSocket, socket, maxPayload);
const same = (take: typeof splits, options: object = {}) =>
  fc.asyncProperty(cases, async one => {
    const [expected, came] = [await run(one, alone), await run(one, take, options)];
    return came.length === expected.length && came.every((what, i) => what === expected[i]);
  });

test('whatever comes, in whatever pieces, is told and answered as ws alone does it', async t => {
  await fc.assert(same(splits), { numRuns: Number(process.env.EDDY_RUNS ?? 300) });
  t.pass();
});

test('the comparison sees a bound that is not kept, and messages that overtake others', async t => {
  const unbounded = (webSocket: WebSocket, socket: Duplex): void => takeMessages(webSocket, socket, 2 ** 31 - 1);
  const small = { maxPayload: 100 };
  const bounded = fc.asyncProperty(cases, async one => {
    const [expected, came] = [await run(one, alone, small), await run(one, unbounded, small)];
    return came.join() === expected.join();
  });
  t.true((await fc.check(bounded, { numRuns: 100, seed: 1, endOnFailure: true })).failed);
  t.true(
    (await fc.check(same(splits, { allowSynchronousEvents: false }), { numRuns: 100, seed: 1, endOnFailure: true }))
      .failed,
  );
});

/** How many bytes `ws` is given of a stream. */
async function givenToWs(bytes: Buffer, length = bytes.length): Promise<{ given: number; messages: number }> {
  let given = 0;
  const counted = (webSocket: WebSocket, socket: Duplex): void => {
    const [theirs] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    socket.removeAllListeners('data');
    socket.on('data', function count(this: Duplex, chunk: Buffer) {
      given += chunk.length;
      theirs.call(this, chunk);
    });
    splits(webSocket, socket);
  };
  const told = await run({ bytes, head: 0, cuts: [{ length, atOnce: false }], acts: {}, end: 'destroy' }, counted);
  return { given, messages: told.filter(what => what.startsWith('message')).length };
}

const whole = (length: number, first = 0x82): Buffer =>
  encode({ first, masked: true, length, mask: 0x01020384, lengthBytes: 0 });

test('messages that are whole and plain never reach ws; of others it has their own bytes', async t => {
  const plain = Array.from({ length: 40 }, (_, i) => whole(i * 50));
  t.deepEqual(await givenToWs(Buffer.concat(plain)), { given: 0, messages: 40 });
  const [ping, large] = [whole(5, 0x89), whole(10_000)];
  const mixed = Buffer.concat([...plain, ping, ...plain, large, ...plain]);
  t.deepEqual(await givenToWs(mixed), { given: ping.length + large.length, messages: 121 });
  // Cut anywhere, it finds where the next one begins.
  const { given, messages } = await givenToWs(mixed, 4001);
  t.is(messages, 121);
  t.true(given < ping.length + large.length + (mixed.length / 4001) * 2000);
});

test('a head is found whole, whatever its bytes are and wherever it is cut', async t => {
  const like = (length: number, lengthBytes: 0 | 8 = 0) =>
    encode({ first: 0x82, masked: true, length, mask: 0x82818283, lengthBytes });
  const frames = [like(2), like(386), like(130), like(0), like(2, 8), like(386, 8), like(2), like(3)];
  for (let length = 1; length < 24; length++) {
    const one: Case = {
      head: 0,
      bytes: Buffer.concat([...frames, ...frames]),
      cuts: [{ length, atOnce: true }],
      acts: {},
      end: 'end',
    };
    t.deepEqual(await run(one, splits), await run(one, alone));
  }
});

test('after a frame that is not known to be right, ws has everything', async t => {
  const [text, after] = [whole(10, 0x81), Buffer.concat([whole(30), whole(40)])];
  const both = Buffer.concat([whole(20), text, after, after]);
  t.deepEqual(await givenToWs(both), { given: text.length + 2 * after.length, messages: 5 });
});

test('the bound of ws on pieces holds, and what comes with the piece beyond it is not taken', async t => {
  const bytes = Buffer.concat([whole(6000), whole(10), whole(20)]);
  const single = { length: 1, atOnce: true };
  const cuts = [...Array.from({ length: 5008 }, () => single), { length: bytes.length, atOnce: true }];
  const one: Case = { bytes, head: 0, cuts, acts: {}, end: 'end' };
  const [expected, came] = [
    await run(one, alone, { maxBufferedChunks: 5000 }),
    await run(one, splits, { maxBufferedChunks: 5000 }),
  ];
  t.true(expected.includes('error Too many buffered chunks'));
  t.deepEqual(came, expected);
});

test('a socket that others read, too, is left as it is', t => {
  const socket = new Duplex({ read() {} });
  takeMessages({} as WebSocket, socket, maxPayload);
  t.is(socket.listenerCount('data'), 0);
  const [one, two] = [() => {}, () => {}];
  socket.on('data', one).on('data', two);
  takeMessages({} as WebSocket, socket, maxPayload);
  t.deepEqual(socket.listeners('data'), [one, two]);
});
