/** A look over a message before it is decoded: sizes and counts are known before anything is allocated for them. */
import { WireError } from '../errors.js';
import type { WireLimits } from './limits.js';
import { type Field, fieldsOf } from './schema.js';

/** Deepest nesting of a JSON message, unknown fields included; the messages themselves need 9. */
const maxDepth = 32;

/** Walks the fields of a binary message and its nested messages. Throws `WireError` if it is torn or holds too many. */
export function scanBinary(message: string, bytes: Uint8Array, limits: WireLimits): void {
  checkSize(bytes.length, limits);
  const items = scanFields(message, bytes, 0, bytes.length, 0, limits.maxItems);
  checkItems(items, limits.maxItems);
}

/** Walks the text of a JSON message. Throws `WireError` if it is nested too deeply or holds too many values. */
export function scanJson(text: string, limits: WireLimits): void {
  checkSize(text.length, limits);
  let depth = 0;
  let items = 1;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22:
        i = endOfString(text, i + 1);
        break;
      case 0x5b:
      case 0x7b:
        items++;
        if (++depth > maxDepth) {
          throw new WireError(
            `Expected a message at most ${maxDepth} levels deep, got one that is deeper`,
            'malformed',
          );
        }
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      case 0x2c:
        items++;
        break;
    }
  }
  checkItems(items, limits.maxItems);
}

/** Refuses a message by its size alone. */
export function checkSize(size: number, limits: WireLimits): void {
  if (size > limits.maxBytes) {
    throw new WireError(
      `Expected a message of at most ${limits.maxBytes} bytes, got ${size}; send it in parts`,
      'malformed',
    );
  }
}

function checkItems(items: number, most: number): void {
  if (items > most) {
    throw new WireError(`Expected a message of at most ${most} values, got more; send it in parts`, 'malformed');
  }
}

const nestedFields = new Map<string, ReadonlyMap<number, Field>>();

function fieldsById(message: string): ReadonlyMap<number, Field> {
  let found = nestedFields.get(message);
  if (found === undefined) {
    found = new Map(fieldsOf(message).map(field => [field.id, field]));
    nestedFields.set(message, found);
  }
  return found;
}

function scanFields(
  message: string,
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  most: number,
): number {
  const fields = fieldsById(message);
  let position = start;
  let items = count;
  while (position < end) {
    checkItems(++items, most);
    const afterTag = endOfVarint(bytes, position, end);
    const tag = varint(bytes, position, afterTag);
    position = afterTag;
    switch (tag % 8) {
      case 0:
        position = endOfVarint(bytes, position, end);
        break;
      case 1:
        position += 8;
        break;
      case 5:
        position += 4;
        break;
      case 2: {
        const afterSize = endOfVarint(bytes, position, end);
        const size = varint(bytes, position, afterSize);
        position = afterSize + size;
        if (position > end) {
          throw torn();
        }
        const field = fields.get(Math.floor(tag / 8));
        if (field?.type === 'message') {
          items = scanFields(field.ref!, bytes, afterSize, position, items, most);
        } else if (field?.repeated && field.type === 'uint32') {
          items += packedCount(bytes, afterSize, position);
        } else if (field?.repeated && field.type === 'double') {
          items += size / 8;
        }
        break;
      }
      default:
        throw new WireError(`Expected fields of wire type 0, 1, 2 or 5, got ${tag % 8}`, 'malformed');
    }
    if (position > end) {
      throw torn();
    }
  }
  return items;
}

/** A varint ends with the first byte below 128. */
function packedCount(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) {
    count += bytes[i] < 128 ? 1 : 0;
  }
  return count;
}

function endOfVarint(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end && i < start + 10; i++) {
    if (bytes[i] < 128) {
      return i + 1;
    }
  }
  throw torn();
}

function varint(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = end - 1; i >= start; i--) {
    value = value * 128 + (bytes[i] & 127);
  }
  return value;
}

function endOfString(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x22) {
      return i;
    }
    if (character === 0x5c) {
      i++;
    }
  }
  return text.length;
}

function torn(): WireError {
  return new WireError('Expected a whole message, got one that is cut off or is no protobuf message', 'malformed');
}
