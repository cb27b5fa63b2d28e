import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import * as ws from 'ws';
import { addMessage, clearMessages, createOutgoing, writeMessages } from '../../src/server/outgoing.js';

/** The types of `ws` do not tell of it. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => NodeJS.EventEmitter & { write(chunk: Uint8Array): void };
};

/** Reads what was written as `ws` does at the other end. */
function collect() {
  const chunks: Buffer[] = [];
  let writes = 0;
  const socket = new Duplex({
    read() {},
    write(chunk, _, done) {
      writes++;
      chunks.push(chunk);
      done();
    },
    writev(all, done) {
      writes++;
      for (const { chunk } of all) chunks.push(chunk as Buffer);
      done();
    },
  });
  const read = (): (string | Buffer)[] => {
    const messages: (string | Buffer)[] = [];
    const receiver = new Receiver({ isServer: false });
    receiver.on('message', (data: Buffer, isBinary: boolean) => messages.push(isBinary ? data : String(data)));
    for (const chunk of chunks) receiver.write(chunk);
    return messages;
  };
  const outgoing = createOutgoing();
  return { outgoing, read, write: () => writeMessages(outgoing, socket), writes: () => writes };
}

test('whatever is added arrives as it was, in order, in one write a turn', t => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000).map(length => new Uint8Array(length).fill(7)),
  );
  const turns = fc.array(fc.array(bytes, { maxLength: 5 }), { maxLength: 4 });
  fc.assert(
    fc.property(turns, all => {
      const { outgoing, read, write, writes } = collect();
      for (const turn of all) {
        for (const message of turn) addMessage(outgoing, message as Uint8Array<ArrayBuffer>);
        write();
      }
      const [came, sent] = [read() as Buffer[], all.flat()];
      t.is(came.length, sent.length);
      t.true(came.every((message, i) => message.equals(sent[i])));
      t.is(writes(), all.filter(turn => turn.length > 0).length);
    }),
    { numRuns: 40 },
  );
});

test('text is sent as text, and its bytes are counted', t => {
  const { outgoing, read, write } = collect();
  addMessage(outgoing, '{"größe":1}');
  t.true(outgoing.bytes >= 13);
  write();
  t.is(outgoing.bytes, 0);
  t.deepEqual(read(), ['{"größe":1}']);
});

test('what is cleared is not sent', t => {
  const { outgoing, read, write } = collect();
  addMessage(outgoing, Uint8Array.of(1, 2, 3));
  clearMessages(outgoing);
  write();
  t.deepEqual(read(), []);
});

test('what a socket of the system has not taken yet is not written over by the next turns', async t => {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => {
    peer.destroy();
    server.close();
  });
  const receiver = new Receiver({ isServer: false });
  const came: string[] = [];
  receiver.on('message', (data: Buffer) => came.push(`${data.length} of ${data[0]}`));

  const outgoing = createOutgoing();
  const sent: string[] = [];
  let waited = 0;
  for (let turn = 0; waited < 50; turn++) {
    const message = new Uint8Array(1 + ((turn * 977) % 9000)).fill(turn % 251);
    addMessage(outgoing, message);
    writeMessages(outgoing, socket);
    sent.push(`${message.length} of ${message[0]}`);
    // Nobody reads: the system is full at some time, and what comes then waits here.
    if (socket.writableLength > 0) waited++;
  }
  // As long as one goes at once, others lie where it lay.
  peer.on('data', chunk => receiver.write(chunk));
  while (came.length < sent.length) await once(peer, 'data');
  t.deepEqual(came, sent);
  for (let turn = 0; turn < 100; turn++) {
    addMessage(outgoing, new Uint8Array(10).fill(turn));
    writeMessages(outgoing, socket);
  }
  while (came.length < sent.length + 100) await once(peer, 'data');
  t.deepEqual(
    came.slice(sent.length),
    Array.from({ length: 100 }, (_, turn) => `10 of ${turn}`),
  );
});
