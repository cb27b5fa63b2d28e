/** Who is behind a socket: told by a header, or by the first message where a page can set none. */
import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import { WireError } from '../errors.js';
import { closeCodes, decodeClient, encodeServer, type Fault, type Subprotocol } from '../wire/messages.js';
import { countOne } from './counts.js';
import type { Grant } from './grant.js';
import { isOwnPage } from './hosts.js';
import type { Connection, Hub } from './hub.js';
import { bearerOf } from './tokens.js';

/**
 * The grant of a request: that of its token, or without tokens that of everyone. `wrong` is a header with no token of ours;
 * undefined is none at all, where one is needed.
 */
export function grantOf(hub: Hub, request: IncomingMessage): Grant | 'wrong' | undefined {
  if (hub.tokens === undefined) {
    const { allowShared } = hub.settings;
    return (allowShared === 'own-pages' ? isOwnPage(request) : allowShared) ? hub.everyone.sharing : hub.everyone.plain;
  }
  const token = bearerOf(request.headers.authorization);
  return token === undefined ? undefined : (hub.tokens.find(token) ?? 'wrong');
}

/** Tells why a connection is not served, and when to come back where that is of use; then closes it. */
export function turnAway(
  hub: Hub,
  webSocket: WebSocket,
  subprotocol: Subprotocol,
  closeCode: number,
  why: Pick<Fault, 'code' | 'message'> & Partial<Fault>,
): void {
  const fault: Fault = { type: 'fault', session: 0, retryable: false, ...why };
  countOne(hub.counts.faults, why.code);
  webSocket.send(encodeServer(fault, subprotocol));
  const { retryAfterMilliseconds } = fault;
  webSocket.close(closeCode, retryAfterMilliseconds ? `come back in ${retryAfterMilliseconds} ms` : why.code);
}

/** Waits for the first message, which must be `authenticate`, for as long as the settings say. */
export function awaitToken(
  hub: Hub,
  webSocket: WebSocket,
  subprotocol: Subprotocol,
  admit: (grant: Grant) => void,
): void {
  const { settings, connections } = hub;
  const refuse = (message: string): void => {
    hub.counts.unauthorised++;
    hub.log.warn({}, 'connection without a token');
    leave();
    turnAway(hub, webSocket, subprotocol, closeCodes.unauthorised, { code: 'not_permitted', message });
  };
  const deadline = setTimeout(() => {
    refuse(`Expected a token within ${settings.authenticationTimeout} ms, got none`);
  }, settings.authenticationTimeout);
  deadline.unref();

  function onMessage(data: RawData, isBinary: boolean): void {
    let grant: Grant | undefined;
    try {
      const message = decodeClient(data as Buffer, isBinary, subprotocol, settings.limits);
      if (message.type === 'authenticate') grant = hub.tokens?.find(message.token);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    if (grant === undefined) {
      refuse('Expected the header authorization, or the first message authenticate with a token of this server');
      return;
    }
    leave();
    admit(grant);
  }

  function leave(): void {
    clearTimeout(deadline);
    connections.delete(waiting);
    hub.unauthenticated--;
    webSocket.off('message', onMessage);
    webSocket.off('close', leave);
  }

  const waiting: Connection = {
    shut(code, reason) {
      leave();
      webSocket.close(code, reason);
    },
    heartbeat() {},
    sweep() {},
    terminate: () => webSocket.terminate(),
    unsentBytes: () => webSocket.bufferedAmount,
    describe: () => ({ connection: 0, client: '', unsentBytes: webSocket.bufferedAmount, sessions: [] }),
  };
  hub.unauthenticated++;
  connections.add(waiting);
  webSocket.on('message', onMessage);
  webSocket.on('close', leave);
}
