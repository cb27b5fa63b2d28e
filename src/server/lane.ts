/** Long work on the thread that serves, one piece of work at a time, in slices between which the others have their turn. */
export interface Lane {
  /** Waits for its turn, then runs. Undefined if too many wait already. */
  enter<T>(work: (breathe: () => Promise<void>) => Promise<T>): Promise<T> | undefined;
}

/** Milliseconds of a slice. */
const slice = 4;

/** @param most pieces of work that may wait or be under way */
export function createLane(most: number, now = () => performance.now()): Lane {
  let last: Promise<unknown> = Promise.resolve();
  let inside = 0;
  let began = Number.NEGATIVE_INFINITY;

  /** Goes on after a turn of the event loop where the slice is over. */
  const breathe = async (): Promise<void> => {
    if (now() - began < slice) return;
    await new Promise<void>(resolve => {
      setImmediate(resolve);
    });
    began = now();
  };

  return {
    enter(work) {
      if (inside >= most) return undefined;
      inside++;
      const done = last.then(() => work(breathe)).finally(() => inside--);
      last = done.catch(() => {});
      return done;
    },
  };
}
