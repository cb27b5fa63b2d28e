import { WireError } from '../errors.js';

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Up to here a typed array lies in the heap and costs little; beyond, a view into a slab costs a third of an array of its own. */
const smallest = 16;

/** Numbers. */
const slabSize = 4096;

/** Bytes of a message beside its numbers, about: it is copied whole, since a part of it would be a view more. */
const around = 64;

let slab = new ArrayBuffer(0);
let slabBytes = new Uint8Array(slab);
let used = 0;

/**
 * Packed little-endian float32 as numbers: always a copy, since bytes on the wire are seldom aligned. It may be a view
 * into a slab of 16 KiB that it keeps alive: copy what is to rest.
 */
export function floatsFromBytes(bytes: Uint8Array, name = 'data'): Float32Array {
  if (bytes.length % 4 !== 0) {
    throw new WireError(`Expected ${name} to be float32 numbers of 4 bytes each, got ${bytes.length} bytes`, 'invalid');
  }
  return readFloats(bytes, 0, bytes.length / 4);
}

/** `count` little-endian float32 numbers of `bytes` from `start`, as `floatsFromBytes` gives them. */
export function readFloats(bytes: Uint8Array, start: number, count: number): Float32Array {
  if (count <= smallest || count > slabSize || !littleEndian) {
    const floats = new Float32Array(count);
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, count * 4);
    for (let i = 0; i < count; i++) {
      floats[i] = view.getFloat32(4 * i, true);
    }
    return floats;
  }
  const whole = bytes.length - 4 * count <= around;
  const copied = whole ? bytes : bytes.subarray(start, start + 4 * count);
  const before = whole ? start : 0;
  if (used + copied.length + 4 > slab.byteLength) {
    slab = new ArrayBuffer(4 * slabSize + around + 4);
    slabBytes = new Uint8Array(slab);
    used = 0;
  }
  // The numbers lie at a multiple of 4.
  const place = used + (-(used + before) & 3);
  slabBytes.set(copied, place);
  used = place + copied.length;
  return new Float32Array(slab, place + before, count);
}

/** Float32 numbers as packed little-endian bytes; a view of the same memory where the machine is little-endian. */
export function bytesFromFloats(floats: Float32Array): Uint8Array {
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  if (littleEndian) {
    return bytes;
  }
  const copy = bytes.slice();
  for (let i = 0; i < copy.length; i += 4) {
    copy.subarray(i, i + 4).reverse();
  }
  return copy;
}

/** Packed little-endian int16 samples as numbers in -1..1. */
export function floatsFromInt16(bytes: Uint8Array): Float32Array {
  if (bytes.length % 2 !== 0) {
    throw new WireError(`Expected int16 to be samples of 2 bytes each, got ${bytes.length} bytes`, 'invalid');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) / 32768);
}

/** Int16 samples as packed little-endian bytes. */
export function bytesFromInt16(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  samples.forEach((sample, i) => {
    view.setInt16(2 * i, sample, true);
  });
  return bytes;
}

/** The shortest decimal number that reads back as the same float32. */
export function shortestFloat(value: number): number {
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) {
      return short;
    }
  }
  return value;
}
