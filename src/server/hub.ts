import type { Batcher } from './batcher.js';
import type { Grant } from './grant.js';
import type { Settings } from './options.js';
import type { Served } from './served.js';
import type { Tokens } from './tokens.js';
import type { Turn } from './turn.js';

/** What all connections of a server share. */
export interface Hub {
  readonly models: ReadonlyMap<string, Served>;
  readonly settings: Settings;
  readonly batcher: Batcher;
  readonly turn: Turn;
  readonly connections: Set<Connection>;
  /** Undefined where whoever reaches the port may connect, with one of the grants of `everyone`. */
  readonly tokens: Tokens | undefined;
  readonly everyone: { readonly plain: Grant; readonly sharing: Grant };
  /** Connections that have not told their token yet. */
  unauthenticated: number;
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
