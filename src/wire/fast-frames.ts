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
  type Page,
  putFloats,
  putHead,
  putUnsigned,
  putVarint,
  sizeOfPart,
  sizeOfUnsigned,
  sizeOfVarint,
  uint32,
  uint64,
  writeMessage,
} from './fast-writer.js';
import type { WireLimits } from './limits.js';

/** Frames of tokens or features without targets, as the generated module would write them; undefined for any other. */
export function encodeFrames(message: Frames): Uint8Array<ArrayBuffer> | undefined {
  const { session, firstSeq, ack, payload, targets } = message;
  if (
    targets !== undefined ||
    !isUnsigned(session, uint32) ||
    !isUnsigned(firstSeq, uint64) ||
    !isUnsigned(ack ?? 0, uint64) ||
    !isPlain(payload)
  ) {
    return undefined;
  }
  const held = sizeOfPayload(payload);
  const acked = ack === undefined ? 0 : 1 + sizeOfVarint(ack);
  const length = sizeOfUnsigned(firstSeq) + acked + sizeOfPart(held);
  return writeMessage(sizeOfUnsigned(session) + sizeOfPart(length), (page, start) => {
    const { bytes } = page;
    let at = putUnsigned(bytes, start, 0x08, session);
    at = putHead(bytes, at, 0x1a, length);
    at = putUnsigned(bytes, at, 0x08, firstSeq);
    if (ack !== undefined) {
      at = putHead(bytes, at, 0x10, ack);
    }
    at = putHead(bytes, at, payload.kind === 'tokens' ? 0x1a : 0x22, held);
    putPayload(page, at, payload);
  });
}

type Plain = Extract<Payload, { kind: 'tokens' | 'features' }>;

function isPlain(payload: Payload): payload is Plain {
  return payload.kind === 'tokens'
    ? payload.ids.every(id => isUnsigned(id, uint32))
    : payload.kind === 'features' && isUnsigned(payload.rows, uint32);
}

function sizeOfPayload(payload: Plain): number {
  if (payload.kind === 'tokens') {
    return payload.ids.length === 0 ? 0 : sizeOfPart(sizeOfIds(payload.ids));
  }
  const { rows, values } = payload;
  const many = rows > 1 ? 1 + sizeOfVarint(rows) : 0;
  return values.length === 0 ? many : many + sizeOfPart(4 * values.length);
}

function sizeOfIds(ids: readonly number[]): number {
  return ids.reduce((size, id) => size + sizeOfVarint(id), 0);
}

function putPayload(page: Page, start: number, payload: Plain): void {
  const { bytes } = page;
  let at = start;
  if (payload.kind === 'features') {
    const { rows, values } = payload;
    if (rows > 1) {
      at = putHead(bytes, at, 0x08, rows);
    }
    if (values.length > 0) {
      putFloats(page, putHead(bytes, at, 0x12, 4 * values.length), values);
    }
  } else if (payload.ids.length > 0) {
    at = putHead(bytes, at, 0x0a, sizeOfIds(payload.ids));
    for (const id of payload.ids) {
      at = putVarint(bytes, at, id);
    }
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
