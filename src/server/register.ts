/** The resumable sessions of a server, by their tokens; those whose connection is lost among them. */
import { createCounts } from './counts.js';
import { flush } from './outbox.js';
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
  readonly modelHash: string;
}

/** A session that is in the store, and not here. */
export interface Resting extends SavedName {
  /** When its connection was lost; infinity where it has one. */
  readonly since: number;
  /** It is in the store. */
  readonly stored: Promise<void>;
  /** It is being read. */
  waking?: Promise<Session | undefined>;
  /** It is evicted. */
  gone(reason: 'expired' | 'room' | 'failed'): void;
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
  /** Those that are here. */
  all(): Iterable<Session>;
  /** Those that wait for their clients, and since when; the longest wait first. */
  readonly detached: ReadonlyMap<Session, number>;
}

/** @param now in milliseconds */
export function createRegister(now: () => number): Register {
  const tokens = new Map<string, Session>();
  const nonces = new Map<string, Session>();
  const detached = new Map<Session, number>();
  const rested = new Map<string, Resting>();
  const restedNonces = new Map<string, Resting>();

  const mine = (session: Session | undefined, owner: string): Session | undefined =>
    session !== undefined && session.grant.name === owner ? session : undefined;

  const move = (session: Session, outlet: Outlet): void => {
    flush(session);
    if (session.outlet !== outlet) dropUnkept(session);
    session.outlet.queued -= session.queued;
    session.outlet = outlet;
    outlet.queued += session.queued;
  };

  return {
    detached,
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
      rested.set(resting.name, resting);
      if (resting.nonce !== '') restedNonces.set(resting.nonce, resting);
    },
    findResting(token, nonce, owner) {
      const found = token !== '' ? rested.get(token) : nonce !== '' ? restedNonces.get(nonce) : undefined;
      return found?.owner === owner && found.token !== '' ? found : undefined;
    },
    unrest(name) {
      const resting = rested.get(name);
      rested.delete(name);
      if (resting !== undefined && restedNonces.get(resting.nonce) === resting) restedNonces.delete(resting.nonce);
      return resting;
    },
    resting: () => rested.values(),
    restingSize: () => rested.size,
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
