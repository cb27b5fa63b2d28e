import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { closeCodes, isSubprotocol, type Subprotocol, subprotocols } from '../wire/messages.js';
import { awaitToken, grantOf, turnAway } from './admission.js';
import { connect } from './connection.js';
import { countClose } from './counts.js';
import type { Grant } from './grant.js';
import { hostAllowed, originAllowed } from './hosts.js';
import type { Hub } from './hub.js';
import { takeMessages } from './incoming.js';
import { takeOriginForm } from './target.js';

/** Takes the sockets that ask for one of our subprotocols at our path; others get an HTTP answer that says why. */
export function createUpgrade(hub: Hub): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const { settings } = hub;
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Messages that are taken before it keep their order among its own.
    allowSynchronousEvents: true,
    maxPayload: settings.maxPayload,
    maxFragments: settings.maxFragments,
    // Who does not answer a close is ended. The types do not know of it.
    ...({ closeTimeout: Math.max(1, settings.grace) } as object),
    handleProtocols: offered => subprotocols.find(name => offered.has(name)) ?? false,
  });
  /** Of those that `ws` has refused something of, the close codes that it sends. */
  const refusals = new WeakMap<WebSocket, number>();
  // Listeners without anything of their connection: each would keep what they see of it.
  function noteRefusal(this: WebSocket, error: Error): void {
    const code = closeCodeOf(error);
    if (code !== undefined) refusals.set(this, code);
  }
  function countEnd(this: WebSocket, code: number): void {
    countClose(hub.counts, refusals.get(this) ?? code);
  }
  return (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    takeOriginForm(request);
    if (!hostAllowed(request, settings.host, settings.origins)) {
      refuse(socket, 403, `Expected a host of this machine, got ${request.headers.host}; see the option origins`);
      return;
    }
    const path = (request.url ?? '/').split('?')[0];
    if (path !== settings.path) {
      refuse(socket, 404, `Expected the path ${settings.path}, got ${path}`);
      return;
    }
    if (!originAllowed(request, settings.origins)) {
      refuse(socket, 403, `Expected a page of this host, got one of ${request.headers.origin}; see the option origins`);
      return;
    }
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim());
    if (!offered.some(isSubprotocol)) {
      refuse(socket, 400, `Expected a subprotocol of ${subprotocols.join(', ')}, got ${offered.join(', ') || 'none'}`);
      return;
    }
    const grant = grantOf(hub, request);
    if (grant === 'wrong') {
      hub.counts.unauthorised++;
      hub.log.warn({ address: request.socket.remoteAddress }, 'wrong token');
      refuse(socket, 401, 'Expected a token of this server in the header authorization, got another');
      return;
    }
    sockets.handleUpgrade(request, socket, head, webSocket => {
      webSocket.on('error', noteRefusal);
      webSocket.on('close', countEnd);
      takeMessages(webSocket, socket, settings.maxPayload);
      const subprotocol = webSocket.protocol as Subprotocol;
      const full = (most: number, what: string): void => {
        const message = `Expected at most ${most} ${what}, got one more`;
        // Not all at once again.
        const retryAfterMilliseconds = Math.ceil(settings.retryAfter * (1 + Math.random()));
        const details = { code: 'limit_reached', message, retryable: true, retryAfterMilliseconds } as const;
        turnAway(hub, webSocket, subprotocol, closeCodes.tryLater, details);
      };
      const admit = (admitted: Grant): void => {
        if (admitted.connections >= admitted.maxConnections) full(admitted.maxConnections, 'connections of this token');
        else connect(hub, webSocket, socket, subprotocol, admitted);
      };
      if (hub.draining) webSocket.close(closeCodes.restart, 'the server closes');
      else if (hub.connections.size >= settings.maxConnections) full(settings.maxConnections, 'connections');
      else if (grant !== undefined) admit(grant);
      else if (hub.unauthenticated >= settings.maxUnauthenticated) full(settings.maxUnauthenticated, 'without a token');
      else awaitToken(hub, webSocket, subprotocol, admit);
    });
  };
}

/** What `ws` closes with: it does not read the answer to it, and tells of 1006. */
function closeCodeOf({ code }: Error & { readonly code?: string }): number | undefined {
  if (code?.startsWith('WS_ERR_') !== true) return undefined;
  if (code.endsWith('_LENGTH') && code !== 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH') return 1009;
  return code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS' ? 1008 : code === 'WS_ERR_INVALID_UTF8' ? 1007 : 1002;
}

function refuse(socket: Duplex, status: number, reason: string): void {
  const body = JSON.stringify({ error: { code: 'upgrade_refused', message: reason } });
  // A peer that keeps its half open would keep the socket.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
