/** Reads protobuf fields in the one form that our own writers give them; anything else is left to the generated module. */
import { uint32 } from './fast-writer.js';
import { readFloats } from './floats.js';

/** A place in a message. `items` counts fields as the scan of a message does. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  items: number;
}

/** What a reader returns for a form that is unusual or wrong. */
export const unusual = -1;

/** Whether the next byte is this tag, and stands before `end`; it is then passed. */
export function takeTag(cursor: Cursor, tag: number, end: number): boolean {
  if (cursor.at < end && cursor.bytes[cursor.at] === tag) {
    cursor.at++;
    cursor.items++;
    return true;
  }
  return false;
}

/** A whole number from 0 to `most`, in as many bytes as it needs or a few more, before `end`. */
export function takeVarint(cursor: Cursor, end: number, most: number): number {
  const { bytes } = cursor;
  let at = cursor.at;
  let value = 0;
  let scale = 1;
  for (; at < end && scale <= 2 ** 49; scale *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) {
      cursor.at = at;
      return value <= most ? value : unusual;
    }
  }
  return unusual;
}

/** The end of a part whose length comes next, in at most 5 bytes, if it does not go beyond `end`. */
export function takeEnd(cursor: Cursor, end: number): number {
  const length = takeVarint(cursor, Math.min(end, cursor.at + 5), 2 ** 28 - 1);
  return length === unusual || cursor.at + length > end ? unusual : cursor.at + length;
}

/** A `Floats` message whose length comes next: packed bytes alone, or nothing. */
export function takeFloats(cursor: Cursor, end: number): Float32Array | undefined {
  const partEnd = takeEnd(cursor, end);
  if (partEnd === unusual) {
    return undefined;
  }
  if (partEnd === cursor.at) {
    return new Float32Array(0);
  }
  return takeTag(cursor, 0x0a, partEnd) ? takePackedFloats(cursor, partEnd) : undefined;
}

/** Packed float32 whose length comes next, and which must end at `end`. */
export function takePackedFloats(cursor: Cursor, end: number): Float32Array | undefined {
  const dataEnd = takeEnd(cursor, end);
  if (dataEnd !== end || (dataEnd - cursor.at) % 4 !== 0) {
    return undefined;
  }
  const floats = readFloats(cursor.bytes, cursor.at, (dataEnd - cursor.at) / 4);
  cursor.at = dataEnd;
  return floats;
}

/** Packed uint32 whose length comes next. */
export function takePackedUint32(cursor: Cursor, end: number): number[] | undefined {
  const partEnd = takeEnd(cursor, end);
  if (partEnd === unusual) {
    return undefined;
  }
  const numbers: number[] = [];
  while (cursor.at < partEnd) {
    const number = takeVarint(cursor, partEnd, uint32);
    if (number === unusual) {
      return undefined;
    }
    numbers.push(number);
  }
  cursor.items += numbers.length;
  return numbers;
}
