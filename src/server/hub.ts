import { type Batcher, createBatcher } from './batcher.js';
import { type Counts, createCounts, createHistograms, type Histograms } from './counts.js';
import { createGrant, type Grant, type Permission } from './grant.js';
import { type Share, shareOf } from './kept.js';
import type { Log } from './log.js';
import type { Settings } from './options.js';
import { createRegister, type Register } from './register.js';
import { type Models, type Served, serveModels } from './served.js';
import { createMemoryStore, type SessionStore } from './store.js';
import { createTokens, type Tokens } from './tokens.js';
import { createTurn, type Turn } from './turn.js';

/** What all connections of a server share. */
export interface Hub {
  /** A newer version of a model takes the place of the older one; open sessions stay on theirs. */
  readonly models: Map<string, Served>;
  /** Older versions, the oldest first, as long as sessions have them or what they were taught is not kept. */
  readonly retired: Set<Served>;
  readonly settings: Settings;
  readonly batcher: Batcher;
  readonly turn: Turn;
  readonly counts: Counts;
  readonly histograms: Histograms;
  /** What a session may keep for its client. */
  readonly share: Share;
  readonly log: Log;
  readonly connections: Set<Connection>;
  /** Undefined where whoever reaches the port may connect, with one of the grants of `everyone`. */
  tokens: Tokens | undefined;
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

/** Time as the hub sees it. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Calls back when what has come so far was dealt with. */
  later(call: () => void): void;
}

const realClock: Clock = { now: () => performance.now(), later: setImmediate };

/** @throws ConfigError for models or tokens that are wrong */
export function createHub(models: Models, settings: Settings, clock: Clock = realClock): Hub {
  const histograms = createHistograms();
  const batcher = createBatcher(settings.onError, clock.now, histograms);
  const hub: Hub = {
    models: serveModels(models),
    retired: new Set(),
    settings,
    batcher,
    turn: createTurn(batcher.run, clock.later),
    histograms,
    share: { bytes: () => shareOf(settings.maxKeptBytes, hub.sessions) },
    log: settings.log,
    connections: new Set(),
    connected: 0,
    tokens: settings.tokens && createTokens(settings.tokens),
    everyone: everyone(settings),
    unauthenticated: 0,
    counts: createCounts(),
    register: createRegister(clock.now),
    now: clock.now,
    store: settings.store ?? createMemoryStore(settings.maxRestingBytes),
    sessions: 0,
    learners: 0,
    draining: false,
  };
  return hub;
}

/** What those may do who need no token. */
function everyone({ allowFresh }: Settings): Hub['everyone'] {
  const plain: readonly Permission[] = [
    'predict',
    'learn-private',
    'observe',
    ...(allowFresh ? (['fresh'] as const) : []),
  ];
  return { plain: createGrant('anonymous', plain), sharing: createGrant('anonymous', [...plain, 'learn-shared']) };
}

/** One socket, several sessions. */
export interface Connection {
  /** Undefined as long as it has told no token. */
  readonly grant?: Grant;
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
