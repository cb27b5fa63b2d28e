/** The sessions of one connection: what comes for each, from its opening to its end. */

import type { Fault, FaultCode, Open } from '../wire/messages.js';
import { countOne } from './counts.js';
import { type Grant, missingPermission } from './grant.js';
import { createHandling, type SessionMessage } from './handling.js';
import type { Hub, SessionDescription } from './hub.js';
import { allSent, pump, rewind, settle } from './kept.js';
import { startLearning } from './learning.js';
import { canRest, enter, exit, leave, leaveResting, putToRest, release, wake } from './life.js';
import { needsOwnWeights, OpenError, openedOf, openSession } from './open.js';
import { type EvictionReason, nowhere, type Resting } from './register.js';
import { limitHere, limitOfAll } from './room.js';
import { fault, type Outlet, type Session } from './session.js';
import { canGoOn } from './stepping.js';

export interface Sessions {
  /** A message of so many bytes has come, now. */
  receive(message: SessionMessage, bytes: number, now: number): void;
  /** Some of what has come is not answered, and can be. */
  isBusy(): boolean;
  /** There are none. */
  isEmpty(): boolean;
  /** The peer reads again. */
  wakeAll(): void;
  /** The session has said its last word. */
  ended(session: Session): void;
  /** Another connection goes on with the session of that number. */
  takenOver(number: number): void;
  /** The connection has ended; its resumable sessions wait for their client, unless that has closed them all. */
  clear(closed: boolean): void;
  /** Announces and puts to rest what has been idle. */
  sweep(now: number): void;
  describe(): SessionDescription[];
}

/** A session that is being made, and what came for it meanwhile. */
interface Opening {
  readonly own: boolean;
  readonly early: { readonly message: SessionMessage; readonly bytes: number }[];
}

/** What a number of a connection may stand for. */
type Known = Session | Opening | Resting;
const isOpen = (known: Known): known is Session => 'queue' in known;
const isOpening = (known: Known): known is Opening => 'early' in known;
const isResting = (known: Known): known is Resting => 'since' in known;

interface Refusal {
  readonly fault: FaultCode;
  readonly message: string;
  readonly details?: Partial<Fault>;
}

/** As far ahead as it can be said that a session will rest. */
const mostMilliseconds = 2 ** 32 - 1;

/** Why a session that rested is gone. */
const why: Readonly<Record<EvictionReason, string>> = {
  expired: 'its client did not come back in time',
  room: 'there was no room for it',
  retired: 'too many newer versions of its model have followed',
  failed: 'it could not be taken up',
};

/**
 * @param grant what the client may do, and how much of it
 * @param failed told of what went wrong where nobody waits for it
 */
export function createSessions(hub: Hub, outlet: Outlet, grant: Grant, failed: (error: unknown) => void): Sessions {
  const { settings, batcher, turn, register, counts } = hub;
  const sessions = new Map<number, Known>();
  const handle = createHandling(settings, { close, wakeUp, failed });

  function wakeUp(session: Session): void {
    if (!canGoOn(session)) return;
    turn.schedule(batcher.add(session));
  }

  function isBusy(): boolean {
    for (const session of sessions.values()) {
      if (isOpening(session)) return true;
      if (isResting(session)) continue;
      if (canGoOn(session) || session.paused) return true;
      if (session.queue.length > 0 && outlet.blocked()) return true;
    }
    return false;
  }

  /** Tells of a limit, if there is one, and when to come back. */
  function refused(number: number, limit: string | undefined): boolean {
    if (limit === undefined) return false;
    fault({ number, outlet }, 'limit_reached', `Expected at most ${limit}, got one more`, {
      retryable: true,
      retryAfterMilliseconds: settings.retryAfter,
    });
    return true;
  }

  /** Nothing of the session is left, here or elsewhere. */
  function close(session: Session): void {
    if (sessions.get(session.number) === session) sessions.delete(session.number);
    release(hub, session);
  }

  function receive(message: SessionMessage, bytes: number, now: number): void {
    const { session: number } = message;
    const session = sessions.get(number);
    if (session === undefined) {
      if (message.type === 'open') open(message);
      else fault({ number, outlet }, 'unknown_session', `Expected an open session, got ${number}: open it first`);
    } else if (isOpening(session)) {
      session.early.push({ message, bytes });
      outlet.queued += bytes;
    } else if (message.type === 'open' && !isSame(session, message)) {
      fault({ number, outlet }, 'session_exists', `Expected a new session number, got ${number}, which is open`);
    } else if (isResting(session)) {
      rouse(number, session, message, bytes, now);
    } else if (message.type === 'open') {
      goOn(session, message);
    } else {
      session.lastActive = now;
      session.announced = false;
      handle(session, message, bytes);
      wakeUp(session);
    }
  }

  function open(message: Open): void {
    const { session: number, resume, nonce = '' } = message;
    const token = resume?.token ?? '';
    const session = resume ? register.find(token, grant.name) : register.opened(nonce, grant.name);
    const resting = session ? undefined : register.findResting(token, resume ? '' : nonce, grant.name);
    if (session !== undefined) {
      if (session.outlet === outlet || mayGoOn(number, limitHere(settings, session.own, sessions)))
        goOn(session, message);
    } else if (resting !== undefined) {
      const { own } = resting;
      if (!mayGoOn(number, limitHere(settings, own, sessions) ?? limitOfAll(hub, grant, own))) return;
      begin(number, own, async () => {
        const woken = await wake(hub, resting, grant);
        resting.takenOver();
        return woken === undefined ? () => gone(number, resting.token) : () => goOn(woken, message, 'woken');
      });
    } else if (resume !== undefined) {
      gone(number, token);
    } else {
      openNew(message);
    }
  }

  function mayGoOn(number: number, limit: string | undefined): boolean {
    if (!refused(number, limit)) return true;
    countOne(counts.resumes, 'refused');
    return false;
  }

  function gone(number: number, token: string): void {
    const reason = register.buried(token, grant.name);
    countOne(counts.resumes, reason === undefined ? 'unknown' : 'evicted');
    if (reason !== undefined) {
      evicted(number, reason);
      return;
    }
    const message =
      'Expected the token of a session that waits, got one that is unknown or has expired: open a new one';
    fault({ number, outlet }, 'token_expired', message);
  }

  function evicted(number: number, reason: EvictionReason): void {
    const message = `Expected the session to rest until it is needed, it is gone: ${why[reason]}. Open a new one`;
    fault({ number, outlet }, 'evicted', message);
  }

  /** The session goes on here, with what its client has not received. */
  function goOn(
    session: Session,
    message: Open,
    outcome = register.detached.has(session) ? 'live' : 'taken over',
  ): void {
    const { session: number, resume } = message;
    const refusal: Refusal | undefined = missingPermission(grant, session) ?? cannotRewind(session, resume);
    if (refusal !== undefined) {
      countOne(counts.resumes, 'refused');
      fault({ number, outlet }, refusal.fault, refusal.message, refusal.details);
      return;
    }
    countOne(counts.resumes, outcome);
    if (session.outlet === outlet) sessions.delete(session.number);
    register.attach(session, outlet, number);
    session.lastActive = hub.now();
    session.announced = false;
    sessions.set(number, session);
    rewind(session, resume?.receivedSeq ?? 0, resume?.receivedMessages ?? 0);
    outlet.send(openedOf(session, settings));
    pump(session);
    wakeUp(session);
  }

  function openNew(message: Open): void {
    const { session: number } = message;
    const own = needsOwnWeights(message);
    if (refused(number, limitHere(settings, own, sessions) ?? limitOfAll(hub, grant, own))) return;
    enter(hub, grant, own);
    begin(number, own, async here => {
      let session: Session;
      try {
        session = await openSession(message, outlet, hub, grant);
      } catch (error) {
        exit(hub, grant, own);
        throw error;
      }
      if (!here()) leave(hub, session);
      return () => {
        // Sent twice at once, it was opened meanwhile.
        const other = register.opened(session.nonce, grant.name);
        if (other !== undefined) {
          leave(hub, session);
          goOn(other, message);
          return;
        }
        sessions.set(number, session);
        session.lastActive = hub.now();
        startLearning(session);
        counts.sessions.opened++;
        if (session.token !== '') register.add(session);
        outlet.send(openedOf(session, settings));
      };
    });
  }

  /**
   * What comes for the session meanwhile waits until it is made.
   *
   * @param make gives what is to be done then, if the connection is still there
   */
  function begin(number: number, own: boolean, make: (here: () => boolean) => Promise<() => void>): void {
    makeReady(number, own, make).catch(failed);
  }

  async function makeReady(
    number: number,
    own: boolean,
    make: (here: () => boolean) => Promise<() => void>,
  ): Promise<void> {
    const opening: Opening = { own, early: [] };
    const here = (): boolean => sessions.get(number) === opening;
    sessions.set(number, opening);
    let made = false;
    try {
      const done = await make(here);
      if (!here()) return;
      made = true;
      sessions.delete(number);
      done();
    } catch (error) {
      if (!made && !here()) return;
      sessions.delete(number);
      if (error instanceof OpenError) {
        fault({ number, outlet }, error.fault, error.message, { retryable: error.retryable });
      } else {
        settings.onError(error);
        fault({ number, outlet }, 'internal', 'Expected the session to open, it failed');
      }
    }
    for (const { message: early, bytes } of opening.early) {
      outlet.queued -= bytes;
      receive(early, bytes, hub.now());
    }
  }

  /** Something came for a session that rests. */
  function rouse(number: number, resting: Resting, message: SessionMessage, bytes: number, now: number): void {
    if (resting.waking === undefined && refused(number, limitOfAll(hub, grant, resting.own))) return;
    begin(number, resting.own, async here => {
      const session = await wake(hub, resting, grant);
      if (session?.token === '' && !here()) release(hub, session);
      return () => {
        if (session === undefined) {
          evicted(number, 'failed');
          return;
        }
        if (session.token !== '' && session.outlet !== nowhere) {
          // Its client went on elsewhere while it woke, and what came here was late.
          outlet.takenOver(number);
          return;
        }
        if (session.token === '') session.outlet = outlet;
        else register.attach(session, outlet, number);
        session.number = number;
        if (session.kept) session.kept.sent = session.kept.messages.length;
        sessions.set(number, session);
      };
    });
    receive(message, bytes, now);
  }

  function rest(session: Session): void {
    const { number } = session;
    const resting: Resting = putToRest(hub, session, {
      gone(reason) {
        if (sessions.get(number) !== resting) return;
        sessions.delete(number);
        evicted(number, reason);
      },
      takenOver() {
        if (sessions.get(number) === resting) outlet.takenOver(number);
      },
    });
    sessions.set(number, resting);
  }

  return {
    receive,
    isBusy,
    isEmpty: () => sessions.size === 0,
    wakeAll() {
      for (const session of sessions.values()) {
        if (!isOpen(session)) continue;
        pump(session);
        wakeUp(session);
      }
    },
    sweep(now) {
      const idle = 1000 * settings.idleSeconds;
      const announced = Math.max(0, idle - 1000 * settings.announceSeconds);
      for (const session of sessions.values()) {
        if (!isOpen(session) || !canRest(session) || outlet.blocked() || !allSent(session)) continue;
        const quiet = now - session.lastActive;
        if (quiet >= idle && session.announced) rest(session);
        else if (quiet >= announced && !session.announced) {
          session.announced = true;
          settle(session);
          const milliseconds = Math.min(mostMilliseconds, Math.max(0, Math.round(idle - quiet)));
          outlet.send({ type: 'expiring', session: session.number, milliseconds, reason: 'idle' });
        }
      }
    },
    describe: () =>
      Array.from(sessions.values())
        .filter(isOpen)
        .map(session => ({
          session: session.number,
          model: session.served.name,
          learn: session.learn,
          frames: session.nextSeq - 1,
          waiting: session.waiting,
          steps: session.steps,
          updates: session.totals.updates,
        })),
    ended(session) {
      // Its last words are kept until they have arrived.
      if (session.token === '') close(session);
    },
    takenOver(number) {
      sessions.delete(number);
      fault({ number, outlet }, 'taken_over', 'Expected one connection to go on with the session, another one does');
    },
    clear(closed) {
      for (const session of sessions.values()) {
        if (isResting(session)) leaveResting(hub, session, closed);
        if (!isOpen(session)) continue;
        if (session.token === '' || closed) release(hub, session);
        else {
          register.detach(session);
          wakeUp(session);
        }
      }
      sessions.clear();
    },
  };
}

/** The open that made the session, sent again. */
function isSame({ token, nonce }: Session | Resting, message: Open): boolean {
  return token !== '' && (message.resume?.token === token || (nonce !== '' && message.nonce === nonce));
}

/** Why a session cannot go on from what its client says that it has received; undefined if it can. */
function cannotRewind({ kept }: Session, resume: Open['resume']): Refusal | undefined {
  if (resume === undefined) return undefined;
  const { receivedSeq, receivedMessages = 0 } = resume;
  const { acked, answered, beside } = kept!;
  if (receivedSeq < acked) {
    const message = `Expected receivedSeq to be from ${acked}, which was acknowledged, got ${receivedSeq}: what was between is gone`;
    return { fault: 'gap', message, details: { forSeq: receivedSeq + 1, expectedSeq: acked + 1 } };
  }
  const ahead =
    receivedSeq > answered
      ? `Expected receivedSeq to be at most ${answered}, the newest answer of this session, got ${receivedSeq}`
      : receivedMessages > beside
        ? `Expected receivedMessages to be at most ${beside}, all that this session has told, got ${receivedMessages}`
        : undefined;
  return ahead === undefined ? undefined : { fault: 'token_expired', message: `${ahead}: open a new one` };
}
