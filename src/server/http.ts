import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { InputError, WireError } from '../errors.js';
import { scanJson } from '../wire/scan.js';
import { grantOf } from './admission.js';
import type { Permission } from './grant.js';
import { hostAllowed } from './hosts.js';
import type { Hub } from './hub.js';
import { createLane } from './lane.js';
import { metricsText, metricsType } from './metrics.js';
import { health, listSessions, readiness } from './operate.js';
import type { Settings } from './options.js';
import { RequestError, stepRequest } from './step-request.js';
import { takeOriginForm } from './target.js';

/** Requests to step that wait or are under way, at most. */
const mostRequests = 256;

interface Route {
  readonly method: 'GET' | 'POST';
  /** Whom it is for; left out: everyone. */
  readonly permission?: Permission;
  run(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
}

/**
 * `POST /step`, and what operators and their programs ask; other routes are the option `otherwise`'s, or not found.
 *
 * @param drain begins the end of the server
 */
export function createRoutes(hub: Hub, drain: () => void): RequestListener {
  const { settings } = hub;
  const lane = createLane(mostRequests);
  const routes: Readonly<Record<string, Route>> = {
    '/step': {
      method: 'POST',
      permission: 'predict',
      async run(request, response) {
        const body = await readBody(request, settings.maxPayload);
        const answer = lane.enter(breathe =>
          stepRequest(hub.models, parse(body, settings), settings.limits.maxFrames, breathe),
        );
        if (answer === undefined) {
          response.setHeader('retry-after', Math.ceil(settings.retryAfter / 1000));
          throw new RequestError(
            503,
            'limit_reached',
            `Expected at most ${mostRequests} requests at once, got one more`,
          );
        }
        send(response, 200, await answer);
      },
    },
    '/healthz': {
      method: 'GET',
      run: (request, response) => send(response, 200, health(hub, grantOf(hub, request))),
    },
    '/readyz': {
      method: 'GET',
      run(_, response) {
        const status = readiness(hub);
        if (status !== 'ready') response.setHeader('retry-after', Math.ceil(settings.retryAfter / 1000));
        send(response, status === 'ready' ? 200 : 503, { status });
      },
    },
    '/metrics': {
      method: 'GET',
      permission: 'observe',
      run: (_, response) => sendText(response, 200, metricsType, metricsText(hub)),
    },
    '/sessions': {
      method: 'GET',
      permission: 'observe',
      run: (request, response) => send(response, 200, listSessions(hub, queryOf(request))),
    },
    '/drain': {
      method: 'POST',
      permission: 'operate',
      run(_, response) {
        hub.log.info({}, 'told to drain');
        send(response, 202, { status: 'draining' });
        drain();
      },
    },
  };
  return (request, response) => {
    takeOriginForm(request);
    route(hub, routes, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
      } else if (error instanceof RequestError) {
        send(response, error.status, { error: { code: error.fault, message: error.message } });
      } else if (error instanceof InputError) {
        const { message, index } = error;
        send(response, 400, { error: { code: 'bad_input', message, ...(index === undefined ? {} : { index }) } });
      } else if (error === request.errored) {
        // Its client has left before it was whole.
        settings.log.debug({ address: request.socket.remoteAddress }, 'request cut short');
        response.destroy();
      } else {
        settings.onError(error);
        send(response, 500, { error: { code: 'internal', message: 'Expected an answer, the server failed' } });
      }
    });
  };
}

async function route(
  hub: Hub,
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { settings } = hub;
  if (!hostAllowed(request, settings.host, settings.origins)) {
    const message = `Expected a host of this machine, got ${request.headers.host}; see the option origins`;
    throw new RequestError(403, 'not_permitted', message);
  }
  const path = (request.url ?? '/').split('?')[0];
  const found = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (found !== undefined) {
    expectMethod(request, response, found.method);
    if (found.permission !== undefined) authorise(hub, request, response, found.permission);
    await found.run(request, response);
  } else if (!settings.otherwise?.(request, response)) {
    const known = Object.entries(routes).map(([name, { method }]) => `${method} ${name}`);
    throw new RequestError(404, 'not_found', `Expected one of ${known.join(', ')}, got ${request.method} ${path}`);
  }
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams(request.url!.split('?')[1] ?? '');
}

/** Lets those through whose token covers it. Throws `RequestError`, 401 or 403. */
function authorise(hub: Hub, request: IncomingMessage, response: ServerResponse, permission: Permission): void {
  const grant = grantOf(hub, request);
  if (grant === undefined || grant === 'wrong') {
    hub.counts.unauthorised++;
    response.setHeader('www-authenticate', 'Bearer');
    throw new RequestError(
      401,
      'unauthorised',
      'Expected a token of this server in the header authorization, got none',
    );
  }
  if (grant.permissions.has(permission)) return;
  const message = `Expected the permission ${permission}, got a client (${grant.name}) without it`;
  throw new RequestError(403, 'not_permitted', message);
}

function expectMethod(request: IncomingMessage, response: ServerResponse, method: string): void {
  if (request.method === method || (method === 'GET' && request.method === 'HEAD')) return;
  response.setHeader('allow', method);
  throw new RequestError(405, 'method_not_allowed', `Expected ${method} ${request.url}, got ${request.method}`);
}

async function readBody(request: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) throw new RequestError(413, 'too_large', `Expected a body of at most ${most} bytes, got more`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parse(body: string, { limits, maxPayload }: Settings): unknown {
  try {
    scanJson(body, { ...limits, maxBytes: maxPayload, maxItems: maxPayload });
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof WireError) throw new RequestError(400, 'malformed', error.message);
    throw new RequestError(
      400,
      'malformed',
      `Expected a JSON object, got text that is not JSON: ${(error as Error).message}`,
    );
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, 'application/json; charset=utf-8', `${JSON.stringify(value)}\n`);
}

function sendText(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    // The rest of a body that was refused is not read.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(body);
}
