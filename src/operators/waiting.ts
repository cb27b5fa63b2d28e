import type { Lessons } from '../training/stream.js';

/** Streams whose update is due, in the order in which it fell due: what they have to learn is taken when it is run. */
export interface Waiting<Key, Lesson> {
  has(key: Key): boolean;
  /** What waits, as it is counted. */
  size(): number;
  /** A stream begins to wait, unless it does or has nothing to learn; left out, it never learns such lessons. */
  add(key: Key, lessons: Lessons<Lesson> | undefined): void;
  /** Everything, stream after stream; nothing waits then. */
  take(): { readonly keys: Key[]; readonly lessons: Lesson[] };
}

/** @param count what a stream counts for in `size` that has so many lessons */
export function createWaiting<Key, Lesson>(count: (pending: number) => number): Waiting<Key, Lesson> {
  let streams = new Map<Key, Lessons<Lesson>>();
  let size = 0;
  return {
    has: key => streams.has(key),
    size: () => size,
    add(key, lessons) {
      if (lessons === undefined || streams.has(key)) return;
      const pending = lessons.pending();
      if (pending === 0) {
        lessons.take();
        return;
      }
      streams.set(key, lessons);
      size += count(pending);
    },
    take() {
      const all = streams;
      streams = new Map();
      size = 0;
      return { keys: [...all.keys()], lessons: [...all.values()].flatMap(lessons => lessons.take()) };
    },
  };
}
