import type { Writable } from 'node:stream';
import { anyOf } from './events.js';

/** Lines on their way out. */
export interface Sink {
  line(text: string): void;
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

/** Writes lines no faster than they are read. An output that was closed takes what comes, and says so. */
export function createSink(output: Writable): Sink {
  let waiting: string[] = [];
  let size = 0;
  let closed = false;
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EOF' && error.code !== 'ECONNRESET') throw error;
    closed = true;
  });
  output.on('close', () => {
    closed = true;
  });

  const hand = (): boolean => {
    if (size === 0 || closed) return true;
    const text = waiting.join('');
    waiting = [];
    size = 0;
    return output.write(text);
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
      waiting.push(text, '\n');
      size += text.length + 1;
    },
    async flush() {
      if (hand() || closed) return;
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
