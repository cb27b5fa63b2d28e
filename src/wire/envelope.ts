/** Any message through the generated module or the JSON form; `codec.ts` puts a faster way before it for two of them. */
import { WireError } from '../errors.js';
import type { ClientMessage } from './client-messages.js';
import { eddy } from './eddy.generated.js';
import { fromJson, toJson } from './json.js';
import type { WireLimits } from './limits.js';
import { type Sender, toPlain, toRecord } from './records.js';
import { checkSize, scanBinary, scanJson } from './scan.js';
import { fieldsOf, type Plain } from './schema.js';
import type { ServerMessage } from './server-messages.js';
import type { Subprotocol, WireData } from './subprotocol.js';

type Envelope = 'ClientMessage' | 'ServerMessage';

/** A record as bytes or text. Throws `WireError` for a number or name that cannot be sent. */
export function encode(envelope: Envelope, message: ClientMessage | ServerMessage, subprotocol: Subprotocol): WireData {
  const { type, session } = message;
  if (!fieldsOf(envelope).some(field => field.name === type)) {
    throw new WireError(`Expected type to be a message of ${envelope}, got ${type}`, 'invalid');
  }
  const json = subprotocol === 'eddy.v1.json';
  const plain = toPlain(envelope, { session, [type]: message }, json);
  return json
    ? JSON.stringify(toJson(envelope, plain))
    : (eddy.v1[envelope].encode(plain).finish() as Uint8Array<ArrayBuffer>);
}

/** The record that bytes or text hold, checked in its sizes and single values. Throws `WireError`. */
export function decode(
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

function fromBytes(envelope: Envelope, data: string | Uint8Array | ArrayBuffer, limits: WireLimits): Plain {
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

function fromText(envelope: Envelope, data: string | Uint8Array | ArrayBuffer, limits: WireLimits): Plain {
  const json = parse(data, limits);
  try {
    return fromJson(envelope, json);
  } catch (error) {
    const session = (json as Plain | null)?.session;
    throw inSession(error, Number.isSafeInteger(session) ? (session as number) : 0);
  }
}

function parse(data: string | Uint8Array | ArrayBuffer, limits: WireLimits): unknown {
  checkSize(typeof data === 'string' ? data.length : data.byteLength, limits);
  try {
    const text = typeof data === 'string' ? data : new TextDecoder('utf-8', { fatal: true }).decode(data);
    scanJson(text, limits);
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof WireError
      ? error
      : new WireError(`Expected a JSON message, got text that is not JSON: ${(error as Error).message}`, 'malformed');
  }
}

/** One flat record: the envelope's session, and the name of its only message as `type`. */
function fromEnvelope(envelope: Envelope, plain: Plain, sender: Sender): unknown {
  const session = Object.hasOwn(plain, 'session') ? (plain.session as number) : 0;
  try {
    for (const field of fieldsOf(envelope)) {
      if (field.type === 'message' && Object.hasOwn(plain, field.name) && plain[field.name] !== null) {
        const record = toRecord(field.ref!, plain[field.name] as Plain, sender) as Plain;
        return { type: field.name, session, ...record };
      }
    }
  } catch (error) {
    throw inSession(error, session);
  }
  throw new WireError(`Expected one message of ${envelope}, got none that is known`, 'invalid', session);
}

/** The same error, naming the session whose message it was. */
export function inSession(error: unknown, session: number): unknown {
  return error instanceof WireError ? new WireError(error.message, error.fault, session) : error;
}

/** Text as UTF-8, a buffer as a view. */
export function asBytes(data: string | Uint8Array | ArrayBuffer): Uint8Array {
  return typeof data === 'string'
    ? new TextEncoder().encode(data)
    : data instanceof Uint8Array
      ? data
      : new Uint8Array(data);
}
