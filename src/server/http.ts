import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { InputError } from '../errors.js';
import { grantOf } from './admission.js';
import type { Permission } from './grant.js';
import { hostAllowed } from './hosts.js';
import type { Hub } from './hub.js';
import { createLane, type Lane } from './lane.js';
import { RequestError, stepRequest } from './step-request.js';

/** Requests to step that wait or are under way, at most. */
const mostRequests = 256;

/** `POST /step` and `GET /healthz`; other routes are the option `otherwise`'s, or not found. */
export function createRoutes(hub: Hub): RequestListener {
  const lane = createLane(mostRequests);
  return (request, response) => {
    route(hub, lane, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
      } else if (error instanceof RequestError) {
        send(response, error.status, { error: { code: error.fault, message: error.message } });
      } else if (error instanceof InputError) {
        const { message, index } = error;
        send(response, 400, { error: { code: 'bad_input', message, ...(index === undefined ? {} : { index }) } });
      } else {
        hub.settings.onError(error);
        send(response, 500, { error: { code: 'internal', message: 'Expected an answer, the server failed' } });
      }
    });
  };
}

async function route(hub: Hub, lane: Lane, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { settings } = hub;
  if (!hostAllowed(request, settings.host, settings.origins)) {
    const message = `Expected a host of this machine, got ${request.headers.host}; see the option origins`;
    throw new RequestError(403, 'not_permitted', message);
  }
  const path = (request.url ?? '/').split('?')[0];
  if (path === '/step') {
    expectMethod(request, response, 'POST');
    authorise(hub, request, response, 'predict');
    const body = await readBody(request, settings.maxPayload);
    const answer = lane.enter(breathe => stepRequest(hub.models, parse(body), settings.limits.maxFrames, breathe));
    if (answer === undefined) {
      throw new RequestError(503, 'limit_reached', `Expected at most ${mostRequests} requests at once, got one more`);
    }
    send(response, 200, await answer);
  } else if (path === '/healthz') {
    expectMethod(request, response, 'GET');
    send(response, hub.draining ? 503 : 200, {
      status: hub.draining ? 'draining' : 'ok',
      models: [...hub.models.keys()],
      connections: hub.connections.size,
      sessions: hub.sessions,
      unsentBytes: [...hub.connections].reduce((sum, connection) => sum + connection.unsentBytes(), 0),
    });
  } else if (!settings.otherwise?.(request, response)) {
    throw new RequestError(404, 'not_found', `Expected POST /step or GET /healthz, got ${request.method} ${path}`);
  }
}

/** Lets those through whose token covers it. Throws `RequestError`, 401 or 403. */
function authorise(hub: Hub, request: IncomingMessage, response: ServerResponse, permission: Permission): void {
  const grant = grantOf(hub, request);
  if (grant === undefined || grant === 'wrong') {
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

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new RequestError(
      400,
      'malformed',
      `Expected a JSON object, got text that is not JSON: ${(error as Error).message}`,
    );
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    // The rest of a body that was refused is not read.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(body);
}
