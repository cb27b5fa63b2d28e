/** The messages of one turn as frames of a WebSocket (RFC 6455, section 5.2), in one piece of memory: a turn is one write. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Entries, WireData } from '../wire/messages.js';
import { giveBack } from './entries.js';
import { add, at, createQueue, type Queue, take } from './queue.js';

/** What waits for the end of the turn. A record, since each connection has one and closures are large. */
export interface Outgoing {
  readonly messages: Queue<Uint8Array>;
  /** Memory of some of them, which is given back once they are copied. */
  readonly lent: Queue<Entries>;
  text: boolean;
  /** Of the messages and their heads. */
  bytes: number;
}

const final = 0x80;
const opcodes = { text: 1, binary: 2 };
/** Up to here messages are copied together; one that is larger is written as it is. */
const largestPiece = 16_384;

/** What is asked of a socket. */
export type Writing = Pick<Duplex, 'cork' | 'uncork' | 'write' | 'writableLength'>;

export function createOutgoing(): Outgoing {
  return { messages: createQueue(1), lent: createQueue(1), text: false, bytes: 0 };
}

/** @param memory what the message lies in */
export function addMessage(outgoing: Outgoing, message: WireData, memory?: Entries): void {
  const text = typeof message === 'string';
  const data = text ? Buffer.from(message) : message;
  outgoing.text = text;
  add(outgoing.messages, data);
  const length = headLength(data.length) + data.length;
  outgoing.bytes += length;
  // One that is larger is still read when it has been written.
  if (memory !== undefined && length <= largestPiece) add(outgoing.lent, memory);
}

/** Writes what waits. */
export function writeMessages(outgoing: Outgoing, socket: Writing): void {
  const { messages, bytes } = outgoing;
  if (messages.length === 0) return;
  if (bytes <= largestPiece && takesAtOnce(socket)) {
    socket.write(together(outgoing, 0, messages.length, desk.subarray(0, bytes)));
    if (socket.writableLength > 0) desk = Buffer.allocUnsafeSlow(largestPiece);
  } else if (bytes <= largestPiece) {
    socket.write(together(outgoing, 0, messages.length, Buffer.allocUnsafe(bytes)));
  } else {
    socket.cork();
    for (const piece of pieces(outgoing)) socket.write(piece);
    socket.uncork();
  }
  clearMessages(outgoing);
}

/** Forgets what waits: the peer takes no more. */
export function clearMessages(outgoing: Outgoing): void {
  const { messages, lent } = outgoing;
  while (lent.length > 0) giveBack(take(lent));
  while (messages.length > 0) take(messages);
  outgoing.bytes = 0;
}

/** Where messages are copied together for sockets that take them at once: the next may have the same place. */
let desk = Buffer.allocUnsafeSlow(largestPiece);

/**
 * Nothing waits in a plain socket of the system: what is written now goes to the system at once, as far as that has room, and where
 * `writableLength` is 0 after it, all of it has. One that is encrypted reads it later.
 */
function takesAtOnce(socket: Writing): boolean {
  return socket instanceof Socket && !('encrypted' in socket) && socket.writableLength === 0;
}

/** Those from one place to another with their heads, in a piece of as many bytes. */
function together({ messages, text }: Outgoing, from: number, to: number, target: Uint8Array): Uint8Array {
  let end = 0;
  for (let i = from; i < to; i++) {
    const message = at(messages, i);
    end = putHead(target, end, text, message.length);
    target.set(message, end);
    end += message.length;
  }
  return target;
}

function* pieces(outgoing: Outgoing): Generator<Uint8Array> {
  const { messages, text } = outgoing;
  for (let from = 0; from < messages.length; ) {
    let to = from;
    let bytes = 0;
    for (; to < messages.length; to++) {
      const more = headLength(at(messages, to).length) + at(messages, to).length;
      if (bytes + more > largestPiece) break;
      bytes += more;
    }
    if (to > from) {
      yield together(outgoing, from, to, Buffer.allocUnsafe(bytes));
      from = to;
    } else {
      const message = at(messages, from++);
      const head = Buffer.allocUnsafe(headLength(message.length));
      putHead(head, 0, text, message.length);
      yield head;
      yield message;
    }
  }
}

/** It is not masked, since it comes from a server. */
function headLength(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes the head of a whole frame; returns where it ends. */
function putHead(target: Uint8Array, at: number, text: boolean, length: number): number {
  target[at] = final | (text ? opcodes.text : opcodes.binary);
  if (length < 126) {
    target[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    target[at + 1] = 126;
    target[at + 2] = length >>> 8;
    target[at + 3] = length & 255;
    return at + 4;
  }
  target[at + 1] = 127;
  for (let i = 0; i < 8; i++) target[at + 9 - i] = Math.floor(length / 256 ** i) & 255;
  return at + 10;
}
