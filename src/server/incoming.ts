/** Messages straight out of what a socket reads: frames of a WebSocket (RFC 6455, section 5.2) that are whole and plain. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** The first bytes of frames that are not parts of a message; the lowest four bits are the opcode. */
const [binary, ping, pong] = [0x82, 0x89, 0x8a];
/** In the second byte, beside the length: what a client sends is masked. */
const masked = 0x80;
/** A mask over more bytes is undone faster by `ws`, with `bufferutil`. */
const largestTaken = 3072;
/** A frame in more pieces than this is left to `ws`, which has a bound on them. */
const mostPieces = 4096;
/** As many bytes tell of any frame how long it is. */
const longestHead = 10;

type Reader = (this: Duplex, chunk: Buffer) => void;

const nothing = Buffer.alloc(0);

/** What `subarray` makes. It asks a buffer for its memory each time, which takes as long as the rest. */
const View = (
  Buffer as unknown as { [Symbol.species]: new (memory: ArrayBufferLike, at: number, length: number) => Buffer }
)[Symbol.species];

/**
 * Reads in place of the listener that `ws` has just put on a socket, and gives it, as they came, the bytes of all frames but those that are taken.
 * It has its listener back at the first frame that is not known to be right, so what is wrong is its own to find.
 */
export function takeMessages(webSocket: WebSocket, socket: Duplex, maxPayload: number): void {
  const readers = socket.listeners('data') as Reader[];
  if (readers.length !== 1) return;
  const [theirs] = readers;
  const largest = Math.min(largestTaken, maxPayload);
  /** Bytes still to come of a frame that `ws` has the beginning of, and the pieces that came. */
  let missing = 0;
  let pieces = 0;
  /** The beginning of a frame that does not tell its length yet. `ws` has that, too. */
  let torn = nothing;

  function read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (missing === 0 && torn.length === 0) at = emitPlain(webSocket, chunk, at, largest);
      if (at < chunk.length) at = pass(chunk, at);
    }
  }

  /** Gives `ws` what is here of one frame, or all that is here; returns where that ends. */
  function pass(chunk: Buffer, from: number): number {
    if (missing === 0) {
      const begun = torn.length;
      const head = begun === 0 ? chunk : Buffer.concat([torn, chunk.subarray(0, longestHead)]);
      const length = frameLength(head, from, maxPayload);
      torn = length === 'untold' ? Buffer.from(head.subarray(from)) : nothing;
      if (length === 'unsure') stop();
      if (typeof length !== 'number') return give(chunk, from, chunk.length);
      missing = length - begun;
      pieces = 0;
    }
    const end = Math.min(chunk.length, from + missing);
    missing -= end - from;
    if (missing > 0 && ++pieces > mostPieces) stop();
    return give(chunk, from, end);
  }

  function give(chunk: Buffer, from: number, to: number): number {
    theirs.call(socket, to - from === chunk.length ? chunk : chunk.subarray(from, to));
    return to;
  }

  function stop(): void {
    socket.on('data', theirs);
    socket.off('data', read);
  }

  socket.on('data', read);
  socket.off('data', theirs);
  // Before `ws` hears of it: what is read from then on is for nobody.
  socket.prependOnceListener('close', () => socket.off('data', read));
}

/** Emits messages that are whole and plain, from there on; returns where something else begins. */
function emitPlain(webSocket: WebSocket, chunk: Buffer, from: number, largest: number): number {
  if (chunk[from] !== binary) return from;
  const { buffer, byteOffset } = chunk;
  const view = new DataView(buffer, byteOffset, chunk.length);
  let at = from;
  while (at + 6 <= chunk.length && chunk[at] === binary) {
    const told = chunk[at + 1] - masked;
    if (told < 0 || told === 127) break;
    const length = told < 126 ? told : (chunk[at + 2] << 8) | chunk[at + 3];
    const start = at + (told < 126 ? 6 : 8);
    const end = start + length;
    if (length > largest || end > chunk.length) break;
    unmask(view, start, end, view.getInt32(start - 4, true));
    webSocket.emit('message', new View(buffer, byteOffset + start, length), true);
    at = end;
  }
  return at;
}

/** In place, as `ws` does. */
function unmask(view: DataView, from: number, to: number, mask: number): void {
  let at = from;
  for (; at + 8 <= to; at += 8) {
    view.setInt32(at, view.getInt32(at, true) ^ mask, true);
    view.setInt32(at + 4, view.getInt32(at + 4, true) ^ mask, true);
  }
  for (let i = 0; at < to; at++, i += 8) view.setUint8(at, view.getUint8(at) ^ (mask >>> (i & 31)));
}

/** Bytes of a frame with its head; `untold` where the head goes on, `unsure` where `ws` may have more to say of it. */
function frameLength(bytes: Buffer, from: number, maxPayload: number): number | 'untold' | 'unsure' {
  const begun = bytes.length - from;
  if (begun < 2) return 'untold';
  const first = bytes[from];
  const told = bytes[from + 1] - masked;
  if (told < 0) return 'unsure';
  if (first === ping || first === pong) return told < 126 ? 6 + told : 'unsure';
  if (first !== binary) return 'unsure';
  const lengthBytes = told < 126 ? 0 : told === 126 ? 2 : 8;
  if (begun < 2 + lengthBytes) return 'untold';
  const length =
    told < 126 ? told : told === 126 ? bytes.readUInt16BE(from + 2) : Number(bytes.readBigUInt64BE(from + 2));
  return length > maxPayload ? 'unsure' : 6 + lengthBytes + length;
}
