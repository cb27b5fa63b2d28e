import { CheckpointError } from '../errors.js';
import {
  type Header,
  type HeaderEntry,
  hasLoneSurrogate,
  metadataKey,
  parseHeader,
  quote,
} from './safetensors-header.js';
import { bits, byteLength, type Dtype, describe, isDtype, type Tensor } from './tensor.js';

export { type Dtype, doubles, floats, type Tensor, tensorOf, words } from './tensor.js';

export interface Safetensors {
  /** String pairs; an object without a prototype. */
  readonly metadata: Record<string, string>;
  readonly tensors: Map<string, Tensor>;
}

/** Longest header that is read, in bytes, as the reference implementation (safetensors `MAX_HEADER_SIZE`). */
export const maxHeaderBytes = 100_000_000;

const lengthBytes = 8;

function readHeader(bytes: Uint8Array): { header: Header; dataStart: number } {
  if (!(bytes instanceof Uint8Array)) {
    const found = Object.prototype.toString.call(bytes).slice(8, -1);
    throw new CheckpointError(
      `Expected a safetensors file to be a Uint8Array, got ${found}: make one with new Uint8Array(...)`,
    );
  }
  if (bytes.byteLength < lengthBytes) {
    throw new CheckpointError(
      `Expected a safetensors file to begin with an 8-byte header length, got ${bytes.byteLength} bytes in all`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const room = bytes.byteLength - lengthBytes;
  if (length > maxHeaderBytes || length > room) {
    throw new CheckpointError(
      `Expected the safetensors header length to be at most ${Math.min(room, maxHeaderBytes)} bytes ` +
        `(${room < maxHeaderBytes ? 'the rest of the file' : 'the limit'}), got ${length}: is this a safetensors file?`,
    );
  }
  let text: string;
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    text = decoder.decode(bytes.subarray(lengthBytes, lengthBytes + length));
  } catch (cause) {
    throw new CheckpointError('Expected the safetensors header to be UTF-8, got bytes that are not', { cause });
  }
  return { header: parseHeader(text), dataStart: lengthBytes + length };
}

function checkEntry(name: string, { dtype, shape, offsets: [start, end] }: HeaderEntry, expectedStart: number): Dtype {
  if (!isDtype(dtype)) {
    const known = Object.keys(bits).join(', ');
    throw new CheckpointError(`Expected the dtype of tensor ${quote(name)} to be one of ${known}, got ${quote(dtype)}`);
  }
  if (start !== expectedStart || end < start) {
    throw new CheckpointError(
      `Expected the data of tensor ${quote(name)} to begin at byte ${expectedStart}, where the one before it ends, ` +
        `and to end after it begins, got bytes ${start} to ${end}: tensors leave no holes and share no bytes`,
    );
  }
  const expected = byteLength(dtype, shape);
  if (end - start !== expected) {
    const size = Number.isNaN(expected) ? 'a whole number of bytes below 2^53' : `${expected} bytes`;
    throw new CheckpointError(
      `Expected tensor ${quote(name)}, ${describe(dtype, shape)}, to have ${size}, got ${end - start} bytes`,
    );
  }
  return dtype;
}

/**
 * Reads a safetensors file: its string pairs and its tensors, by name in the order of the header.
 *
 * Each tensor's `data` is a view of `bytes`, not aligned; nothing is allocated in proportion to what a header claims.
 * Beyond the reference reader it also refuses names that come twice, unknown fields, and blanks before the header.
 *
 * @throws CheckpointError that names the tensor, what was expected and what was found.
 * Source: https://github.com/huggingface/safetensors, README "Format" and `Metadata::validate`.
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const { header, dataStart } = readHeader(bytes);
  const ordered = [...header.entries].sort(([, { offsets: a }], [, { offsets: b }]) => a[0] - b[0] || a[1] - b[1]);
  const dtypes = new Map<string, Dtype>();
  let end = 0;
  for (const [name, entry] of ordered) {
    dtypes.set(name, checkEntry(name, entry, end));
    end = entry.offsets[1];
  }
  const found = bytes.byteLength - dataStart;
  if (end !== found) {
    const last = ordered.length > 0 ? `up to tensor ${quote(ordered[ordered.length - 1][0])}` : 'for no tensor';
    throw new CheckpointError(`Expected a safetensors file with ${end} bytes of data (${last}), got ${found}`);
  }
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, offsets }] of header.entries) {
    const data = bytes.subarray(dataStart + offsets[0], dataStart + offsets[1]);
    tensors.set(name, { dtype: dtypes.get(name)!, shape, data });
  }
  return { metadata: header.metadata, tensors };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function checkName(what: string, name: string): void {
  if (hasLoneSurrogate(name))
    throw new CheckpointError(`Expected ${what} to be well-formed Unicode, got ${quote(name)}`);
}

/**
 * Writes a safetensors file; the same tensors and metadata give the same bytes, in whatever order they come.
 *
 * Widest elements first, then names in code unit order; the header is padded with blanks to 8 bytes. So each tensor
 * begins at a multiple of its element size and there are no holes, as the reference writer has it.
 *
 * @throws CheckpointError when a tensor's bytes do not fit its dtype and shape, or a name cannot be written.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const ordered = [...tensors].sort(([a, { dtype: x }], [b, { dtype: y }]) => bits[y] - bits[x] || order(a, b));
  const parts: string[] = [];
  const keys = Object.keys(metadata).sort(order);
  for (const key of keys) {
    checkName('a metadata name', key);
    checkName(`metadata ${quote(key)}`, metadata[key]);
  }
  if (keys.length > 0) {
    const pairs = keys.map(key => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    parts.push(`"${metadataKey}":{${pairs.join(',')}}`);
  }
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    checkName('a tensor name', name);
    if (name === metadataKey)
      throw new CheckpointError(`Expected a tensor name, got ${metadataKey}, which is reserved`);
    const start = end;
    end += data.byteLength;
    checkEntry(name, { dtype, shape, offsets: [start, end] }, start);
    const info = `"dtype":"${dtype}","shape":[${shape.join(',')}],"data_offsets":[${start},${end}]`;
    parts.push(`${JSON.stringify(name)}:{${info}}`);
  }
  const text = new TextEncoder().encode(`{${parts.join(',')}}`);
  const headerBytes = Math.ceil(text.byteLength / lengthBytes) * lengthBytes;
  if (headerBytes > maxHeaderBytes) {
    throw new CheckpointError(`Expected a header of at most ${maxHeaderBytes} bytes, got ${headerBytes}`);
  }
  const file = new Uint8Array(lengthBytes + headerBytes + end);
  new DataView(file.buffer).setUint32(0, headerBytes, true);
  file.fill(0x20, lengthBytes, lengthBytes + headerBytes);
  file.set(text, lengthBytes);
  let at = lengthBytes + headerBytes;
  for (const [, { data }] of ordered) {
    file.set(data, at);
    at += data.byteLength;
  }
  return file;
}
