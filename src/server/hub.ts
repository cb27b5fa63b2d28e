import type { Batcher } from './batcher.js';
import type { Counts, Histograms } from './counts.js';
import type { Grant } from './grant.js';
import type { Log } from './log.js';
import type { Settings } from './options.js';
import type { Register } from './register.js';
import type { Served } from './served.js';
import type { SessionStore } from './store.js';
import type { Tokens } from './tokens.js';
import type { Turn } from './turn.js';

/** What all connections of a server share. */
export interface Hub {
  readonly models: ReadonlyMap<string, Served>;
  readonly settings: Settings;
  readonly batcher: Batcher;
  readonly turn: Turn;
  readonly counts: Counts;
  readonly histograms: Histograms;
  readonly log: Log;
  readonly connections: Set<Connection>;
  /** Undefined where whoever reaches the port may connect, with one of the grants of `everyone`. */
  readonly tokens: Tokens | undefined;
  readonly everyone: { readonly plain: Grant; readonly sharing: Grant };
  /** Connections that have not told their token yet. */
  unauthenticated: number;
  readonly register: Register;
  /** Sessions at present, and those with weights of their own. */
  sessions: number;
  learners: number;
  /** Connections so far. */
  connected: number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly store: SessionStore;
  /** Nothing new is taken. */
  draining: boolean;
}

/** One socket, several sessions. */
export interface Connection {
  /** Takes no further messages, answers what has come, and closes. */
  shut(code: number, reason: string): void;
  /** Ends the connection if the last ping was not answered, and pings again. */
  heartbeat(): void;
  /** Announces and puts to rest what has been idle. */
  sweep(now: number): void;
  terminate(): void;
  /** Bytes that the peer has not taken yet. */
  unsentBytes(): number;
  /** What an operator is shown. */
  describe(): ConnectionDescription;
}

export interface ConnectionDescription {
  /** Counts from 1 as they come. */
  readonly connection: number;
  /** The name of its token. */
  readonly client: string;
  readonly unsentBytes: number;
  readonly sessions: readonly SessionDescription[];
}

export interface SessionDescription {
  readonly session: number;
  readonly model: string;
  readonly learn: 'none' | 'private' | 'shared';
  /** Frames that were taken, those of them that wait, and steps that were made. */
  readonly frames: number;
  readonly waiting: number;
  readonly steps: number;
  readonly updates: number;
}
