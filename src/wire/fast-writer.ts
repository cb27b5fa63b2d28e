/** Writes protobuf messages whose sizes were counted before: each number goes to its place at once. */
import { bytesFromFloats } from './floats.js';

/** Memory to write in, as bytes and as numbers. A typed array takes some time to tell its `buffer`. */
export interface Page {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
}

export function createPage(size: number): Page {
  const buffer = new ArrayBuffer(size);
  return { buffer, bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}

const pageSize = 16_384;

/** Up to here a loop is faster than a copy, which needs a view. */
const fewFloats = 64;

let page = createPage(0);
let used = 0;

/** A message of `size` bytes, which `write` writes from the place it is given: a view of a page that it shares with others. */
export function writeMessage(size: number, write: (page: Page, at: number) => void): Uint8Array<ArrayBuffer> {
  const at = takeRoom(size);
  write(page, at);
  return new Uint8Array(page.buffer, at, size);
}

/** A message as one of its own, where the memory that it lies in is used again. */
export function copyMessage(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = message.length;
  const at = takeRoom(size);
  page.bytes.set(message, at);
  return new Uint8Array(page.buffer, at, size);
}

function takeRoom(size: number): number {
  if (used + size > page.bytes.length) {
    page = createPage(Math.max(pageSize, size));
    used = 0;
  }
  const at = used;
  used += size;
  return at;
}

export const uint32 = 2 ** 32 - 1;
/** Numbers on the wire are read as such: no larger whole number is exact. */
export const uint64 = Number.MAX_SAFE_INTEGER;

/** Whether a number can be sent as whole. */
export function isUnsigned(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

/** Bytes of a whole number from 0 to 2^53 - 1. */
export function sizeOfVarint(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  if (value < 2_097_152) return 3;
  let size = 4;
  for (let rest = value / 268_435_456; rest >= 1; rest /= 128) size++;
  return size;
}

/** Each of these writes at a place, and returns where it ends. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest > 0x7fffffff) {
    bytes[at++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** A field of a whole number; nothing where it is 0. */
export function sizeOfUnsigned(value: number): number {
  return value === 0 ? 0 : 1 + sizeOfVarint(value);
}

export function putUnsigned(bytes: Uint8Array, at: number, tag: number, value: number): number {
  return value === 0 ? at : putHead(bytes, at, tag, value);
}

/** A field of so many bytes, with its tag and their number. */
export function sizeOfPart(length: number): number {
  return 1 + sizeOfVarint(length) + length;
}

/** A tag, and the number of bytes that follow (or any other). */
export function putHead(bytes: Uint8Array, at: number, tag: number, length: number): number {
  bytes[at] = tag;
  return putVarint(bytes, at + 1, length);
}

/** Numbers as packed little-endian float32. */
export function putFloats({ bytes, view }: Page, at: number, floats: Float32Array): number {
  const { length } = floats;
  if (length > fewFloats) {
    bytes.set(bytesFromFloats(floats), at);
  } else {
    for (let i = 0; i < length; i++) view.setFloat32(at + 4 * i, floats[i], true);
  }
  return at + 4 * length;
}
