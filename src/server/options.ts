import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConfigError } from '../errors.js';
import { defaultLimits, type WireLimits } from '../wire/messages.js';

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
  /** Answers other routes on the same port; false passes the request on, to a 404. */
  readonly otherwise?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /**
   * Sessions may move a served model for everyone: all, or those of the pages of this very host and port. Default false. A
   * program can forge the origin that tells such a page: where programs of others reach the port, `own-pages` is `true`.
   */
  readonly allowShared?: boolean | 'own-pages';
  /** Frames of a session that may be under way. Default 256; fewer where inputs are large. */
  readonly credit?: number;
  /** Bytes of one message. Default 1 MiB. */
  readonly maxPayload?: number;
  /** Connections at once. Default 10,000. */
  readonly maxConnections?: number;
  /** Sessions at once. Default 20,000. */
  readonly maxSessions?: number;
  /** Sessions of one connection. Default 1,000. */
  readonly maxSessionsPerConnection?: number;
  /** Sessions with weights of their own at once. Default 16. */
  readonly maxLearners?: number;
  /** Bytes of the weights, moments and windows of one such session. Default 64 MiB. */
  readonly maxLearnerBytes?: number;
  /** Unsent or unread bytes of a connection from which it is not read any more. Default 1 MiB. */
  readonly highWater?: number;
  /** Milliseconds between two pings; a connection that did not answer the last one is ended. Default 30,000. */
  readonly heartbeat?: number;
  /** Milliseconds that `close` waits for peers before it ends their connections. Default 5,000. */
  readonly grace?: number;
  /** Further bounds on messages. */
  readonly limits?: Partial<WireLimits>;
  /** Told of errors that are the server's own. Default: standard error. */
  readonly onError?: (error: unknown) => void;
}

/** The options as they are used. */
export type Settings = Required<Omit<ServeOptions, 'limits' | 'origins' | 'otherwise'>> &
  Pick<ServeOptions, 'origins' | 'otherwise'> & { readonly limits: WireLimits };

const counts = {
  credit: 256,
  maxPayload: 1 << 20,
  maxConnections: 10_000,
  maxSessions: 20_000,
  maxSessionsPerConnection: 1000,
  maxLearners: 16,
  maxLearnerBytes: 64 << 20,
  highWater: 1 << 20,
  heartbeat: 30_000,
  grace: 5000,
};

/** Weights of a network that a session asks for: drawing them takes the thread that serves. */
const maxParameters = 1 << 20;

/** Zero is a choice for these. */
const mayBeZero: ReadonlySet<string> = new Set(['maxLearners', 'grace']);

/** @throws ConfigError naming the option that is wrong */
export function checkServeOptions(options: ServeOptions): Settings {
  const { host = '127.0.0.1', port = 0, path = '/', allowShared = false, limits } = options;
  const bounds = { ...counts };
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
    const value = options[name] ?? counts[name];
    const least = mayBeZero.has(name) ? 0 : 1;
    if (!Number.isInteger(value) || value < least || value > 2 ** 31 - 1) {
      throw new ConfigError(`Expected ${name} to be an integer from ${least}, got ${String(options[name])}`);
    }
    bounds[name] = value;
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError(`Expected port to be an integer from 0 to 65535, got ${String(port)}`);
  }
  if (typeof allowShared !== 'boolean' && allowShared !== 'own-pages') {
    throw new ConfigError(`Expected allowShared to be true, false or 'own-pages', got ${String(allowShared)}`);
  }
  if (!path.startsWith('/')) throw new ConfigError(`Expected path to begin with /, got ${path}`);
  return {
    ...bounds,
    host,
    port,
    path,
    allowShared,
    origins: options.origins,
    otherwise: options.otherwise,
    onError: options.onError ?? (error => console.error(error)),
    limits: { ...defaultLimits, maxParameters, ...limits, maxBytes: bounds.maxPayload },
  };
}
