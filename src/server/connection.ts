/** One socket: what is read of it and written to it, and when neither is. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { WireError } from '../errors.js';
import {
  type ClientMessage,
  closeCodes,
  decodeClient,
  type Entries,
  encodeServer,
  type Subprotocol,
  type WireData,
} from '../wire/messages.js';
import type { Grant } from './grant.js';
import type { Connection, Hub } from './hub.js';
import { decodeSaid } from './kept.js';
import { addMessage, clearMessages, createOutgoing, writeMessages } from './outgoing.js';
import { createRate, takeOne, waitForOne } from './rate.js';
import { fault, type Outlet } from './session.js';
import { createSessions } from './sessions.js';

/** How many times the high-water mark is read where all sessions wait for acknowledgements: more than a credit of large frames. */
const furthest = 16;

/** Milliseconds after which a connection that sends too fast is looked at again: its bound may have become another. */
const longestPause = 500;

/** Serves a socket whose handshake is done; `socket` is what the upgrade handed over. */
export function connect(
  hub: Hub,
  webSocket: WebSocket,
  socket: Duplex,
  subprotocol: Subprotocol,
  grant: Grant,
): Connection {
  const { settings, turn, counts, log } = hub;
  const id = ++hub.connected;
  const outgoing = createOutgoing();
  let closing: { code: number; reason: string } | undefined;
  let alive = true;
  /** Below its own mark a socket does not tell when it has written what it holds. */
  const mostUnsent = Math.max(settings.highWater, socket.writableHighWaterMark);
  /** Bytes that the socket held after the last write, and holds at most: asked anew only where it matters. */
  let unwritten = 0;
  /** Sessions may wait for the peer to read. */
  let stalled = false;
  let watched = false;
  /** Since when its peer has not read. */
  let unreadSince: number | undefined;
  let takenBefore = 0;
  /** It sends too fast: it is read from later. */
  let throttled: NodeJS.Timeout | undefined;
  /** At present: the bounds of a token may become others. */
  const perSecond = (): number => Math.min(settings.messageRate, grant.messageRate);
  const rate = createRate(perSecond(), hub.now());

  const outlet: Outlet = {
    counts,
    queued: 0,
    pending: 0,
    send(message) {
      if (webSocket.readyState === webSocket.OPEN) add(encodeServer(message, subprotocol));
    },
    sendBytes(bytes, memory) {
      if (subprotocol !== 'eddy.v1.proto') outlet.send(decodeSaid(bytes));
      else if (webSocket.readyState === webSocket.OPEN) add(bytes, memory);
    },
    blocked() {
      if (unwritten + outgoing.bytes + outlet.pending <= mostUnsent) return false;
      unwritten = webSocket.bufferedAmount;
      const blocked = unsentBytes() + outlet.pending > mostUnsent;
      stalled ||= blocked;
      return blocked;
    },
    ended: session => sessions.ended(session),
    takenOver(number) {
      sessions.takenOver(number);
      if (sessions.isEmpty()) shut(closeCodes.takenOver, 'another connection goes on');
    },
  };
  const sessions = createSessions(hub, outlet, grant, failed);

  const unsentBytes = (): number => webSocket.bufferedAmount + outgoing.bytes;

  function add(data: WireData, memory?: Entries): void {
    if (outgoing.bytes === 0) turn.atEnd(endTurn);
    addMessage(outgoing, data, memory);
  }

  /** After the peer has closed, nothing more may be sent. */
  function write(): void {
    if (webSocket.readyState === webSocket.OPEN) writeMessages(outgoing, socket);
    else clearMessages(outgoing);
    unwritten = webSocket.bufferedAmount;
  }

  function close(code: number, reason: string): void {
    write();
    webSocket.close(code, reason);
  }

  function endTurn(): void {
    write();
    if (outlet.blocked() && !webSocket.isPaused) {
      counts.pauses.unread++;
      webSocket.pause();
    }
    settle();
  }

  /** Reads on where it may; closes where that waits for the last answer. */
  function settle(): void {
    if (closing === undefined && !stalled && !webSocket.isPaused) return;
    relieve();
    if (!sessions.isBusy()) {
      if (closing) close(closing.code, closing.reason);
    } else if ((closing || webSocket.isPaused) && !outlet.blocked()) {
      watch();
    }
  }

  /** Settles when the turn ends: what is left may have no answer. */
  function watch(): void {
    if (watched) return;
    watched = true;
    turn.atEnd(() => {
      watched = false;
      settle();
    });
  }

  /** Who does not read, or sends and acknowledges nothing, is told, and ended at the next look if it does not even take the close. */
  function closeUnread(): void {
    if (webSocket.readyState !== webSocket.OPEN) {
      webSocket.terminate();
      return;
    }
    const message = 'Expected answers to be read and acknowledged, they were not: the connection closes';
    fault({ number: 0, outlet }, 'limit_reached', message, { retryable: true });
    close(closeCodes.limits, 'unread');
  }

  function onDrain(): void {
    alive = true;
    settle();
  }

  /** The queues are short; or longer, and wait for acknowledgements, which are behind what is not read yet. */
  function mayRead(): boolean {
    if (outlet.queued <= settings.highWater) return true;
    return outlet.queued <= furthest * settings.highWater && !sessions.isBusy();
  }

  /** It is not read from, and nothing that is here will change that. */
  function isStuck(): boolean {
    return webSocket.isPaused && throttled === undefined && !mayRead() && !sessions.isBusy();
  }

  /** The peer reads again, or the queues are shorter. */
  function relieve(): void {
    if (outlet.blocked()) return;
    if (webSocket.isPaused && throttled === undefined && mayRead()) webSocket.resume();
    if (!stalled) return;
    stalled = false;
    sessions.wakeAll();
  }

  /** What is said to a message at once, such as faults, may be much more than the message: it does not wait for the turn. */
  function brake(): void {
    if (outgoing.bytes <= settings.highWater || webSocket.isPaused) return;
    counts.pauses.unread++;
    webSocket.pause();
  }

  function onMessage(data: RawData, isBinary: boolean): void {
    alive = true;
    const now = hub.now();
    rate.perSecond = perSecond();
    const wait = takeOne(rate, now);
    if (wait > 0) throttle(wait);
    if (closing && closing.code !== closeCodes.restart) return;
    const bytes = data as Buffer;
    let message: ClientMessage;
    try {
      message = decodeClient(bytes, isBinary, subprotocol, settings.limits);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      fault({ number: error.session, outlet }, error.fault, error.message);
      if (error.fault === 'malformed') shut(closeCodes.malformed, 'malformed');
      return;
    }
    if (closing) {
      const details = { retryable: true, ...(message.type === 'frames' ? { forSeq: message.firstSeq } : {}) };
      fault({ number: message.session, outlet }, 'draining', 'Expected nothing new: the server closes', details);
      return;
    }
    // Who needed a token has told it.
    if (message.type === 'authenticate') return;
    sessions.receive(message, bytes.length, now);
    if (outlet.queued > settings.highWater) {
      webSocket.pause();
      watch();
    }
  }

  function throttle(milliseconds: number): void {
    if (throttled !== undefined) return;
    counts.pauses.rate++;
    webSocket.pause();
    throttled = setTimeout(readOn, Math.min(milliseconds, longestPause));
  }

  /** What was here already when it was paused has been taken since: it may be longer. */
  function readOn(): void {
    rate.perSecond = perSecond();
    const wait = waitForOne(rate, hub.now());
    throttled = wait > 0 ? setTimeout(readOn, Math.min(wait, longestPause)) : undefined;
    if (throttled === undefined) settle();
  }

  function failed(error: unknown): void {
    settings.onError(error);
    fault({ number: 0, outlet }, 'internal', 'Expected the message to be taken, the server failed');
    shut(closeCodes.internal, 'internal');
  }

  function shut(code: number, reason: string): void {
    if (closing) return;
    closing = { code, reason };
    watch();
  }

  function onClose(code: number): void {
    log.debug({ connection: id, client: grant.name, code }, 'connection closed');
    socket.off('drain', onDrain);
    clearTimeout(throttled);
    grant.connections--;
    sessions.clear(code === closeCodes.finished);
    hub.connections.delete(connection);
  }

  const connection: Connection = {
    grant,
    shut,
    heartbeat() {
      // An answer to the ping is not read while the queues are full.
      const unheard = webSocket.isPaused && (throttled !== undefined || !outlet.blocked());
      if (!alive && !unheard) {
        webSocket.terminate();
        return;
      }
      alive = false;
      if (webSocket.readyState === webSocket.OPEN) webSocket.ping();
    },
    sweep(now) {
      sessions.sweep(now);
      unwritten = webSocket.bufferedAmount;
      // One that reads as fast as it may, of a server that says more, does read.
      const taken = ((socket as Socket).bytesWritten ?? 0) - webSocket.bufferedAmount;
      const blocked = outlet.blocked();
      if (!blocked && !isStuck()) unreadSince = undefined;
      else if (unreadSince === undefined || (blocked && taken !== takenBefore)) unreadSince = now;
      else if (now - unreadSince > settings.unreadGrace) closeUnread();
      takenBefore = taken;
    },
    terminate() {
      // Who has more to be answered than there was time for is told why, too.
      if (closing) close(closing.code, closing.reason);
      webSocket.terminate();
    },
    unsentBytes,
    describe: () => ({
      connection: id,
      client: grant.name,
      unsentBytes: unsentBytes(),
      sessions: sessions.describe(),
    }),
  };

  socket.on('drain', onDrain);
  webSocket.on('message', (data, isBinary) => {
    try {
      onMessage(data, isBinary);
      brake();
    } catch (error) {
      failed(error);
    }
  });
  webSocket.on('pong', () => {
    alive = true;
  });
  webSocket.on('close', onClose);
  hub.connections.add(connection);
  grant.connections++;
  log.debug({ connection: id, client: grant.name, subprotocol }, 'connection opened');
  return connection;
}
