import type { ClientMessage } from './client-messages.js';
import { asBytes, decode, encode } from './envelope.js';
import { decodeFrames, encodeFrames } from './fast-frames.js';
import { encodeLosses } from './fast-losses.js';
import { decodePredictions } from './fast-predictions.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { ServerMessage } from './server-messages.js';
import type { Subprotocol, WireData } from './subprotocol.js';
import { validateClient } from './validate.js';

/** A client's message as bytes or text. Throws `WireError` for a number or name that cannot be sent. */
export function encodeClient(message: ClientMessage, subprotocol: Subprotocol): WireData {
  const fast = subprotocol === 'eddy.v1.proto' && message.type === 'frames' ? encodeFrames(message) : undefined;
  return fast ?? encode('ClientMessage', message, subprotocol);
}

/** A server's message as bytes or text. Throws `WireError` for a number or name that cannot be sent. */
export function encodeServer(message: ServerMessage, subprotocol: Subprotocol): WireData {
  const fast = subprotocol === 'eddy.v1.proto' && message.type === 'losses' ? encodeLosses(message) : undefined;
  return fast ?? encode('ServerMessage', message, subprotocol);
}

/**
 * Reads what a client sent: `data` and `isBinary` as the `message` event of `ws` has them.
 * Throws `WireError`, `malformed` or `invalid`, for anything that is not one whole message within the limits.
 */
export function decodeClient(
  data: string | Uint8Array | ArrayBuffer,
  isBinary: boolean,
  subprotocol: Subprotocol,
  limits: WireLimits = defaultLimits,
): ClientMessage {
  if (isBinary && subprotocol === 'eddy.v1.proto') {
    const fast = decodeFrames(asBytes(data), limits);
    if (fast !== undefined) {
      return fast;
    }
  }
  const message = decode('client', data, isBinary, subprotocol, limits) as ClientMessage;
  validateClient(message, limits);
  return message;
}

/** Reads what a server sent. Throws `WireError` as `decodeClient` does. */
export function decodeServer(
  data: string | Uint8Array | ArrayBuffer,
  isBinary: boolean,
  subprotocol: Subprotocol,
  limits: WireLimits = defaultLimits,
): ServerMessage {
  const fast = isBinary && subprotocol === 'eddy.v1.proto' ? decodePredictions(asBytes(data), limits) : undefined;
  return fast ?? (decode('server', data, isBinary, subprotocol, limits) as ServerMessage);
}
