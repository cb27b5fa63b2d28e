import { add, createQueue, take } from './queue.js';

/** What is to be done once for all that came in one turn of the event loop, or for as many of it as are a whole batch. */
export interface Turn {
  /** There is something to step: later, or at once since a whole batch waits. */
  schedule(whole?: boolean): void;
  /** There is something to send: `end` is called when the turn ends. */
  atEnd(end: () => void): void;
}

/** @param run steps what has come, or one batch of it; true if something is left for the next turn */
export function createTurn(run: (batch: boolean) => boolean, later: (turn: () => void) => void = setImmediate): Turn {
  let scheduled = false;
  let turning = false;
  const ends = createQueue<() => void>();

  const turn = (batch: boolean): void => {
    turning = true;
    try {
      const more = run(batch);
      for (let due = ends.length; due > 0; due--) take(ends)();
      if (more) schedule();
    } finally {
      turning = false;
    }
  };
  const scheduledTurn = (): void => {
    scheduled = false;
    turn(false);
  };

  function schedule(whole = false): void {
    if (whole && !turning) turn(true);
    if (scheduled) return;
    scheduled = true;
    later(scheduledTurn);
  }

  return {
    schedule,
    atEnd(end) {
      add(ends, end);
      schedule();
    },
  };
}
