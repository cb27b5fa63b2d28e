import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createServer, type Server as HttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { ConfigError, ServeError } from '../errors.js';
import type { Model } from '../model/model.js';
import { closeCodes } from '../wire/messages.js';
import { markSaving, waitForSaving } from './handover.js';
import { createRoutes } from './http.js';
import { createHub, type Hub } from './hub.js';
import { createKeeper } from './keep.js';
import { sweep } from './life.js';
import { type Certificate, checkServeOptions, type ServeOptions, type Settings } from './options.js';
import { type Models, type Serveable, type Served, serveModel } from './served.js';
import { forgetSessions, saveSessions, type TakenUp, takeUpSessions } from './sessions-file.js';
import { answerWithoutUpgrade, asksForWebSocket } from './target.js';
import { renewTokens, type TokenConfig } from './tokens.js';
import { createUpgrade } from './upgrade.js';
import { tidyVersions } from './versions.js';

/** Beyond the connections: for requests, and for those that are told that the server is full. */
const spareSockets = 256;

/** Between two looks at sessions that have waited too long. */
const sweepMilliseconds = 1000;

export interface Server {
  /** Where clients connect: `ws://127.0.0.1:8080`. */
  readonly url: string;
  /** The same port for `curl`: `http://127.0.0.1:8080`. */
  readonly httpUrl: string;
  readonly port: number;
  /**
   * Drains: takes nothing new, answers every frame that has come, closes with 1012, and after the grace ends the
   * connections that are left. Resolves when the port is free. Rejects with `ServeError` if the sessions could not be saved, or
   * what they taught could not be kept.
   */
  close(): Promise<void>;
  /**
   * Serves a model under this name from now on, or none. Open sessions stay on the one that they were opened with. A model that was served
   * under this name before has the learner that it had.
   *
   * @throws ConfigError if the model and its encoder do not fit: the older one stays
   */
  replace(name: string, model: Serveable | undefined): void;
  /**
   * Shows this certificate to those who connect from now on; open connections stay.
   *
   * @throws ConfigError for a certificate or a key that is none, or where there was none at the start: the older one stays
   */
  renew(tls: Certificate): void;
  /**
   * Lets in whoever has one of these tokens from now on. Connections whose token is not among them, or permits less than it did, answer what has
   * come and close with 4401; the others stay. A new `messageRate` holds for them, too, other bounds for what is opened from then on.
   *
   * @throws ConfigError for a list that is wrong, or where there was none at the start: the older one stays
   */
  permit(tokens: readonly TokenConfig[]): void;
  /** Resolves when it has closed, whoever asked for it: an operator may, with `POST /drain`. */
  readonly closed: Promise<void>;
}

/**
 * Serves models on a WebSocket (`eddy.v1.proto`, `eddy.v1.json`) and `POST /step` on one port.
 *
 * Frames that come in one turn of the event loop are one step of all sessions; each is answered once, in order.
 *
 * @param models one model, or several by name
 * @throws ConfigError for a wrong option; ServeError if the port cannot be had, or the sessions file has no place
 *
 * @example
 * const server = await serve(model, { port: 8080 });
 * console.log(server.url); // ws://127.0.0.1:8080
 */
export async function serve(models: Models, options: ServeOptions = {}): Promise<Server> {
  return serveHub(createHub(models, checkServeOptions(options)));
}

/** `serve`, for who looks into the hub while it serves. */
export async function serveHub(hub: Hub): Promise<Server> {
  const { settings } = hub;
  let http: HttpServer;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= drain(hub, http, sockets, () => clearInterval(life)).then(stop, async error => {
      // What was not kept has been told.
      await stop().catch(() => {});
      throw error;
    });
    return closed;
  };
  const stop = async (): Promise<void> => {
    clearInterval(heartbeat);
    try {
      await keeper.close();
    } finally {
      settings.log.info({}, 'closed');
      ended();
    }
  };
  let ended: () => void;
  const end = new Promise<void>(resolve => {
    ended = resolve;
  });
  // Not before: what is not open yet cannot be closed.
  let started: () => void;
  const start = new Promise<void>(resolve => {
    started = resolve;
  });
  const drainFor = (): void => void start.then(close).catch(settings.onError);
  http = listener(settings, createRoutes(hub, drainFor));
  const arrival = settings.tls ? 'secureConnection' : 'connection';
  const upgrade = createUpgrade(hub);
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (asksForWebSocket(request)) upgrade(request, socket, head);
    else answerWithoutUpgrade(http, arrival, request, socket, head);
  });
  http.maxConnections = settings.maxConnections + spareSockets;
  // Those that have left HTTP too, whatever became of them, and those that are not encrypted yet.
  const sockets = new Set<Socket>();
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const { sessionsFile } = settings;
  let takenUp: TakenUp | undefined;
  if (sessionsFile !== undefined) {
    await waitForSaving(sessionsFile, settings.log);
    takenUp = await takeUpSessions(hub, sessionsFile);
    settings.log.info({ sessions: takenUp?.sessions ?? 0 }, 'sessions taken up');
  }
  const { port } = await listen(http, settings);
  // Not before: where the port cannot be had, the next start takes them up.
  if (sessionsFile !== undefined && takenUp !== undefined) {
    try {
      await forgetSessions(takenUp, sessionsFile, hub);
    } catch (error) {
      hub.draining = true;
      await endConnections(hub, http, sockets);
      throw error;
    }
  }
  const keeper = createKeeper(hub.models, hub.retired, { keep: undefined, ...settings });
  const heartbeat = setInterval(() => {
    for (const connection of hub.connections) connection.heartbeat();
  }, settings.heartbeat);
  heartbeat.unref();
  const life = setInterval(() => {
    sweep(hub);
    tidyVersions(hub, keeper.owes);
  }, sweepMilliseconds);
  life.unref();
  // Two learners would move one model, and each would be kept in the place of the other.
  const versions = new WeakMap<Model, Served>();
  for (const served of hub.models.values()) versions.set(served.model, served);
  const known = (name: string, given: Serveable): Served | undefined => {
    const served = versions.get('learnMany' in given ? given.model : given);
    return served?.name === name && (served.model === given || served.shared === given) ? served : undefined;
  };
  const host = hostInUrl(settings.host);
  started!();
  return {
    url: `ws${settings.tls ? 's' : ''}://${host}:${port}`,
    httpUrl: `http${settings.tls ? 's' : ''}://${host}:${port}`,
    port,
    closed: end,
    close,
    replace(name, model) {
      const served = model && (known(name, model) ?? serveModel(name, model));
      const older = hub.models.get(name);
      if (older !== undefined) hub.retired.add(older);
      hub.models.delete(name);
      if (served !== undefined) hub.retired.delete(served);
      tidyVersions(hub, keeper.owes);
      if (served === undefined) return;
      hub.models.set(name, served);
      versions.set(served.model, served);
      settings.log.info({ model: name, hash: served.hash }, 'model taken up');
    },
    renew({ cert, key }) {
      if (!('setSecureContext' in http)) throw new ConfigError('Expected a server with tls, got one without');
      checkCertificate({ cert, key });
      (http as TlsServer).setSecureContext({ cert, key });
      settings.log.info({}, 'certificate taken up');
    },
    permit(list) {
      if (hub.tokens === undefined) throw new ConfigError('Expected a server with tokens, got one without');
      const { tokens, withdrawn } = renewTokens(hub.tokens, list);
      hub.tokens = tokens;
      for (const connection of hub.connections) {
        if (connection.grant !== undefined && withdrawn.has(connection.grant))
          connection.shut(closeCodes.unauthorised, 'the token was withdrawn');
      }
      settings.log.info({ withdrawn: Array.from(withdrawn, ({ name }) => name) }, 'tokens taken up');
    },
  };
}

/** @throws ConfigError for a certificate or a key that is none */
function listener({ tls }: Settings, routes: RequestListener): HttpServer {
  // A request that is not whole by then ends its socket.
  const timeouts = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };
  if (tls === undefined) return createServer(timeouts, routes);
  const { headersTimeout: handshakeTimeout } = timeouts;
  checkCertificate(tls);
  return createTlsServer({ ...timeouts, handshakeTimeout, cert: tls.cert, key: tls.key }, routes);
}

/** @throws ConfigError */
function checkCertificate({ cert, key }: Certificate): void {
  try {
    createSecureContext({ cert, key });
    // Which takes a key of another kind for one beside the certificate: no handshake would come to an end.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('a key that is not its own');
  } catch (cause) {
    throw new ConfigError(`Expected tls to be a certificate and its key as PEM, got ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Where this machine finds itself, if it listens on all of its addresses. */
function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function listen(http: HttpServer, { host, port }: Settings): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    http.once('error', error => reject(listenError(error, host, port)));
    http.listen(port, host, () => {
      http.removeAllListeners('error');
      resolve(http.address() as AddressInfo);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ServeError {
  const reasons: Record<string, string> = {
    EADDRINUSE: `Expected port ${port} of ${host} to be free, got one in use: take another port, or 0 for any`,
    EACCES: `Expected port ${port} of ${host} to be allowed, got one that needs privileges: take one from 1024`,
    EADDRNOTAVAIL: `Expected host to be an address of this machine, got ${host}`,
    ENOTFOUND: `Expected host to be an address of this machine, got ${host}`,
  };
  const message = reasons[error.code ?? ''] ?? `Expected to listen on ${host}:${port}, got ${error.message}`;
  return new ServeError(message, { cause: error });
}

/** @param left no connection is here any more: what is saved then stays as it is */
async function drain(hub: Hub, http: HttpServer, sockets: ReadonlySet<Socket>, left: () => void): Promise<void> {
  hub.draining = true;
  const { sessionsFile, grace, log } = hub.settings;
  // Before the port is free: the next server may begin at once.
  const saved = sessionsFile === undefined ? undefined : markSaving(sessionsFile, grace);
  try {
    await endConnections(hub, http, sockets);
    left();
    if (sessionsFile !== undefined) log.info({ sessions: await saveSessions(hub, sessionsFile) }, 'sessions saved');
  } finally {
    saved?.();
  }
}

async function endConnections(hub: Hub, http: HttpServer, sockets: ReadonlySet<Socket>): Promise<void> {
  const done = new Promise<void>(resolve => {
    http.close(() => resolve());
  });
  for (const connection of hub.connections) connection.shut(closeCodes.restart, 'the server closes');
  const grace = setTimeout(() => {
    for (const connection of hub.connections) connection.terminate();
    for (const socket of sockets) socket.destroy();
  }, hub.settings.grace);
  await done;
  clearTimeout(grace);
}
