/** The sessions of one connection: what comes for each, from its opening to its end. */
import type { Authenticate, ClientMessage, Open } from '../wire/messages.js';
import type { Grant } from './grant.js';
import type { Hub, SessionDescription } from './hub.js';
import { startLearning } from './learning.js';
import { needsOwnWeights, OpenError, openSession } from './open.js';
import { acceptFrames, fault, type Outlet, planReset, pushReset, type Session } from './session.js';
import { forget } from './stepping.js';

/** A message for one session. */
type SessionMessage = Exclude<ClientMessage, Authenticate>;

export interface Sessions {
  /** A message of so many bytes has come. */
  receive(message: SessionMessage, bytes: number): void;
  /** Some of what has come is not answered. */
  isBusy(): boolean;
  /** The peer reads again. */
  wakeAll(): void;
  /** The session has ended. */
  release(number: number): void;
  /** The connection has ended. */
  clear(): void;
  describe(): SessionDescription[];
}

/** A session that is being made, and what came for it meanwhile. */
interface Opening {
  readonly early: { readonly message: SessionMessage; readonly bytes: number }[];
}

/** @param grant what the client may do, and how much of it */
export function createSessions(hub: Hub, outlet: Outlet, grant: Grant): Sessions {
  const { settings, batcher, turn } = hub;
  const sessions = new Map<number, Session | Opening>();
  const owners = new Set<number>();

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
    if ('queue' in session) {
      session.learner?.leave();
      hub.counts.sessions.finished++;
    }
    hub.sessions--;
    grant.sessions--;
    if (!owners.delete(number)) return;
    hub.learners--;
    grant.learners--;
  }

  function receive(message: SessionMessage, bytes: number): void {
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

  function forSession(session: Session, message: SessionMessage, bytes: number): void {
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
              : grant.sessions >= grant.maxSessions
                ? `${grant.maxSessions} sessions of this token`
                : own && grant.learners >= grant.maxLearners
                  ? `${grant.maxLearners} sessions with weights of their own of this token`
                  : undefined;
    if (limit !== undefined) {
      fault({ number, outlet }, 'limit_reached', `Expected at most ${limit}, got one more`, {
        retryable: true,
        retryAfterMilliseconds: settings.retryAfter,
      });
      return;
    }
    const opening: Opening = { early: [] };
    sessions.set(number, opening);
    hub.sessions++;
    grant.sessions++;
    if (own) {
      owners.add(number);
      hub.learners++;
      grant.learners++;
    }
    try {
      const { session, opened } = await openSession(message, outlet, hub.models, settings, grant);
      if (sessions.get(number) !== opening) {
        session.learner?.leave();
        return;
      }
      sessions.set(number, session);
      startLearning(session);
      hub.counts.sessions.opened++;
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

  return {
    receive,
    isBusy,
    release,
    wakeAll() {
      for (const session of sessions.values()) if ('queue' in session) wake(session);
    },
    describe() {
      return Array.from(sessions.values()).flatMap(session =>
        'early' in session
          ? []
          : {
              session: session.number,
              model: session.served.name,
              learn: session.learner === undefined ? 'none' : session.learner.own ? 'private' : 'shared',
              frames: session.nextSeq - 1,
              waiting: session.waiting,
              steps: session.steps,
              updates: session.totals.updates,
            },
      );
    },
    clear() {
      for (const [number, session] of sessions) {
        if ('queue' in session) forget(session);
        release(number);
      }
    },
  };
}
