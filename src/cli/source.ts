import type { Readable } from 'node:stream';
import { createRing, type Ring } from './ring.js';

export const overflows = ['block', 'latest', 'drop-oldest'] as const;
export type Overflow = (typeof overflows)[number];

/** Where frames come from, a few at a time. */
export interface Source<T> {
  /** The next frames, in order; null when there are no more. */
  take(): Promise<readonly T[] | null>;
  /** Reads no more; what was read already may still be taken. Returns how many bytes of it are not yet frames. */
  stop(): number;
  /** Frames that were read and thrown away since nobody took them in time. */
  readonly dropped: number;
}

export interface SourceOptions<T> {
  /** Frames out of a chunk. */
  readonly read: (chunk: Uint8Array) => readonly T[];
  /** Frames of what is left at the end. */
  readonly end: () => readonly T[];
  readonly overflow: Overflow;
  /** Frames that `drop-oldest` keeps. */
  readonly queue: number;
  /** Lines that cannot be read: they take the place of one another only, and of no frame that can. Left out, there are none. */
  readonly isMalformed?: (frame: T) => boolean;
  /** What was read and is not taken is still there for another: a file. */
  readonly lasting?: boolean;
}

/** Bytes that are made into frames at a time. */
const portion = 4096;

/**
 * Frames of a byte stream.
 *
 * `block` reads a chunk when the frames of the chunk before are taken, so a slow taker slows the source down. The other two read
 * as the bytes come, and keep the newest frame, or the newest `queue` frames, and as many lines that cannot be read.
 */
export function createSource<T>(input: Readable, options: SourceOptions<T>): Source<T> {
  return options.overflow === 'block' ? pulled(input, options) : pushed(input, options);
}

function pulled<T>(input: Readable, { read, end, lasting }: SourceOptions<T>): Source<T> {
  /** Once it is stopped: bytes that were read and that nobody else can have. */
  let left = Number.POSITIVE_INFINITY;
  let ended = false;
  let wake = (): void => {};
  // The listeners stay: a stream that nobody listens to stops, and does not begin again.
  for (const event of ['readable', 'end', 'close', 'error']) input.on(event, () => wake());

  /** The next bytes, or null when there are no more, or they are not wanted any more. */
  const chunk = async (): Promise<Uint8Array | null> => {
    for (;;) {
      if (input.errored) throw input.errored;
      if (left <= 0) return null;
      const size = Math.min(portion, left);
      const bytes = (input.readableLength > size ? input.read(size) : input.read()) as Uint8Array | null;
      if (bytes !== null) {
        left -= bytes.length;
        return bytes;
      }
      if (input.readableEnded || input.destroyed || left < Number.POSITIVE_INFINITY) return null;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  };

  return {
    dropped: 0,
    stop() {
      left = lasting ? 0 : input.readableLength;
      wake();
      return left;
    },
    async take() {
      while (!ended) {
        const bytes = await chunk();
        if (bytes === null) {
          ended = true;
          if (left < Number.POSITIVE_INFINITY) break;
          const last = end();
          return last.length > 0 ? last : null;
        }
        const frames = read(bytes);
        if (frames.length > 0) return frames;
      }
      return null;
    },
  };
}

function pushed<T>(
  input: Readable,
  { read, end, overflow, queue, isMalformed = () => false }: SourceOptions<T>,
): Source<T> {
  const capacity = overflow === 'latest' ? 1 : queue;
  const good = createRing<Numbered<T>>(capacity);
  const malformed = createRing<Numbered<T>>(capacity);
  let count = 0;
  let dropped = 0;
  let ended = false;
  let failure: unknown;
  let wake = (): void => {};

  const push = (frames: readonly T[]): void => {
    for (const frame of frames) {
      const ring = isMalformed(frame) ? malformed : good;
      if (ring.put({ number: count++, frame })) dropped++;
    }
    wake();
  };
  const finish = (): void => {
    if (ended) return;
    ended = true;
    push(end());
  };
  input.on('data', (chunk: Uint8Array) => !ended && push(read(chunk)));
  input.on('end', finish);
  input.on('close', finish);
  input.on('error', error => {
    failure = error;
    ended = true;
    wake();
  });

  return {
    get dropped() {
      return dropped;
    },
    stop() {
      ended = true;
      input.pause();
      wake();
      return 0;
    },
    async take() {
      while (good.size + malformed.size === 0 && !ended) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      if (failure !== undefined) throw failure;
      const next = olderOf(good, malformed).take();
      return next === undefined ? null : [next.frame];
    },
  };
}

/** A frame, and the how many-th it was. */
interface Numbered<T> {
  readonly number: number;
  readonly frame: T;
}

function olderOf<T>(a: Ring<Numbered<T>>, b: Ring<Numbered<T>>): Ring<Numbered<T>> {
  return (a.oldest?.number ?? Number.POSITIVE_INFINITY) < (b.oldest?.number ?? Number.POSITIVE_INFINITY) ? a : b;
}
