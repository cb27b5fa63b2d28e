import { WireError } from '../errors.js';

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Packed little-endian float32 as numbers of their own: always a copy, since bytes on the wire are seldom aligned. */
export function floatsFromBytes(bytes: Uint8Array, name = 'data'): Float32Array {
  if (bytes.length % 4 !== 0) {
    throw new WireError(`Expected ${name} to be float32 numbers of 4 bytes each, got ${bytes.length} bytes`, 'invalid');
  }
  const floats = new Float32Array(bytes.length / 4);
  const target = new Uint8Array(floats.buffer);
  target.set(bytes);
  return littleEndian ? floats : swapped(target, floats);
}

/** Float32 numbers as packed little-endian bytes; a view of the same memory where the machine is little-endian. */
export function bytesFromFloats(floats: Float32Array): Uint8Array {
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  if (littleEndian) {
    return bytes;
  }
  const copy = bytes.slice();
  swapped(copy, floats);
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
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) {
      return short;
    }
  }
  return value;
}

function swapped(bytes: Uint8Array, floats: Float32Array): Float32Array {
  for (let i = 0; i < bytes.length; i += 4) {
    bytes.subarray(i, i + 4).reverse();
  }
  return floats;
}
