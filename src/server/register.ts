/** The resumable sessions of a server, by their tokens; those whose connection is lost among them. */
import { createCounts } from './counts.js';
import { flush } from './outbox.js';
import type { Served } from './served.js';
import { dropUnkept, type Outlet, type Session } from './session.js';

/** What names a session that rests. */
export interface SavedName {
  /** The token, or, of a session that ends with its connection, a name that no token has. */
  readonly name: string;
  readonly token: string;
  readonly nonce: string;
  /** The name of its grant. */
  readonly owner: string;
  readonly own: boolean;
  /** Empty where it has a network of its own. */
  readonly model: string;
  readonly modelHash: string;
}

/**
 * Why a session that could have gone on is gone: its client did not come back, there was no room for it to rest, too many
 * newer versions of its model have followed, or it could not be taken up.
 */
export type EvictionReason = 'expired' | 'room' | 'retired' | 'failed';

/** A session that is in the store, and not here. */
export interface Resting extends SavedName {
  /** What it goes on with, where that is not in the store. */
  readonly served: Served | undefined;
  /** When its connection was lost; infinity where it has one. */
  readonly since: number;
  /** It is in the store. */
  readonly stored: Promise<void>;
  /** It is being read. */
  waking?: Promise<Session | undefined>;
  /** It is evicted. */
  gone(reason: EvictionReason): void;
  /** Another connection goes on with it. */
  takenOver(): void;
}

export interface Register {
  add(session: Session): void;
  /** The session of that token, if it is this owner's. */
  find(token: string, owner: string): Session | undefined;
  /** The session that was opened with that nonce. */
  opened(nonce: string, owner: string): Session | undefined;
  /** The session goes on as this one of that connection; the one that had it is told. */
  attach(session: Session, outlet: Outlet, number: number): void;
  /** Its connection is lost: it waits. */
  detach(session: Session): void;
  /** It is not here any more. */
  remove(session: Session): void;
  /** A session rests in the store. */
  rest(resting: Resting): void;
  /** The one of that token or nonce that rests, if it is this owner's. */
  findResting(token: string, nonce: string, owner: string): Resting | undefined;
  /** It does not rest any more. */
  unrest(name: string): Resting | undefined;
  resting(): Iterable<Resting>;
  restingSize(): number;
  /** A session that rested is gone, and its client will be told why. */
  bury(session: Pick<SavedName, 'token' | 'owner'>, reason: EvictionReason): void;
  /** Why the session of that token is gone, if it rested and was this owner's. */
  buried(token: string, owner: string): EvictionReason | undefined;
  /** Forgets those that went before this time. */
  forget(before: number): void;
  /** Those that are here. */
  all(): Iterable<Session>;
  /** Those that wait for their clients, and since when; the longest wait first. */
  readonly detached: ReadonlyMap<Session, number>;
}

/** Sessions that are gone and known to be; beyond, their tokens are unknown ones. */
const mostBuried = 10_000;

/** @param now in milliseconds */
export function createRegister(now: () => number): Register {
  const tokens = new Map<string, Session>();
  const nonces = new Map<string, Session>();
  const detached = new Map<Session, number>();
  const rested = new Map<string, Resting>();
  const restedNonces = new Map<string, Resting>();
  const graves = new Map<string, { readonly owner: string; readonly reason: EvictionReason; readonly since: number }>();

  const mine = (session: Session | undefined, owner: string): Session | undefined =>
    session !== undefined && session.grant.name === owner ? session : undefined;

  const move = (session: Session, outlet: Outlet): void => {
    flush(session);
    if (session.outlet !== outlet) dropUnkept(session);
    session.outlet.queued -= session.queued;
    session.outlet = outlet;
    outlet.queued += session.queued;
  };

  const unrest = (name: string): Resting | undefined => {
    const resting = rested.get(name);
    if (resting === undefined) return undefined;
    rested.delete(name);
    if (resting.served) resting.served.resting--;
    if (restedNonces.get(resting.nonce) === resting) restedNonces.delete(resting.nonce);
    return resting;
  };

  return {
    detached,
    unrest,
    add(session) {
      tokens.set(session.token, session);
      if (session.nonce !== '') nonces.set(session.nonce, session);
    },
    find: (token, owner) => mine(tokens.get(token), owner),
    opened: (nonce, owner) => (nonce === '' ? undefined : mine(nonces.get(nonce), owner)),
    attach(session, outlet, number) {
      if (session.outlet !== outlet) session.outlet.takenOver(session.number);
      detached.delete(session);
      move(session, outlet);
      session.number = number;
    },
    detach(session) {
      move(session, nowhere);
      detached.set(session, now());
    },
    rest(resting) {
      unrest(resting.name);
      if (resting.served) resting.served.resting++;
      rested.set(resting.name, resting);
      if (resting.nonce !== '') restedNonces.set(resting.nonce, resting);
    },
    findResting(token, nonce, owner) {
      const found = token !== '' ? rested.get(token) : nonce !== '' ? restedNonces.get(nonce) : undefined;
      return found?.owner === owner && found.token !== '' ? found : undefined;
    },
    resting: () => rested.values(),
    restingSize: () => rested.size,
    bury({ token, owner }, reason) {
      if (token === '') return;
      graves.set(token, { owner, reason, since: now() });
      if (graves.size > mostBuried) for (const oldest of graves.keys()) return void graves.delete(oldest);
    },
    buried(token, owner) {
      const found = graves.get(token);
      return found?.owner === owner ? found.reason : undefined;
    },
    forget(before) {
      for (const [token, { since }] of graves) {
        if (since > before) return;
        graves.delete(token);
      }
    },
    all: () => tokens.values(),
    remove(session) {
      tokens.delete(session.token);
      if (nonces.get(session.nonce) === session) nonces.delete(session.nonce);
      detached.delete(session);
    },
  };
}

/** Where the messages of a session go that waits for its client: what is to arrive is kept. */
export const nowhere: Outlet = {
  counts: createCounts(),
  queued: 0,
  pending: 0,
  send() {},
  sendBytes() {},
  blocked: () => false,
  ended() {},
  takenOver() {},
};
