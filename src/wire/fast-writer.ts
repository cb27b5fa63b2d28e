/**
 * Writes a protobuf message from its end to its beginning, so that the length of every part is known when its prefix is
 * written. Messages are views into slabs of 16 KiB, taken from the top down; a finished one is never written again.
 */
import { bytesFromFloats } from './floats.js';

const slabSize = 16_384;

/** Up to here a loop is faster than a copy, which needs a view. */
const fewFloats = 64;
const fewBytes = 128;

let slab = new Uint8Array(0);
let view = new DataView(slab.buffer);
let at = 0;
let end = 0;

/** Starts a message of at most `most` bytes, and none other until it is taken. */
export function startMessage(most: number): void {
  if (at < most) {
    slab = new Uint8Array(Math.max(slabSize, most));
    view = new DataView(slab.buffer);
    at = slab.length;
  }
  end = at;
}

/** The message that was written since `startMessage`. */
export function takeMessage(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(slab.buffer, at, end - at);
}

/** Puts what was written since `startMessage` into `target` from `place`, and takes nothing of the slab; returns its end. */
export function moveMessage(target: Uint8Array, place: number): number {
  const length = end - at;
  if (length > fewBytes) target.set(new Uint8Array(slab.buffer, at, length), place);
  else for (let i = 0; i < length; i++) target[place + i] = slab[at + i];
  at = end;
  return place + length;
}

/** Where the writing stands: the difference of two positions is what was written between. */
export function position(): number {
  return at;
}

export function putByte(byte: number): void {
  slab[--at] = byte;
}

/** A whole number from 0 to 2^53 - 1. */
export function putVarint(value: number): void {
  if (value < 128) {
    slab[--at] = value;
    return;
  }
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) {
    size++;
  }
  at -= size;
  let rest = value;
  for (let i = 0; i < size - 1; i++) {
    slab[at + i] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  slab[at + size - 1] = rest;
}

/** A field of a whole number; nothing where it is 0. */
export function putUnsigned(tag: number, value: number): void {
  if (value !== 0) {
    putVarint(value);
    slab[--at] = tag;
  }
}

export const uint32 = 2 ** 32 - 1;
/** Numbers on the wire are read as such: no larger whole number is exact. */
export const uint64 = Number.MAX_SAFE_INTEGER;

/** Whether a number can be sent as whole. */
export function isUnsigned(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

/** The tag and length of what was written since `after`. */
export function putLength(tag: number, after: number): void {
  putLengthWith(tag, after, 0);
}

/** The same where so many bytes more will follow. */
export function putLengthWith(tag: number, after: number, more: number): void {
  putVarint(after - at + more);
  slab[--at] = tag;
}

export function putDouble(value: number): void {
  at -= 8;
  view.setFloat64(at, value, true);
}

/** A message as one of its own, where the memory that it lies in is used again. */
export function copyMessage(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  startMessage(bytes.length);
  at -= bytes.length;
  if (bytes.length > fewBytes) slab.set(bytes, at);
  else for (let i = 0; i < bytes.length; i++) slab[at + i] = bytes[i];
  return takeMessage();
}

/** Numbers as packed little-endian float32. */
export function putFloats(floats: Float32Array): void {
  at -= floats.length * 4;
  if (floats.length > fewFloats) {
    slab.set(bytesFromFloats(floats), at);
    return;
  }
  for (let i = 0; i < floats.length; i++) {
    view.setFloat32(at + 4 * i, floats[i], true);
  }
}
