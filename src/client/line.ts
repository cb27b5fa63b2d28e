/** The connection of a client, made again when it is lost. */
import { RemoteError } from '../errors.js';
import {
  type ClientMessage,
  closeCodes,
  decodeServer,
  defaultLimits,
  encodeClient,
  isRetryableClose,
  type ServerMessage,
  type Subprotocol,
  type WireLimits,
} from '../wire/messages.js';
import { createBackoff } from './backoff.js';
import type { Clock } from './clock.js';

/** What a `WebSocket` of a browser and one of `ws` have in common. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type OpenSocket = (url: string, subprotocol: Subprotocol) => Socket;

/** When a lost connection is made again. Milliseconds. */
export interface Reconnect {
  /** The first delay is drawn from 0 to this, and its bound doubles each time. Default 100. */
  readonly first?: number;
  /** No delay is drawn from beyond this. Default 10,000. */
  readonly most?: number;
  /** Without a connection for so long, it is given up. Default 300,000. */
  readonly patience?: number;
  /** Without a word for so long, while answers are due, the connection counts as lost. Default 60,000. */
  readonly silence?: number;
}

/** Where a connection stands. */
export type RemoteState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** The connection is lost; the session waits at the server. */
  | { readonly kind: 'resuming'; readonly attempt: number; readonly reason: string }
  | { readonly kind: 'closed'; readonly reason: string };

export interface LineEvents {
  /** There is a connection: the first, or again. */
  connected(): void;
  message(message: ServerMessage): void;
  /** It is given up. */
  failed(error: unknown): void;
  state(state: RemoteState): void;
}

export interface Line {
  /** Passes over what cannot be sent at present. */
  send(message: ClientMessage): void;
  /** The session is open: from now on a lost connection is made again. */
  established(): void;
  /** Answers are due, or none are. */
  expect(due: boolean): void;
  /** The server has said when to come back. */
  retryAfter(milliseconds: number): void;
  /** The server has no room for the session at present: the connection is given up, and made again later. */
  comeBack(why: string): void;
  close(): void;
}

/** Answers of a server may be larger than what it takes. */
const limits: WireLimits = { ...defaultLimits, maxBytes: 1 << 26, maxItems: 1 << 22 };

const openState = 1;

/** @param reconnect false: a lost connection is an error */
export function createLine(
  openSocket: () => Socket,
  subprotocol: Subprotocol,
  reconnect: Reconnect | false,
  clock: Clock,
  events: LineEvents,
): Line {
  const { first = 100, most = 10_000, patience = 300_000, silence = 60_000 } = reconnect || {};
  const backoff = createBackoff({ first, most }, clock.random);
  let socket: Socket | undefined;
  let closed = false;
  let established = false;
  /** There was a connection: the address is right. */
  let reached = false;
  let lostAt: number | undefined;
  let atLeast = 0;
  let heard = 0;
  let due = false;
  /** The session is not open on this connection yet. */
  let opening = true;
  let stopRetry = (): void => {};
  let stopWatch = (): void => {};

  /** What cannot be decoded ends the session, as does what a listener throws. */
  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!closed) events.failed(error);
    }
  }

  function connect(): void {
    const own = openSocket();
    opening = true;
    heard = clock.now();
    let cause: unknown;
    socket = own;
    own.binaryType = 'arraybuffer';
    watch();
    own.onopen = () => {
      if (socket !== own) return;
      reached = true;
      heard = clock.now();
      guard(() => events.connected());
    };
    own.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
      if (socket !== own) return;
      heard = clock.now();
      guard(() => events.message(decodeServer(data, typeof data !== 'string', subprotocol, limits)));
    };
    own.onerror = (event: { error?: unknown }) => {
      cause = event?.error;
    };
    own.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (socket === own) lost(code, reason || reasonOf(cause), cause);
    };
  }

  function lost(code: number, why: string, cause: unknown): void {
    socket = undefined;
    stopWatch();
    if (closed) return;
    const now = clock.now();
    lostAt ??= now;
    const abnormal = 1006;
    // Before there was a connection, a network failure is told at once: the address may be wrong.
    const again = isRetryableClose(code) && (reached || code !== abnormal);
    if (reconnect === false || !again || now - lostAt > patience) {
      const given = reconnect !== false && again ? `, and not made again in ${patience} ms` : '';
      const message = reached
        ? `Expected the connection to last until every answer has come, it was closed with ${code} (${why})${given}`
        : `Expected a server to take the connection, it was closed with ${code} (${why}): check that one is there, and its address`;
      const details = { fault: 'closed', retryable: isRetryableClose(code), closeCode: code };
      events.failed(new RemoteError(message, details, { cause }));
      return;
    }
    const wait = backoff.next(atLeast);
    atLeast = 0;
    guard(() =>
      events.state(
        established
          ? { kind: 'resuming', attempt: backoff.attempts, reason: `${code} (${why})` }
          : { kind: 'connecting' },
      ),
    );
    if (!closed) stopRetry = clock.after(wait, connect);
  }

  /** Looks whether anything has come since answers are due, or the session is to open. */
  function watch(wait = silence): void {
    stopWatch();
    if (!(due || opening) || reconnect === false) return;
    stopWatch = clock.after(wait, () => {
      const quiet = clock.now() - heard;
      if (quiet < silence) {
        watch(Math.max(1, silence - quiet));
        return;
      }
      leave(1006, `nothing came for ${Math.round(quiet)} ms`);
    });
  }

  /** It counts as lost, whatever the other side thinks of it. */
  function leave(code: number, why: string): void {
    const left = socket;
    if (left === undefined) return;
    lost(code, why, undefined);
    left.close();
  }

  events.state({ kind: 'connecting' });
  connect();

  return {
    send(message) {
      if (socket?.readyState === openState) socket.send(encodeClient(message, subprotocol));
    },
    established() {
      established = true;
      opening = false;
      lostAt = undefined;
      backoff.reset();
      watch();
      events.state({ kind: 'open' });
    },
    expect(now) {
      if (due === now) return;
      due = now;
      if (due) heard = Math.max(heard, clock.now());
      if (socket !== undefined) watch();
    },
    retryAfter(milliseconds) {
      atLeast = milliseconds;
    },
    comeBack: why => leave(closeCodes.tryLater, why),
    close() {
      closed = true;
      stopRetry();
      stopWatch();
      socket?.close(closeCodes.finished);
      socket = undefined;
    },
  };
}

/** Where a name has several addresses, and none of them answers, there is a code and no message. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no reason given';
  return cause.message || (cause as { code?: string }).code || cause.name;
}
