/** How far a session has come for its client. */
import type { Fault, FaultCode } from '../wire/messages.js';
import type { ResumePoint } from './options.js';

/** The last frame with its answer, and how many messages beside answers. */
export interface Position {
  readonly received: number;
  readonly beside: number;
}

export interface Progress {
  /** The last frame whose answer has come. */
  received(): number;
  /** All that has come. */
  now(): Position;
  /** What of it the listener has taken: who begins anew goes on from there. */
  taken(): Position;
  take(at: Position): void;
  /** The answer to the next frame has come. */
  answered(): void;
  /** A message beside answers has come; false if it had come before, on another connection. */
  isNew(): boolean;
  /** There is another connection: the server is told of what was taken so far, and tells again what comes after. */
  again(): Position;
  /** Answers that were taken, and that the server has not been told of. */
  unacknowledged(): number;
  /** The server is told of all that was taken: up to the answer of this frame. */
  acknowledge(): number;
}

export function createProgress(from?: ResumePoint): Progress {
  let received = from?.receivedSeq ?? 0;
  let beside = from?.receivedMessages ?? 0;
  let taken: Position = { received, beside };
  let acknowledged = received;
  /** Messages beside answers that are still to come again on this connection. */
  let retold = 0;
  const now = (): Position => ({ received, beside });
  return {
    received: () => received,
    taken: () => taken,
    now,
    take(at) {
      taken = at;
    },
    answered() {
      received++;
    },
    isNew() {
      if (retold === 0) {
        beside++;
        return true;
      }
      retold--;
      return false;
    },
    again() {
      // What was not taken stays at the server: this client may yet begin anew.
      retold = beside - taken.beside;
      acknowledged = taken.received;
      return taken;
    },
    unacknowledged: () => taken.received - acknowledged,
    acknowledge() {
      acknowledged = taken.received;
      return acknowledged;
    },
  };
}

/**
 * What has its place among the answers is told again as they are. All else is told at once and once, also before what is told again, as
 * that the session is gone.
 */
const placed: ReadonlySet<FaultCode> = new Set([
  'bad_target',
  'target_expired',
  'target_exists',
  'bad_snapshot',
  'bad_reset',
  'diverged',
]);

/** A fault that counts as a message beside answers. */
export function hasPlace({ code, forSeq, retryable }: Fault): boolean {
  return placed.has(code) && !retryable && forSeq === undefined;
}
