/** How the sessions of a server end that nobody ends. */
import { countOne } from './counts.js';
import type { Grant } from './grant.js';
import type { Hub } from './hub.js';
import type { Session } from './session.js';
import { forget } from './stepping.js';

/** Why a session that could have gone on is gone. */
export type EvictionReason = 'expired';

/** Nothing is left of the session: its room is another's. */
export function release(hub: Hub, session: Session): void {
  forget(session);
  hub.register.remove(session);
  leave(hub, session);
}

/** A session that was opened gives its place back. */
export function leave(hub: Hub, session: Session): void {
  session.learner?.leave();
  hub.counts.sessions.finished++;
  exit(hub, session.grant, session.own);
}

/** A session takes its place, with weights of its own or without. */
export function enter(hub: Hub, grant: Grant, own: boolean): void {
  hub.sessions++;
  grant.sessions++;
  if (!own) return;
  hub.learners++;
  grant.learners++;
}

/** Its place is another's. */
export function exit(hub: Hub, grant: Grant, own: boolean): void {
  hub.sessions--;
  grant.sessions--;
  if (!own) return;
  hub.learners--;
  grant.learners--;
}

/** Looks after what has waited too long; to be called now and then. */
export function sweep(hub: Hub): void {
  const { register, settings } = hub;
  const before = hub.now() - 1000 * settings.resumeSeconds;
  for (const [session, since] of register.detached) {
    if (since > before) break;
    evict(hub, session, 'expired');
  }
}

function evict(hub: Hub, session: Session, reason: EvictionReason): void {
  if (!session.ended) countOne(hub.counts.evictions, reason);
  release(hub, session);
}
