/** The life of sessions that nobody ends: they wait for their client, are put to rest, are woken, or are gone. */
import { CheckpointError } from '../errors.js';
import { countOne } from './counts.js';
import type { Grant } from './grant.js';
import type { Hub } from './hub.js';
import { type EvictionReason, nowhere, type Resting } from './register.js';
import { loadSession, saveSession } from './saved.js';
import type { Served } from './served.js';
import type { Session } from './session.js';
import { forget } from './stepping.js';

/** Milliseconds after which a session without a connection is put to rest. */
const restAfter = 5000;

/** Nothing is left of the session: its room is another's. */
export function release(hub: Hub, session: Session): void {
  hub.counts.sessions.finished++;
  depart(hub, session);
}

function depart(hub: Hub, session: Session): void {
  forget(session);
  hub.register.remove(session);
  leave(hub, session);
}

/** A session that was opened gives its place back. */
export function leave(hub: Hub, session: Session): void {
  session.learner?.leave();
  session.served.sessions--;
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

/** How the connection that has a session is told what becomes of it while it rests. */
type Told = Pick<Resting, 'gone' | 'takenOver'>;

/** Of a session that no connection has. */
export const toldNobody: Told = { gone() {}, takenOver() {} };

/** The served model that a session needs to go on; undefined if its network is its own and rests with it, or if it has ended. */
export function modelOf({ served, ended }: Session): Served | undefined {
  return served.name === '' || ended ? undefined : served;
}

let restedHere = 0;

/**
 * Saves a session in the store, and lets go of it here; nothing waits in it.
 *
 * @param told of what becomes of it while it rests
 */
export function putToRest(hub: Hub, session: Session, told: Told = toldNobody): Resting {
  const { register, counts, settings } = hub;
  const { token, nonce, grant, own, served } = session;
  const model = modelOf(session);
  const name = token === '' ? `connected-${++restedHere}` : token;
  const bytes = saveSession(session, name);
  const since = register.detached.get(session) ?? Number.POSITIVE_INFINITY;
  depart(hub, session);
  counts.hibernations++;
  const stored = putInStore(hub, name, bytes);
  const resting: Resting = {
    name,
    token,
    nonce,
    owner: grant.name,
    own,
    model: served.name,
    modelHash: served.hash,
    served: model,
    since,
    stored,
    ...told,
  };
  stored.catch(error => {
    settings.onError(error);
    evictResting(hub, name, 'failed');
  });
  register.rest(resting);
  return resting;
}

async function putInStore(hub: Hub, name: string, bytes: Uint8Array): Promise<void> {
  for (const other of await hub.store.put(name, bytes)) evictResting(hub, other, 'room');
}

/** The session that rested goes on, at no outlet yet. Undefined if it is gone, which has been told and counted. */
export function wake(hub: Hub, resting: Resting, grant: Grant): Promise<Session | undefined> {
  resting.waking ??= wakeOnce(hub, resting, grant);
  return resting.waking;
}

async function wakeOnce(hub: Hub, resting: Resting, grant: Grant): Promise<Session | undefined> {
  const { register, store, settings } = hub;
  enter(hub, grant, resting.own);
  try {
    await resting.stored;
    const bytes = await store.take(resting.name);
    if (bytes === undefined) throw new CheckpointError('Expected a session that rests, got none');
    const session = await loadSession(bytes, resting.served, hub, nowhere, grant);
    register.unrest(resting.name);
    if (session.token !== '') {
      register.add(session);
      register.detach(session);
    }
    return session;
  } catch (error) {
    exit(hub, grant, resting.own);
    if (!(error instanceof CheckpointError)) settings.onError(error);
    evictResting(hub, resting.name, 'failed');
    forgetResting(hub, resting);
    return undefined;
  }
}

/** A session that rests is gone: told and counted. */
export function evictResting(hub: Hub, name: string, reason: EvictionReason): void {
  const resting = hub.register.unrest(name);
  if (resting === undefined) return;
  countOne(hub.counts.evictions, reason);
  hub.log.info({ client: resting.owner, reason }, 'session evicted');
  if (reason !== 'expired') hub.register.bury(resting, reason);
  resting.gone(reason);
}

/** A session that rests will not go on: whom it belonged to has left. */
export function forgetResting(hub: Hub, resting: Resting): void {
  hub.register.unrest(resting.name);
  deleteFromStore(hub, resting).catch(hub.settings.onError);
}

/** The connection of a session that rests has ended: it rests on for its token, unless it has none or its client has closed all of its own. */
export function leaveResting(hub: Hub, resting: Resting, closed: boolean): void {
  if (resting.waking) return;
  if (resting.token === '' || closed) {
    hub.counts.sessions.finished++;
    forgetResting(hub, resting);
  } else hub.register.rest({ ...resting, since: hub.now(), ...toldNobody });
}

/** Not before it is there: a store that is slow would have it for ever. */
async function deleteFromStore({ store }: Hub, { name, stored }: Resting): Promise<void> {
  await stored.catch(() => {});
  await store.delete(name);
}

/** Nothing waits in it. */
export function canRest({ queue, paused }: Session): boolean {
  return queue.length === 0 && !paused;
}

/** Looks after what has waited long; to be called now and then. */
export function sweep(hub: Hub): void {
  const { register, settings, connections } = hub;
  const now = hub.now();
  const expired = now - 1000 * settings.resumeSeconds;
  for (const [session, since] of register.detached) {
    if (since <= expired) evict(hub, session);
    else if (since <= now - restAfter && canRest(session)) putToRest(hub, session);
  }
  for (const resting of register.resting()) {
    if (resting.since > expired || resting.waking !== undefined) continue;
    evictResting(hub, resting.name, 'expired');
    forgetResting(hub, resting);
  }
  register.forget(expired);
  for (const connection of connections) connection.sweep(now);
}

function evict(hub: Hub, session: Session): void {
  if (session.ended) {
    release(hub, session);
    return;
  }
  countOne(hub.counts.evictions, 'expired' satisfies EvictionReason);
  depart(hub, session);
}
