/** The resumable sessions of a server, by their tokens; those whose connection is lost among them. */
import { createCounts } from './counts.js';
import { flush } from './outbox.js';
import type { Outlet, Session } from './session.js';

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
  /** It will not go on. */
  remove(session: Session): void;
  /** Those that wait for their clients, and since when; the longest wait first. */
  readonly detached: ReadonlyMap<Session, number>;
  readonly size: number;
}

/** @param now in milliseconds */
export function createRegister(now: () => number): Register {
  const tokens = new Map<string, Session>();
  const nonces = new Map<string, Session>();
  const detached = new Map<Session, number>();

  const mine = (session: Session | undefined, owner: string): Session | undefined =>
    session !== undefined && session.grant.name === owner ? session : undefined;

  const move = (session: Session, outlet: Outlet): void => {
    flush(session);
    session.outlet.queued -= session.queued;
    session.outlet = outlet;
    outlet.queued += session.queued;
  };

  return {
    detached,
    get size() {
      return tokens.size;
    },
    add(session) {
      tokens.set(session.token, session);
      if (session.nonce !== '') nonces.set(session.nonce, session);
    },
    find: (token, owner) => mine(tokens.get(token), owner),
    opened: (nonce, owner) => (nonce === '' ? undefined : mine(nonces.get(nonce), owner)),
    attach(session, outlet, number) {
      if (session.outlet !== outlet) session.outlet.takenOver(session);
      detached.delete(session);
      move(session, outlet);
      session.number = number;
    },
    detach(session) {
      move(session, nowhere);
      detached.set(session, now());
    },
    remove(session) {
      tokens.delete(session.token);
      if (nonces.get(session.nonce) === session) nonces.delete(session.nonce);
      detached.delete(session);
    },
  };
}

/** Where the messages of a session go that waits for its client: what is to arrive is kept. */
const nowhere: Outlet = {
  counts: createCounts(),
  queued: 0,
  pending: 0,
  send() {},
  blocked: () => false,
  ended() {},
  takenOver() {},
};
