import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { WireError } from '../errors.js';
import {
  type ClientMessage,
  closeCodes,
  decodeClient,
  encodeServer,
  type Open,
  type ServerMessage,
  type Subprotocol,
} from '../wire/messages.js';
import type { Batcher } from './batcher.js';
import { startLearning } from './learning.js';
import { needsOwnWeights, OpenError, openSession } from './open.js';
import type { Settings } from './options.js';
import type { Served } from './served.js';
import { acceptFrames, fault, type Outlet, planReset, pushReset, type Session } from './session.js';
import { forget } from './stepping.js';
import type { Turn } from './turn.js';

/** What all connections of a server share. */
export interface Hub {
  readonly models: ReadonlyMap<string, Served>;
  readonly settings: Settings;
  readonly batcher: Batcher;
  readonly turn: Turn;
  readonly connections: Set<Connection>;
  /** Sessions at present, and those with weights of their own. */
  sessions: number;
  learners: number;
  /** Nothing new is taken. */
  draining: boolean;
}

/** One socket, several sessions. */
export interface Connection {
  /** Takes no further messages, answers what has come, and closes. */
  shut(code: number, reason: string): void;
  /** Ends the connection if the last ping was not answered, and pings again. */
  heartbeat(): void;
  terminate(): void;
  /** Bytes that the peer has not taken yet. */
  unsentBytes(): number;
}

/** A session that is being made, and what came for it meanwhile. */
interface Opening {
  readonly early: { readonly message: ClientMessage; readonly bytes: number }[];
}

/** Serves a socket whose handshake is done; `socket` is what the upgrade handed over, `mayShare` permits `learn: shared`. */
export function connect(
  hub: Hub,
  webSocket: WebSocket,
  socket: Duplex,
  subprotocol: Subprotocol,
  mayShare: boolean,
): Connection {
  const { settings, batcher, turn } = hub;
  const sessions = new Map<number, Session | Opening>();
  const owners = new Set<number>();
  const binary = subprotocol === 'eddy.v1.proto';
  let corked = false;
  let closing: { code: number; reason: string } | undefined;
  let alive = true;
  /** Sessions may wait for the peer to read. */
  let stalled = false;

  const outlet: Outlet = {
    queued: 0,
    pending: 0,
    send(message: ServerMessage) {
      if (webSocket.readyState !== webSocket.OPEN) return;
      if (!corked) {
        corked = true;
        socket.cork();
        turn.atEnd(endTurn);
      }
      webSocket.send(encodeServer(message, subprotocol), { binary, compress: false });
    },
    blocked() {
      const blocked = webSocket.bufferedAmount + outlet.pending > settings.highWater;
      stalled ||= blocked;
      return blocked;
    },
    ended: session => release(session.number),
  };

  function endTurn(): void {
    corked = false;
    socket.uncork();
    if (outlet.blocked()) webSocket.pause();
    else relieve();
    if (closing && !isBusy()) webSocket.close(closing.code, closing.reason);
  }

  function onDrain(): void {
    alive = true;
    relieve();
  }

  /** The peer reads again, or the queues are shorter. */
  function relieve(): void {
    if (outlet.blocked()) return;
    if (webSocket.isPaused && outlet.queued <= settings.highWater) webSocket.resume();
    if (!stalled) return;
    stalled = false;
    for (const session of sessions.values()) if ('queue' in session) wake(session);
  }

  function wake(session: Session): void {
    if (session.queue.length === 0) return;
    batcher.add(session);
    turn.schedule();
  }

  function isBusy(): boolean {
    for (const session of sessions.values()) if ('early' in session || session.queue.length > 0) return true;
    return false;
  }

  function release(number: number): void {
    const session = sessions.get(number);
    if (session === undefined) return;
    sessions.delete(number);
    if ('queue' in session) session.learner?.leave();
    hub.sessions--;
    if (owners.delete(number)) hub.learners--;
  }

  function onMessage(data: RawData, isBinary: boolean): void {
    alive = true;
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
    receive(message, bytes.length);
    if (outlet.queued > settings.highWater) {
      webSocket.pause();
      turn.atEnd(relieve);
    }
  }

  function receive(message: ClientMessage, bytes: number): void {
    const session = sessions.get(message.session);
    const { session: number } = message;
    if (message.type === 'open') {
      if (session === undefined) open(message);
      else fault({ number, outlet }, 'session_exists', `Expected a new session number, got ${number}, which is open`);
    } else if (session === undefined) {
      fault({ number, outlet }, 'unknown_session', `Expected an open session, got ${number}: open it first`);
    } else if ('early' in session) {
      session.early.push({ message, bytes });
      outlet.queued += bytes;
    } else {
      forSession(session, message, bytes);
      wake(session);
    }
  }

  function forSession(session: Session, message: ClientMessage, bytes: number): void {
    switch (message.type) {
      case 'frames':
        acceptFrames(session, message);
        break;
      case 'targets': {
        const { forStep, targets } = message;
        const cost = 64 + bytes;
        session.queue.push({ kind: 'targets', forStep, targets, cost, done: 0 });
        outlet.queued += cost;
        break;
      }
      case 'finish':
        if (message.state) {
          fault(session, 'unsupported', 'Expected finish without state: this server makes no snapshots');
        } else {
          finish(session, message.carry ?? false, true);
        }
        break;
      case 'reset':
        reset(session, message.beforeSeq ?? session.nextSeq, message.weights ?? false);
        break;
      case 'close':
        finish(session, false, false);
        break;
      default:
        fault(session, 'unsupported', `Expected open, frames, targets, reset, finish or close, got ${message.type}`);
    }
  }

  /** What has come is answered first; again, it changes nothing. */
  function finish(session: Session, carry: boolean, learn: boolean): void {
    if (session.finishing) return;
    session.finishing = true;
    session.queue.push({ kind: 'finish', carry, learn });
  }

  function reset(session: Session, before: number, weights: boolean): void {
    if (weights && !session.learner?.own) {
      fault(session, 'invalid', 'Expected weights only where learn is private: there are none to go back to');
    } else if (before < session.nextSeq) {
      fault(session, 'invalid', `Expected beforeSeq to be ${session.nextSeq} or later, got ${before}, which has come`);
    } else if (before === session.nextSeq) {
      pushReset(session, weights);
    } else if (!planReset(session, before, weights)) {
      fault(session, 'limit_reached', `Expected at most ${session.credit} resets before later frames, got one more`);
    }
  }

  async function open(message: Open): Promise<void> {
    const { session: number } = message;
    const own = needsOwnWeights(message);
    const limit =
      sessions.size >= settings.maxSessionsPerConnection
        ? `${settings.maxSessionsPerConnection} sessions on a connection`
        : hub.sessions >= settings.maxSessions
          ? `${settings.maxSessions} sessions`
          : own && hub.learners >= settings.maxLearners
            ? `${settings.maxLearners} sessions with weights of their own`
            : own && owners.size >= settings.maxLearnersPerConnection
              ? `${settings.maxLearnersPerConnection} sessions with weights of their own on a connection`
              : undefined;
    if (limit !== undefined) {
      fault({ number, outlet }, 'limit_reached', `Expected at most ${limit}, got one more`, { retryable: true });
      return;
    }
    const opening: Opening = { early: [] };
    sessions.set(number, opening);
    hub.sessions++;
    if (own) {
      owners.add(number);
      hub.learners++;
    }
    try {
      const { session, opened } = await openSession(message, outlet, hub.models, settings, mayShare);
      if (sessions.get(number) !== opening) {
        session.learner?.leave();
        return;
      }
      sessions.set(number, session);
      startLearning(session);
      outlet.send(opened);
    } catch (error) {
      if (sessions.get(number) !== opening) return;
      release(number);
      if (error instanceof OpenError) {
        fault({ number, outlet }, error.fault, error.message, { retryable: error.retryable });
      } else {
        settings.onError(error);
        fault({ number, outlet }, 'internal', 'Expected the session to open, it failed');
      }
    }
    for (const { message: early, bytes } of opening.early) {
      outlet.queued -= bytes;
      receive(early, bytes);
    }
  }

  function shut(code: number, reason: string): void {
    if (closing) return;
    closing = { code, reason };
    turn.atEnd(() => {
      if (!isBusy()) webSocket.close(code, reason);
    });
  }

  function onClose(): void {
    socket.off('drain', onDrain);
    for (const [number, session] of sessions) {
      if ('queue' in session) forget(session);
      release(number);
    }
    hub.connections.delete(connection);
  }

  const connection: Connection = {
    shut,
    heartbeat() {
      // An answer to the ping is not read while the queues are full.
      const unheard = webSocket.isPaused && !outlet.blocked();
      if (!alive && !unheard) {
        webSocket.terminate();
        return;
      }
      alive = false;
      if (webSocket.readyState === webSocket.OPEN) webSocket.ping();
    },
    terminate: () => webSocket.terminate(),
    unsentBytes: () => webSocket.bufferedAmount,
  };

  socket.on('drain', onDrain);
  webSocket.on('message', (data, isBinary) => {
    try {
      onMessage(data, isBinary);
    } catch (error) {
      settings.onError(error);
      fault({ number: 0, outlet }, 'internal', 'Expected the message to be taken, the server failed');
      shut(closeCodes.internal, 'internal');
    }
  });
  webSocket.on('pong', () => {
    alive = true;
  });
  // What the peer did wrong is in the close code that `ws` sends.
  webSocket.on('error', () => {});
  webSocket.on('close', onClose);
  hub.connections.add(connection);
  return connection;
}
