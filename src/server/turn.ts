/** What is to be done once for all that came in one turn of the event loop. */
export interface Turn {
  /** There is something to step. */
  schedule(): void;
  /** There is something to send: `end` is called when the turn ends. */
  atEnd(end: () => void): void;
}

/** @param run steps what has come; true if something is left for the next turn */
export function createTurn(run: () => boolean, later: (turn: () => void) => void = setImmediate): Turn {
  let scheduled = false;
  let ends: (() => void)[] = [];

  const turn = (): void => {
    scheduled = false;
    const more = run();
    const due = ends;
    ends = [];
    for (const end of due) end();
    if (more) schedule();
  };

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    later(turn);
  }

  return {
    schedule,
    atEnd(end) {
      ends.push(end);
      schedule();
    },
  };
}
