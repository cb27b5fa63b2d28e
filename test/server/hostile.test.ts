import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { type ClientMessage, encodeClient } from '../../src/wire/messages.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomInput } from '../helpers/models.js';
import { connectWire, entriesOf, openSession, rowFrames } from '../helpers/wire-client.js';

/** What the server may hold, and the memory that its process may take beyond what it began with, during any of these. */
const mostHeld = 48 << 20;
const mostGrowth = 160 << 20;

interface Target {
  readonly port: number;
  readonly url: string;
  memory(): Promise<{ rss: number; held: number }>;
}

async function startTarget(t: ExecutionContext): Promise<Target> {
  const path = fileURLToPath(new URL('../helpers/hostile-server.js', import.meta.url));
  const child: ChildProcess = fork(path, { execArgv: ['--expose-gc', '--max-old-space-size=64'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  child.on('message', (message: { failed?: string }) => message.failed && t.fail(message.failed));
  child.on('exit', code => t.fail(`the server ended with ${code}`));
  t.teardown(() => child.removeAllListeners('exit'));
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    async memory() {
      child.send('memory');
      for (;;) {
        const [message] = await once(child, 'message');
        if ('rss' in message) return message;
      }
    },
  };
}

/** A socket that has done the handshake, and nothing else of itself; what comes is thrown away, if it is read at all. */
async function upgraded(t: ExecutionContext, port: number, subprotocol = 'eddy.v1.proto'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
  );
  await once(socket, 'data');
  return socket;
}

/** A frame of a WebSocket with the mask zero. */
function frame(data: Uint8Array, { final = true, opcode = 2, length = data.length } = {}): Buffer {
  const head = [(final ? 0x80 : 0) | opcode];
  if (length < 126) head.push(0x80 | length);
  else if (length < 65_536) head.push(0x80 | 126, length >> 8, length & 255);
  else head.push(0x80 | 127, ...Array.from({ length: 8 }, (_, i) => Math.floor(length / 256 ** (7 - i)) & 255));
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), data]);
}

const message = (one: ClientMessage): Buffer => frame(encodeClient(one, 'eddy.v1.proto') as Uint8Array);
/** As `once`, but an error is no reason to fail: a hostile peer is cut off. */
const event = (socket: Socket, name: 'data' | 'drain' | 'close'): Promise<unknown> =>
  new Promise(resolve => socket.once(name, resolve));

/** The server has sent a close frame, or ended the socket. */
async function ended(socket: Socket): Promise<void> {
  while (!socket.destroyed && !socket.readableEnded) {
    const data = await Promise.race([event(socket, 'data'), event(socket, 'close')]);
    if (Buffer.isBuffer(data) && data.includes(0x88)) break;
  }
  socket.destroy();
}
const random = createRandom(99);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random.uniform() * 256));

/** Each does its worst, and returns when the server has dealt with it, or would wait for it for ever. */
const attacks: Record<string, (t: ExecutionContext, target: Target) => Promise<void>> = {
  'a slow loris that sends half a request, and half a frame': async (t, { port }) => {
    for (let i = 0; i < 200; i++) {
      const socket = connect({ port, host: '127.0.0.1' });
      t.teardown(() => socket.destroy());
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: local');
    }
    const half = await upgraded(t, port);
    half.write(frame(noise(1000)).subarray(0, 500));
  },
  'fragments of one byte': async (t, { port }) => {
    const socket = await upgraded(t, port);
    socket.write(frame(Uint8Array.of(8), { final: false }));
    for (let i = 0; i < 10_000 && !socket.destroyed; i++) {
      socket.write(frame(Uint8Array.of(1), { final: false, opcode: 0 }));
    }
    await ended(socket);
  },
  'messages beyond the payload': async (t, { port }) => {
    for (const length of [(1 << 16) + 1, 2 ** 31, 2 ** 50, 2 ** 62]) {
      const socket = await upgraded(t, port);
      socket.write(frame(new Uint8Array(64), { length }));
      await ended(socket);
    }
  },
  'deep nesting': async (t, { port }) => {
    for (const text of ['['.repeat(60_000), `{"session":1,"open":${'{"a":'.repeat(10_000)}`]) {
      const socket = await upgraded(t, port, 'eddy.v1.json');
      socket.write(frame(Buffer.from(text), { opcode: 1 }));
      await ended(socket);
    }
    const socket = await upgraded(t, port);
    let nested = Buffer.from([0x12, 0]);
    for (let i = 0; i < 15_000; i++)
      nested = nested.length < 120 ? Buffer.concat([Buffer.from([0x12, nested.length]), nested]) : nested;
    socket.write(frame(nested));
  },
  'huge counts and dimensions': async (t, { url }) => {
    const client = await connectWire(t, url);
    const size = 2 ** 32 - 1;
    const shape = { input: { kind: 'features', size }, output: { kind: 'values', size } } as const;
    const layers = Array.from({ length: 1000 }, () => ({ cell: 'lstm', size }) as const);
    const opens = [
      { fresh: { config: { ...shape, layers } } },
      { fresh: { config: { ...shape, layers: [{ cell: 'gru', size: 65_536 }] } } },
      { learn: 'private', learning: { k1: size, k2: size, lateness: size, replay: { capacity: size, windows: size } } },
      { learn: 'private', learning: { k1: 1, k2: 65_536, lateness: 65_536 } },
      { want: { answer: 'top-k', topK: size } },
      { model: 'x'.repeat(60_000) },
      { carry: new Float32Array(10_000) },
    ];
    for (const [i, open] of opens.entries()) {
      client.send({ type: 'open', session: i + 1, ...open } as never);
      t.is((await client.next()).type, 'fault', JSON.stringify(open).slice(0, 80));
    }
    await openSession(client, 50);
    client.socket.send(
      Buffer.from([0x08, 50, 0x1a, 12, 0x08, 1, 0x22, 8, 0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x12, 0]),
    );
    t.is((await client.next()).type, 'fault');
    client.socket.close();
  },
  'numbers that are none': async (t, { url }) => {
    const client = await connectWire(t, url);
    await openSession(client, 1, { learn: 'private', learning: { k1: 1, k2: 2 } });
    for (const [i, bad] of [Number.NaN, Number.POSITIVE_INFINITY, -3e38].entries()) {
      const row = Float32Array.of(1, bad, 1);
      client.send({ ...rowFrames(1, i + 1, [row]), targets: { targets: [Float32Array.of(bad, bad)] } } as never);
    }
    client.send({ type: 'open', session: 2, carry: new Float32Array(5).fill(Number.NaN) });
    client.send(rowFrames(1, 4, [Float32Array.of(1, 2, 3)]));
    // The good frame is answered with a number, whatever came before.
    for (;;) {
      const said = await client.next();
      if (said.type !== 'predictions' || said.firstSeq + said.entries.length - 1 < 4) continue;
      t.true(said.entries.at(-1)!.answers[0].prediction!.every(Number.isFinite));
      break;
    }
    client.socket.close();
  },
  'garbage after the handshake': async (t, { port }) => {
    for (let i = 0; i < 20; i++) {
      const socket = await upgraded(t, port);
      for (let piece = 0; piece < 8; piece++) socket.write(noise(2000));
      await ended(socket);
    }
    for (let i = 0; i < 20; i++) {
      const socket = await upgraded(t, port);
      socket.write(frame(noise(500)));
      await ended(socket);
    }
  },
  '100,000 opens': async (t, { port }) => {
    const socket = await upgraded(t, port);
    let answers = 0;
    socket.setMaxListeners(0);
    socket.on('data', data => {
      answers += data.length;
    });
    for (let from = 1; from < 100_000; from += 1000) {
      const some = Array.from({ length: 1000 }, (_, i) => message({ type: 'open', session: from + i }));
      if (!socket.write(Buffer.concat(some))) await Promise.race([event(socket, 'drain'), event(socket, 'close')]);
    }
    socket.write(message({ type: 'snapshot', session: 999_999 }));
    // Each is answered: the first hundred are opened, the others are told why not.
    while (answers < 100_000 * 40 && !socket.destroyed) {
      await Promise.race([event(socket, 'data'), event(socket, 'close')]);
    }
    t.true(answers >= 100_000 * 40, `${answers} bytes of answers`);
    socket.destroy();
  },
  'a peer that never reads': async (t, { port }) => {
    const socket = await upgraded(t, port);
    socket.pause();
    let closed = false;
    const over = new Promise<void>(resolve => {
      socket.once('close', () => {
        closed = true;
        resolve();
      });
    });
    // Each is answered by a fault of a hundred bytes.
    const some = Buffer.concat(Array.from({ length: 1000 }, () => message({ type: 'snapshot', session: 7 })));
    for (let i = 0; !closed && i < 400; i++) {
      if (!socket.write(some)) await Promise.race([event(socket, 'drain'), over]);
    }
    // It is not waited for for ever: the server ends it, which a peer that never reads sees when it writes.
    while (!closed) {
      socket.write(frame(new Uint8Array(0), { opcode: 9 }));
      await Promise.race([over, new Promise(done => setTimeout(done, 50))]);
    }
  },
};

for (const [name, attack] of Object.entries(attacks)) {
  test.serial(`${name}: memory stays under its ceiling, and a neighbour's stream goes on`, async t => {
    const target = await startTarget(t);
    const model = await createModel(config('gru', [5]), { seed: 7 });
    const neighbour = await connectWire(t, target.url);
    await openSession(neighbour);
    const before = await target.memory();
    const stream = createRandom(5);
    let carry = model.zeroCarry();
    let seq = 0;
    const undisturbed = async (): Promise<void> => {
      const row = randomInput(stream, model) as Float32Array;
      neighbour.send(rowFrames(1, ++seq, [row]));
      const [entry] = await entriesOf(neighbour, 1);
      const step = model.step(carry, row);
      carry = step.carry;
      if (entry.firstStep !== seq || firstDifference(entry.answers[0].prediction!, step.prediction) >= 0)
        t.fail(`frame ${seq}`);
    };
    let over = false;
    const attacking = attack(t, target).finally(() => {
      over = true;
    });
    let most = { rss: 0, held: 0 };
    do {
      for (let i = 0; i < 5; i++) await undisturbed();
      const { rss, held } = await target.memory();
      most = { rss: Math.max(most.rss, rss), held: Math.max(most.held, held) };
    } while (!over);
    await attacking;
    await undisturbed();
    t.is(neighbour.unread, 0);
    t.true(most.held < mostHeld, `holds ${most.held >> 20} MiB`);
    t.true(most.rss - before.rss < mostGrowth, `grew by ${(most.rss - before.rss) >> 20} MiB`);
  });
}
