import { Observable, type OperatorFunction, Subject } from 'rxjs';

/** An operator that is made now, and what is to be called before its first item. */
export interface Made<In, Out> {
  readonly operator: OperatorFunction<In, Out>;
  readonly opened: () => void;
}

/**
 * An operator that takes a while to make: what comes before it is there waits for it, in order. Errors with what kept it from
 * being made.
 */
export function whenReady<In, Out>(make: () => Promise<Made<In, Out>>): OperatorFunction<In, Out> {
  return source =>
    new Observable(subscriber => {
      const items = new Subject<In>();
      let waiting: (() => void)[] | undefined = [];
      const turn = (work: () => void): void => {
        if (waiting) waiting.push(work);
        else work();
      };
      subscriber.add(
        source.subscribe({
          next: item => turn(() => items.next(item)),
          error: error => turn(() => items.error(error)),
          complete: () => turn(() => items.complete()),
        }),
      );
      make().then(
        ({ operator, opened }) => {
          if (subscriber.closed) return;
          subscriber.add(items.pipe(operator).subscribe(subscriber));
          opened();
          // What these bring about comes after them.
          for (let work = waiting!.shift(); work; work = waiting!.shift()) work();
          waiting = undefined;
        },
        error => subscriber.error(error),
      );
    });
}
