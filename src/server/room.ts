/** Whether there is room for one more session: on its connection, on the server, and of its token. */
import type { Grant } from './grant.js';
import type { Hub } from './hub.js';
import { canRest, putToRest } from './life.js';
import type { Settings } from './options.js';

/**
 * What there may be at most on a connection, if one more would be too much.
 *
 * @param own the one more has weights of its own
 * @param sessions those of the connection
 */
export function limitHere(
  settings: Settings,
  own: boolean,
  sessions: ReadonlyMap<number, { readonly own: boolean }>,
): string | undefined {
  if (sessions.size >= settings.maxSessionsPerConnection)
    return `${settings.maxSessionsPerConnection} sessions on a connection`;
  if (!own) return undefined;
  let learners = 0;
  for (const session of sessions.values()) if (session.own) learners++;
  return learners >= settings.maxLearnersPerConnection
    ? `${settings.maxLearnersPerConnection} sessions with weights of their own on a connection`
    : undefined;
}

/** What there may be at most on the server, and of this token, if one more would be too much; others are put to rest before. */
export function limitOfAll(hub: Hub, grant: Grant, own: boolean): string | undefined {
  const { settings } = hub;
  makeRoom(hub, own);
  if (hub.sessions >= settings.maxSessions) return `${settings.maxSessions} sessions`;
  if (own && hub.learners >= settings.maxLearners) return `${settings.maxLearners} sessions with weights of their own`;
  if (grant.sessions >= grant.maxSessions) return `${grant.maxSessions} sessions of this token`;
  return own && grant.learners >= grant.maxLearners
    ? `${grant.maxLearners} sessions with weights of their own of this token`
    : undefined;
}

/** Puts those to rest that wait longest for their clients, until there is a place (for weights, too) or none waits. */
function makeRoom(hub: Hub, own: boolean): void {
  const { register, settings } = hub;
  const full = (): boolean => hub.sessions >= settings.maxSessions || (own && hub.learners >= settings.maxLearners);
  for (const session of register.detached.keys()) {
    if (!full()) return;
    if (canRest(session)) putToRest(hub, session);
  }
}

/** A new session would have a place: there is one, or there would be as those rest that wait for their clients. */
export function hasRoom({ register, settings, sessions }: Hub): boolean {
  let staying = sessions;
  for (const session of register.detached.keys()) {
    if (staying < settings.maxSessions) break;
    if (canRest(session)) staying--;
  }
  return staying < settings.maxSessions;
}
