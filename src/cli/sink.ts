import type { Writable } from 'node:stream';
import { anyOf } from './events.js';

/** Lines, and other output, on their way out. */
export interface Sink {
  line(text: string): void;
  write(content: string | Uint8Array): void;
  /** Whether so much waits that it should be flushed before more is made. */
  readonly full: boolean;
  /** Whether whoever read the lines has gone. */
  readonly closed: boolean;
  /** Hands everything on, and waits until there is room for more. */
  flush(): Promise<void>;
  /** Waits until everything has left. */
  end(): Promise<void>;
}

const fullAt = 1 << 16;

/**
 * Writes lines no faster than they are read. An output that was closed, or failed, takes what comes, and says so; whether it is
 * a failure is told by whoever owns the output.
 *
 * @param before called before lines are handed on
 */
export function createSink(output: Writable, before?: () => void): Sink {
  let lines: string[] = [];
  let size = 0;
  let closed = false;
  let room = true;
  output.on('error', () => {
    closed = true;
  });
  output.on('close', () => {
    closed = true;
  });
  output.on('drain', () => {
    room = true;
  });

  const hand = (): void => {
    if (size === 0 || closed) return;
    before?.();
    room = output.write(lines.join(''));
    lines = [];
    size = 0;
  };

  return {
    get full() {
      return size >= fullAt;
    },
    get closed() {
      return closed;
    },
    line(text) {
      if (closed) return;
      lines.push(text, '\n');
      size += text.length + 1;
    },
    write(content) {
      hand();
      if (!closed) room = output.write(content);
    },
    async flush() {
      hand();
      if (room || closed) return;
      await anyOf(output, ['drain', 'close', 'error']);
    },
    async end() {
      hand();
      if (closed) return;
      await new Promise<void>(resolve => {
        output.write('', () => resolve());
        output.once('close', resolve);
      });
    },
  };
}
