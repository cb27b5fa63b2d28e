import type { Floats } from '../kernels/memory.js';

/**
 * Room for emitted arrays: views into pieces of 64 KB, since a small view of a shared buffer costs a fifth of a small array
 * of its own. What is kept for long is copied out by whoever keeps it: one view keeps its whole piece.
 */
export interface Slab {
  /** Room for `length` numbers: their place in `floats()`. */
  take(length: number): number;
  /** The piece that the last `take` was from. */
  floats(): Floats;
  /** Its memory. */
  buffer(): ArrayBuffer;
}

const most = 16384;

/** @param pieceLength numbers in a piece, where fewer than 64 KB do */
export function createSlab(create: (length: number) => Floats, pieceLength = most): Slab {
  let piece = create(0);
  let buffer = piece.buffer as ArrayBuffer;
  let next = 0;
  return {
    floats: () => piece,
    buffer: () => buffer,
    take(length) {
      if (next + length > piece.length) {
        piece = create(Math.max(length, length > pieceLength / 4 ? 0 : pieceLength));
        buffer = piece.buffer as ArrayBuffer;
        next = 0;
      }
      const place = next;
      next += length;
      return place;
    },
  };
}

/** Up to here a loop is faster than a view of a part, which a copy of it needs. */
export const fewNumbers = 40;

/** Makes the function that copies rows, or parts of them, pieces of about so many numbers at a time. */
export function createRowCopy(
  pieceLength: number,
): (row: Float32Array, from?: number, length?: number) => Float32Array {
  const slab = createSlab(length => new Float32Array(length), Math.min(pieceLength, most));
  return (row, from = 0, length = row.length) => {
    const place = slab.take(length);
    const floats = slab.floats();
    if (length === row.length) floats.set(row, place);
    else if (length > fewNumbers) floats.set(row.subarray(from, from + length), place);
    else for (let i = 0; i < length; i++) floats[place + i] = row[from + i];
    return new Float32Array(slab.buffer(), place * Float32Array.BYTES_PER_ELEMENT, length);
  };
}
