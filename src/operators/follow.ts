import { type Observable, Subject, type Subscriber, takeUntil } from 'rxjs';

/** Does a piece of work now, or, if it is asked for in the middle of another, after it. */
export type Turns = (work: () => void) => void;

/**
 * Work on behalf of a subscriber, one piece at a time: what a subscriber causes inside its own `next` waits until the item in
 * hand is done, so that items are never overtaken. Errors go to the subscriber; once it has left, nothing is done.
 */
export function takeTurns(subscriber: Subscriber<unknown>): Turns {
  let waiting: (() => void)[] = [];
  let busy = false;

  const run = (work: () => void): void => {
    if (subscriber.closed) return;
    try {
      work();
    } catch (error) {
      subscriber.error(error);
    }
  };

  return work => {
    if (busy) {
      waiting.push(work);
      return;
    }
    busy = true;
    run(work);
    while (waiting.length > 0) {
      const next = waiting;
      waiting = [];
      for (const one of next) run(one);
    }
    busy = false;
  };
}

/**
 * Subscribes to a source for a subscriber: leaves the source as soon as the subscriber leaves, even one that emits without
 * pause, and passes on its end.
 *
 * @param on what to do at each item, and before the end is passed on; what it throws goes to the subscriber
 */
export function follow<In>(
  source: Observable<In>,
  subscriber: Subscriber<unknown>,
  on: { next(item: In): void; complete?(): void; error?(): void },
  turns: Turns = takeTurns(subscriber),
): void {
  // A subscription to a source that emits at once can be ended from inside only: `subscribe` has not returned yet.
  const left = new Subject<void>();
  subscriber.add(() => left.next());
  if (subscriber.closed) return;
  source.pipe(takeUntil(left)).subscribe({
    next: item => turns(() => on.next(item)),
    error: error =>
      turns(() => {
        on.error?.();
        subscriber.error(error);
      }),
    complete: () =>
      turns(() => {
        on.complete?.();
        subscriber.complete();
      }),
  });
}
