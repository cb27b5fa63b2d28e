import type { ExecutionContext } from 'ava';
import { type ClientOptions, WebSocket } from 'ws';
import { type ServeOptions, type Server, serve } from '../../src/server/index.js';
import type { Models } from '../../src/server/served.js';
import {
  type ClientMessage,
  decodeServer,
  type Entry,
  encodeClient,
  type Opened,
  type ServerMessage,
  type Subprotocol,
} from '../../src/wire/messages.js';

/** A client that does nothing of itself: every message is sent and read by the test. */
export interface WireClient {
  readonly socket: WebSocket;
  send(...messages: ClientMessage[]): void;
  /** The next message of the server. Rejects if the connection closes first. */
  next(): Promise<ServerMessage>;
  /** The next message of this session; those of others stay for later. */
  nextOf(session: number): Promise<ServerMessage>;
  /** The next message, which must be of this type. */
  expect<Type extends ServerMessage['type']>(type: Type): Promise<Extract<ServerMessage, { type: Type }>>;
  /** Messages that have come and were not read. */
  readonly unread: number;
  /** The close code, once the connection has closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
}

/** A server that the test closes. */
export async function startServer(t: ExecutionContext, models: Models, options: ServeOptions = {}): Promise<Server> {
  const server = await serve(models, { grace: 200, onError: error => t.log(error), ...options });
  t.teardown(() => server.close());
  return server;
}

export async function connectWire(
  t: ExecutionContext,
  url: string,
  subprotocol: Subprotocol = 'eddy.v1.proto',
  origin?: string,
  options: ClientOptions = {},
): Promise<WireClient> {
  const socket = new WebSocket(url, [subprotocol], { perMessageDeflate: false, origin, ...options });
  t.teardown(() => socket.terminate());
  const messages: ServerMessage[] = [];
  const readers: { resolve: (message: ServerMessage) => void; reject: (error: Error) => void }[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    const message = decodeServer(data, isBinary, subprotocol);
    const reader = readers.shift();
    if (reader) reader.resolve(message);
    else messages.push(message);
  });
  const closed = new Promise<{ code: number; reason: string }>(resolve => {
    socket.on('close', (code, reason) => {
      for (const { reject } of readers.splice(0)) reject(new Error(`closed with ${code} ${reason}`));
      resolve({ code, reason: String(reason) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  const next = (): Promise<ServerMessage> => {
    const message = messages.shift();
    if (message) return Promise.resolve(message);
    return new Promise((resolve, reject) => {
      if (socket.readyState === WebSocket.CLOSED) reject(new Error('closed'));
      else readers.push({ resolve, reject });
    });
  };
  return {
    socket,
    closed,
    next,
    async nextOf(session) {
      const others: ServerMessage[] = [];
      for (;;) {
        const message = await next();
        if (message.session === session) {
          messages.unshift(...others);
          return message;
        }
        others.push(message);
      }
    },
    get unread() {
      return messages.length;
    },
    send(...all) {
      for (const message of all) socket.send(encodeClient(message, subprotocol));
    },
    async expect(type) {
      const message = await next();
      if (message.type !== type) throw new Error(`Expected ${type}, got ${JSON.stringify(message)}`);
      return message as never;
    },
  };
}

/** Opens a session and waits until it is. */
export async function openSession(
  client: WireClient,
  session = 1,
  settings: Omit<Extract<ClientMessage, { type: 'open' }>, 'type' | 'session'> = {},
): Promise<Opened> {
  client.send({ type: 'open', session, ...settings });
  return client.expect('opened');
}

/** Rows as one message of frames. */
export function rowFrames(session: number, firstSeq: number, rows: readonly Float32Array[]): ClientMessage {
  const values = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    values.set(row, at);
    at += row.length;
  }
  return { type: 'frames', session, firstSeq, payload: { kind: 'features', rows: rows.length, values } };
}

/** The next `count` entries of a session, over as many messages as they take; nothing else may come for it meanwhile. */
export async function entriesOf(client: WireClient, count: number, session = 1): Promise<Entry[]> {
  const entries: Entry[] = [];
  while (entries.length < count) {
    const message = await client.nextOf(session);
    if (message.type !== 'predictions') throw new Error(`Expected predictions, got ${JSON.stringify(message)}`);
    entries.push(...message.entries);
  }
  return entries;
}
