import type { Frames, Payload } from './client-messages.js';
import {
  type Cursor,
  takeEnd,
  takePackedFloats,
  takePackedUint32,
  takeTag,
  takeVarint,
  unusual,
} from './fast-reader.js';
import {
  isUnsigned,
  position,
  putByte,
  putFloats,
  putLength,
  putVarint,
  startMessage,
  takeMessage,
  uint32,
  uint64,
} from './fast-writer.js';
import type { WireLimits } from './limits.js';

/** Frames of tokens or features without targets, as the generated module would write them; undefined for any other. */
export function encodeFrames(message: Frames): Uint8Array<ArrayBuffer> | undefined {
  const { session, firstSeq, ack, payload, targets } = message;
  if (
    targets !== undefined ||
    !isUnsigned(session, uint32) ||
    !isUnsigned(firstSeq, uint64) ||
    !isUnsigned(ack ?? 0, uint64)
  ) {
    return undefined;
  }
  const tokens = payload.kind === 'tokens';
  if (
    tokens
      ? !payload.ids.every(id => isUnsigned(id, uint32))
      : payload.kind !== 'features' || !isUnsigned(payload.rows, uint32)
  ) {
    return undefined;
  }
  startMessage(64 + (tokens ? 5 * payload.ids.length : 4 * (payload as { values: Float32Array }).values.length));
  const end = position();
  putPayload(payload);
  if (ack !== undefined) {
    putVarint(ack);
    putByte(0x10);
  }
  if (firstSeq !== 0) {
    putVarint(firstSeq);
    putByte(0x08);
  }
  putLength(0x1a, end);
  if (session !== 0) {
    putVarint(session);
    putByte(0x08);
  }
  return takeMessage();
}

function putPayload(payload: Payload): void {
  const end = position();
  if (payload.kind === 'tokens') {
    for (let i = payload.ids.length - 1; i >= 0; i--) {
      putVarint(payload.ids[i]);
    }
    if (payload.ids.length > 0) {
      putLength(0x0a, end);
    }
    putLength(0x1a, end);
  } else if (payload.kind === 'features') {
    if (payload.values.length > 0) {
      putFloats(payload.values);
      putLength(0x12, end);
    }
    if (payload.rows > 1) {
      putVarint(payload.rows);
      putByte(0x08);
    }
    putLength(0x22, end);
  }
}

/** Frames of tokens or features without targets, in the form above and within the limits; undefined for any other. */
export function decodeFrames(bytes: Uint8Array, limits: WireLimits): Frames | undefined {
  const end = bytes.length;
  if (end > limits.maxBytes || bytes[0] !== 0x08) {
    return undefined;
  }
  const cursor: Cursor = { bytes, at: 1, items: 1 };
  const session = takeVarint(cursor, end, uint32);
  if (session < 1 || !takeTag(cursor, 0x1a, end) || takeEnd(cursor, end) !== end || !takeTag(cursor, 0x08, end)) {
    return undefined;
  }
  const firstSeq = takeVarint(cursor, end, uint64);
  const ack = takeTag(cursor, 0x10, end) ? takeVarint(cursor, end, uint64) : undefined;
  if (firstSeq < 1 || ack === unusual) {
    return undefined;
  }
  const payload = takeTag(cursor, 0x22, end)
    ? takeFeatures(cursor, limits)
    : takeTag(cursor, 0x1a, end)
      ? takeTokens(cursor, limits)
      : undefined;
  const count = payload === undefined ? 0 : payload.kind === 'features' ? payload.rows : payload.ids.length;
  if (payload === undefined || !Number.isSafeInteger(firstSeq + count) || cursor.items > limits.maxItems) {
    return undefined;
  }
  return ack === undefined
    ? { type: 'frames', session, firstSeq, payload }
    : { type: 'frames', session, firstSeq, ack, payload };
}

function takeFeatures(cursor: Cursor, limits: WireLimits): Extract<Payload, { kind: 'features' }> | undefined {
  const end = cursor.bytes.length;
  if (takeEnd(cursor, end) !== end) {
    return undefined;
  }
  const rows = takeTag(cursor, 0x08, end) ? takeVarint(cursor, end, limits.maxFrames) : 1;
  if (rows < 1 || !takeTag(cursor, 0x12, end)) {
    return undefined;
  }
  const values = takePackedFloats(cursor, end);
  if (
    values === undefined ||
    values.length === 0 ||
    values.length % rows !== 0 ||
    values.length / rows > limits.maxSize
  ) {
    return undefined;
  }
  return { kind: 'features', rows, values };
}

function takeTokens(cursor: Cursor, limits: WireLimits): Extract<Payload, { kind: 'tokens' }> | undefined {
  const end = cursor.bytes.length;
  if (takeEnd(cursor, end) !== end || !takeTag(cursor, 0x0a, end) || end - cursor.at > 5 * limits.maxFrames) {
    return undefined;
  }
  const ids = takePackedUint32(cursor, end);
  return ids === undefined || cursor.at !== end || ids.length === 0 || ids.length > limits.maxFrames
    ? undefined
    : { kind: 'tokens', ids };
}
