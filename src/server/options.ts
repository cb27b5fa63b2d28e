import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConfigError, expect, expectKnown, expectOptions } from '../errors.js';
import { defaultLimits, type WireLimits } from '../wire/messages.js';
import { isLoopback } from './hosts.js';
import type { Keep } from './keep.js';
import { type Log, silent } from './log.js';
import type { SessionStore } from './store.js';
import type { TokenConfig } from './tokens.js';

/** As PEM. */
export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** Every bound has a default; what is beyond one is refused and told, never buffered. */
export interface ServeOptions {
  /** Address to listen on. Default 127.0.0.1: this machine alone, and no other name for it in a request. */
  readonly host?: string;
  /** Port to listen on; 0 (the default) picks a free one. */
  readonly port?: number;
  /** Path of the WebSocket. Default `/`. */
  readonly path?: string;
  /**
   * Web pages that may connect, as `https://example.org`, or `*` for all; default: pages of this host. Behind a proxy that
   * passes the name on, the proxy's. It holds pages back, not programs: these send any origin or none.
   */
  readonly origins?: readonly string[] | '*';
  /** Who may connect, and what each may do; default: whoever reaches the port, which must then be on loopback. */
  readonly tokens?: readonly TokenConfig[];
  /** Listen on an address that others reach though there are no tokens. Default false: refused. */
  readonly allowAnonymous?: boolean;
  /** Certificate and private key as PEM: the server then speaks TLS alone, `wss://` and `https://`. */
  readonly tls?: Certificate;
  /** Answers other routes on the same port; false passes the request on, to a 404. */
  readonly otherwise?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /**
   * Without tokens: sessions may move a served model for everyone: all, or those of the pages of this very host and port. Default false. A
   * program can forge the origin that tells such a page: where programs of others reach the port, `own-pages` is `true`.
   */
  readonly allowShared?: boolean | 'own-pages';
  /** Without tokens: sessions may ask for new networks of their own (`fresh`), which takes time of the server. Default false. */
  readonly allowFresh?: boolean;
  /** Frames of a session that may be under way. Default 256; fewer where inputs are large. */
  readonly credit?: number;
  /** Seconds that a resumable session waits for its client when the connection is lost. Default 300. */
  readonly resumeSeconds?: number;
  /** Seconds without a message after which a session is put to rest, and woken by its next one. Default 900. */
  readonly idleSeconds?: number;
  /** So many seconds before, it is told. Default 60. */
  readonly announceSeconds?: number;
  /** Bytes of the sessions that rest in memory; beyond, those that have rested longest are gone. Default 256 MiB. */
  readonly maxRestingBytes?: number;
  /**
   * Bytes of answers that are kept until acknowledged, of all sessions together. Each has an equal part, 1 MiB at most; one that keeps
   * more waits for an acknowledgement. Default 256 MiB.
   */
  readonly maxKeptBytes?: number;
  /** Milliseconds after which a peer that does not read, or sends on and acknowledges nothing, is told and its connection closed. Default 60,000. */
  readonly unreadGrace?: number;
  /** Where resumable sessions are saved with their models when the server closes, and taken up by the next one. Default: nowhere. */
  readonly sessionsFile?: string;
  /** Where sessions rest instead of in memory. */
  readonly store?: SessionStore;
  /** Bytes of one message. Default 1 MiB. */
  readonly maxPayload?: number;
  /** WebSocket frames of one message. Default 256. */
  readonly maxFragments?: number;
  /** Messages a second of one connection, and as many at once; one that sends faster is read from later. Default 50,000. */
  readonly messageRate?: number;
  /** Connections that have not told their token yet. Default 256. */
  readonly maxUnauthenticated?: number;
  /** Milliseconds in which a connection tells its token. Default 5,000. */
  readonly authenticationTimeout?: number;
  /** Milliseconds after which those that found the server full are told to come back, some of them later. Default 5,000. */
  readonly retryAfter?: number;
  /** Connections at once. Default 10,000. */
  readonly maxConnections?: number;
  /** Sessions at once. Default 20,000. */
  readonly maxSessions?: number;
  /** Sessions of one connection. Default 1,000. */
  readonly maxSessionsPerConnection?: number;
  /** Sessions with weights of their own at once. Default 16. */
  readonly maxLearners?: number;
  /** Of these, on one connection. Default 4. */
  readonly maxLearnersPerConnection?: number;
  /**
   * Bytes of the weights, moments and windows of one such session; of a model that moves for everyone, with the windows of
   * all its sessions. Default 64 MiB.
   */
  readonly maxLearnerBytes?: number;
  /**
   * Unsent or unread bytes of a connection from which it is not read any more; unsent ones at least as many as a socket of the system holds
   * before it is full (some 16 to 64 KiB). Default 1 MiB.
   */
  readonly highWater?: number;
  /** Milliseconds between two pings; a connection that did not answer the last one is ended. Default 30,000. */
  readonly heartbeat?: number;
  /** Milliseconds that `close` waits for peers before it ends their connections. Default 5,000. */
  readonly grace?: number;
  /** Keeps what sessions taught the models that move for everyone: on a schedule, and when the server closes. Default: nobody. */
  readonly keep?: Keep;
  /** Milliseconds between two times that it is kept, where it has moved. Default 60,000. */
  readonly keepEvery?: number;
  /** Further bounds on messages; their bytes are `maxPayload`. */
  readonly limits?: Partial<Omit<WireLimits, 'maxBytes'>>;
  /** Told of connections, sessions, models and updates; a `pino` logger is one. Default: nobody. Standard error is told what this throws. */
  readonly log?: Log;
  /** Told of errors that are the server's own. Default: standard error, which is also told what this throws. */
  readonly onError?: (error: unknown) => void;
}

/** Options that may stay out. */
type Optional = 'sessionsFile' | 'store' | 'origins' | 'otherwise' | 'tokens' | 'tls' | 'keep';

/** The options as they are used. */
export type Settings = Required<Omit<ServeOptions, Optional | 'limits'>> &
  Pick<ServeOptions, Optional> & { readonly limits: WireLimits };

const counts = {
  credit: 256,
  resumeSeconds: 300,
  idleSeconds: 900,
  announceSeconds: 60,
  maxRestingBytes: 256 << 20,
  maxKeptBytes: 256 << 20,
  unreadGrace: 60_000,
  maxPayload: 1 << 20,
  maxFragments: 256,
  messageRate: 50_000,
  maxUnauthenticated: 256,
  authenticationTimeout: 5000,
  retryAfter: 5000,
  maxConnections: 10_000,
  maxSessions: 20_000,
  maxSessionsPerConnection: 1000,
  maxLearners: 16,
  maxLearnersPerConnection: 4,
  maxLearnerBytes: 64 << 20,
  highWater: 1 << 20,
  heartbeat: 30_000,
  grace: 5000,
  keepEvery: 60_000,
};

/** Weights of a network that a session asks for: drawing them takes the thread that serves. */
const maxParameters = 1 << 20;

/** Zero is a choice for these. */
const mayBeZero: ReadonlySet<string> = new Set(['maxLearners', 'grace']);

/** Every other option. */
const others: readonly string[] = [
  'host',
  'port',
  'path',
  'origins',
  'tokens',
  'allowAnonymous',
  'tls',
  'otherwise',
  'allowShared',
  'allowFresh',
  'keep',
  'limits',
  'log',
  'sessionsFile',
  'store',
  'onError',
] satisfies (keyof ServeOptions)[];

/** @throws ConfigError naming the option that is wrong */
export function checkServeOptions(options: ServeOptions): Settings {
  expectOptions(options, [...others, ...Object.keys(counts)]);
  const {
    host = '127.0.0.1',
    port = 0,
    path = '/',
    origins,
    tokens,
    tls,
    allowAnonymous = false,
    otherwise,
    keep,
  } = options;
  const { allowShared = false, allowFresh = false, onError = told, log = silent } = options;
  const bounds = { ...counts };
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
    const value = options[name] ?? counts[name];
    const least = mayBeZero.has(name) ? 0 : 1;
    const fits = Number.isInteger(value) && value >= least && value <= 2 ** 31 - 1;
    expect(fits, name, `an integer from ${least}`, value);
    bounds[name] = value;
  }
  expect(typeof host === 'string', 'host', 'an address', host);
  expect(Number.isInteger(port) && port >= 0 && port <= 65_535, 'port', 'an integer from 0 to 65535', port);
  expect(typeof path === 'string' && path.startsWith('/'), 'path', 'text that begins with /', path);
  const listed =
    origins === undefined || origins === '*' || (Array.isArray(origins) && origins.every(one => asSent.test(one)));
  expect(listed, 'origins', "a list of origins, as https://example.org, or '*'", origins);
  expect(otherwise === undefined || typeof otherwise === 'function', 'otherwise', 'a function', otherwise);
  const levels = ['debug', 'info', 'warn', 'error'] as const;
  expect(
    log !== null && levels.every(level => typeof log[level] === 'function'),
    'log',
    `a log with ${levels.join(', ')}`,
    log,
  );
  expect(typeof onError === 'function', 'onError', 'a function', onError);
  expect(keep === undefined || typeof keep === 'function', 'keep', 'a function', keep);
  expect(typeof allowFresh === 'boolean', 'allowFresh', 'true or false', allowFresh);
  const sharing = typeof allowShared === 'boolean' || allowShared === 'own-pages';
  expect(sharing, 'allowShared', "true, false or 'own-pages'", allowShared);
  expect(typeof allowAnonymous === 'boolean', 'allowAnonymous', 'true or false', allowAnonymous);
  const pem = tls === undefined || [tls?.cert, tls?.key].every(one => typeof one === 'string' || Buffer.isBuffer(one));
  expect(pem, 'tls', 'a cert and a key as PEM', tls);
  expectKnown('an option of tls', tls ?? {}, ['cert', 'key']);
  if (tokens === undefined && !allowAnonymous && !isLoopback(host)) {
    throw new ConfigError(
      `Expected tokens to listen on ${host}, where others can connect, got none: give tokens, or allowAnonymous if all may`,
    );
  }
  const limits = { ...checkLimits(options.limits), maxBytes: bounds.maxPayload };
  const { sessionsFile, store } = options;
  expect(sessionsFile === undefined || typeof sessionsFile === 'string', 'sessionsFile', 'a path', sessionsFile);
  expect(store === undefined || typeof store?.take === 'function', 'store', 'a store of sessions', store);
  const choices = {
    sessionsFile,
    store,
    allowAnonymous,
    allowShared,
    allowFresh,
    origins,
    tokens,
    tls,
    otherwise,
    keep,
  };
  return { ...bounds, ...choices, host, port, path, log: guardedLog(log), onError: guarded(onError), limits };
}

function checkLimits(given: ServeOptions['limits'] = {}): WireLimits {
  expect(typeof given === 'object' && given !== null, 'limits', 'an object', given);
  const limits = { ...defaultLimits, maxParameters };
  const { maxBytes: _, ...known } = limits;
  expectKnown('an option of limits', given, Object.keys(known));
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    expect(Number.isSafeInteger(value) && value >= 1, `limits.${name}`, 'an integer from 1', value);
    limits[name as keyof WireLimits] = value;
  }
  return limits;
}

/** An origin as browsers send it: without a path, and without capitals. No page would be of another. */
const asSent = /^(null|[a-z][a-z\d+.-]*:\/\/[^\s/?#A-Z]+)$/;

function told(error: unknown): void {
  console.error(error);
}

/** Who is told of what happened has no part in it: what it throws must not end what goes on. */
function guarded<Given extends unknown[]>(listener: (...given: Given) => void): (...given: Given) => void {
  return (...given) => {
    try {
      listener(...given);
    } catch (thrown) {
      told(thrown);
    }
  };
}

function guardedLog(log: Log): Log {
  return {
    debug: guarded((record, message) => log.debug(record, message)),
    info: guarded((record, message) => log.info(record, message)),
    warn: guarded((record, message) => log.warn(record, message)),
    error: guarded((record, message) => log.error(record, message)),
  };
}
