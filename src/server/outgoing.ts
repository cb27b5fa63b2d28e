/** The messages of one turn as frames of a WebSocket (RFC 6455, section 5.2), in one piece of memory: a turn is one write. */
import type { Duplex } from 'node:stream';
import type { WireData } from '../wire/messages.js';

export interface Outgoing {
  /** Bytes that wait for the end of the turn. */
  readonly bytes: number;
  add(message: WireData): void;
  /** Writes what waits. */
  write(): void;
  /** Forgets what waits: the peer takes no more. */
  clear(): void;
}

/** The longest head of a frame from a server: it is not masked. */
const longestHead = 10;
const final = 0x80;
const opcodes = { text: 1, binary: 2 };
/** Up to here messages are copied together; one that is larger is written as it is. */
const largestPiece = 16_384;

export function createOutgoing(socket: Pick<Duplex, 'cork' | 'uncork' | 'write'>): Outgoing {
  const messages: Uint8Array[] = [];
  let text = false;
  let bytes = 0;

  /** Those from one place to another, which take so many bytes at most, as one piece. */
  const writeTogether = (from: number, to: number, most: number): void => {
    const target = Buffer.allocUnsafe(most);
    let end = 0;
    for (let i = from; i < to; i++) {
      end = putHead(target, end, text, messages[i].length);
      target.set(messages[i], end);
      end += messages[i].length;
    }
    socket.write(end === most ? target : target.subarray(0, end));
  };

  const writePieces = (): void => {
    socket.cork();
    for (let from = 0; from < messages.length; ) {
      let to = from;
      let most = 0;
      while (to < messages.length && most + messages[to].length + longestHead <= largestPiece) {
        most += messages[to++].length + longestHead;
      }
      if (to > from) {
        writeTogether(from, to, most);
        from = to;
      } else {
        const head = Buffer.allocUnsafe(longestHead);
        socket.write(head.subarray(0, putHead(head, 0, text, messages[from].length)));
        socket.write(messages[from++]);
      }
    }
    socket.uncork();
  };

  return {
    get bytes() {
      return bytes;
    },
    add(message) {
      text = typeof message === 'string';
      const data = typeof message === 'string' ? Buffer.from(message) : message;
      messages.push(data);
      bytes += data.length + longestHead;
    },
    write() {
      if (messages.length === 0) return;
      if (bytes <= largestPiece) writeTogether(0, messages.length, bytes);
      else writePieces();
      messages.length = bytes = 0;
    },
    clear() {
      messages.length = bytes = 0;
    },
  };
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
