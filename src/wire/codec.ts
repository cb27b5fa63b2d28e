import { WireError } from '../errors.js';
import type { ClientMessage } from './client-messages.js';
import { eddy } from './eddy.generated.js';
import { fromJson, toJson } from './json.js';
import { defaultLimits, type WireLimits } from './limits.js';
import { type Sender, toPlain, toRecord } from './records.js';
import { checkSize, scanBinary, scanJson } from './scan.js';
import { fieldsOf, type Plain } from './schema.js';
import type { ServerMessage } from './server-messages.js';
import { validateClient } from './validate.js';

/** The subprotocols, the preferred one first. */
export const subprotocols = ['eddy.v1.proto', 'eddy.v1.json'] as const;

export type Subprotocol = (typeof subprotocols)[number];

/** What a socket sends: bytes on `eddy.v1.proto`, text on `eddy.v1.json`. */
export type WireData = Uint8Array<ArrayBuffer> | string;

export function isSubprotocol(name: string): name is Subprotocol {
  return (subprotocols as readonly string[]).includes(name);
}

/** A client's message as bytes or text. Throws `WireError` for a number or name that cannot be sent. */
export function encodeClient(message: ClientMessage, subprotocol: Subprotocol): WireData {
  return encode('ClientMessage', message, subprotocol);
}

/** A server's message as bytes or text. Throws `WireError` for a number or name that cannot be sent. */
export function encodeServer(message: ServerMessage, subprotocol: Subprotocol): WireData {
  return encode('ServerMessage', message, subprotocol);
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
  return decode('server', data, isBinary, subprotocol, limits) as ServerMessage;
}

function encode(
  envelope: 'ClientMessage' | 'ServerMessage',
  message: ClientMessage | ServerMessage,
  subprotocol: Subprotocol,
) {
  const { type, session } = message;
  const json = subprotocol === 'eddy.v1.json';
  const plain = toPlain(envelope, { session, [type]: message }, json);
  return json
    ? JSON.stringify(toJson(envelope, plain))
    : (eddy.v1[envelope].encode(plain).finish() as Uint8Array<ArrayBuffer>);
}

function decode(
  sender: Sender,
  data: string | Uint8Array | ArrayBuffer,
  isBinary: boolean,
  subprotocol: Subprotocol,
  limits: WireLimits,
): unknown {
  const envelope = sender === 'client' ? 'ClientMessage' : 'ServerMessage';
  if (isBinary !== (subprotocol === 'eddy.v1.proto')) {
    const [expected, got] = isBinary ? ['text', 'bytes'] : ['binary', 'text'];
    throw new WireError(`Expected ${expected} messages on ${subprotocol}, got ${got}`, 'malformed');
  }
  return fromEnvelope(
    envelope,
    isBinary ? fromBytes(envelope, data, limits) : fromText(envelope, data, limits),
    sender,
  );
}

function fromBytes(
  envelope: 'ClientMessage' | 'ServerMessage',
  data: string | Uint8Array | ArrayBuffer,
  limits: WireLimits,
): Plain {
  const bytes = asBytes(data);
  scanBinary(envelope, bytes, limits);
  try {
    return eddy.v1[envelope].decode(bytes) as unknown as Plain;
  } catch (error) {
    throw new WireError(
      `Expected a protobuf message, got one that cannot be read: ${(error as Error).message}`,
      'malformed',
    );
  }
}

function fromText(envelope: string, data: string | Uint8Array | ArrayBuffer, limits: WireLimits): Plain {
  let text: string;
  let json: unknown;
  try {
    if (typeof data !== 'string') {
      checkSize(data.byteLength, limits);
    }
    text = typeof data === 'string' ? data : new TextDecoder('utf-8', { fatal: true }).decode(data);
    scanJson(text, limits);
    json = JSON.parse(text);
  } catch (error) {
    throw error instanceof WireError
      ? error
      : new WireError(`Expected a JSON message, got text that is not JSON: ${(error as Error).message}`, 'malformed');
  }
  return fromJson(envelope, json);
}

/** One flat record: the envelope's session, and the name of its only message as `type`. */
function fromEnvelope(envelope: string, plain: Plain, sender: Sender): unknown {
  const session = Object.hasOwn(plain, 'session') ? (plain.session as number) : 0;
  try {
    for (const field of fieldsOf(envelope)) {
      if (field.type === 'message' && Object.hasOwn(plain, field.name) && plain[field.name] !== null) {
        const record = toRecord(field.ref!, plain[field.name] as Plain, sender) as Plain;
        return { type: field.name, session, ...record };
      }
    }
  } catch (error) {
    throw error instanceof WireError ? new WireError(error.message, error.fault, session) : error;
  }
  throw new WireError(`Expected one message of ${envelope}, got none that is known`, 'invalid', session);
}

function asBytes(data: string | Uint8Array | ArrayBuffer): Uint8Array {
  return typeof data === 'string'
    ? new TextEncoder().encode(data)
    : data instanceof Uint8Array
      ? data
      : new Uint8Array(data);
}
