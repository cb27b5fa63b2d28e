import { Observable, type OperatorFunction, Subject, type Subscription } from 'rxjs';
import { expect, kindOf } from '../errors.js';
import { follow } from './follow.js';

/** In a stream of items: what comes after it is a stream of its own. */
export interface Reset {
  readonly reset: true;
  /** For who has weights of the stream's own: these begin anew, too. */
  readonly weights?: boolean;
}

export function isReset(item: unknown): item is Reset {
  return typeof item === 'object' && item !== null && (item as Reset).reset === true;
}

/**
 * Lets an operator begin anew at each reset: what came before it completes first, so that a learner learns its remainder.
 *
 * It's like `windowWhen` and `concatMap`, with the reset as the end of a window. For operators that answer at once, as `step`, `tbptt`
 * and `encode` do; of others, what is still under way is left.
 *
 * @param make called for each stretch, with the reset that begins it; the first begins with none
 * @throws ConfigError if it is no function
 *
 * @example
 * items.pipe(afresh(() => pipe(encode(encoder), step(model)))).subscribe(...)   // a drawing, { reset: true }, the next drawing
 */
export function afresh<In, Out>(make: (reset?: Reset) => OperatorFunction<In, Out>): OperatorFunction<In | Reset, Out> {
  expect(typeof make === 'function', 'make', 'a function that makes an operator', kindOf(make));
  return source =>
    new Observable(subscriber => {
      let stretch = new Subject<In>();
      let inner: Subscription | undefined;
      const begin = (reset?: Reset): void => {
        // The end of the stretch before may have been the last that was wanted.
        if (subscriber.closed) return;
        stretch = new Subject();
        inner = stretch.pipe(make(reset)).subscribe({
          next: output => subscriber.next(output),
          error: error => subscriber.error(error),
        });
        if (subscriber.closed) inner.unsubscribe();
      };
      const end = (): void => {
        stretch.complete();
        inner?.unsubscribe();
      };
      subscriber.add(() => inner?.unsubscribe());
      begin();
      follow(source, subscriber, {
        next(item) {
          if (!isReset(item)) return stretch.next(item);
          end();
          begin(item);
        },
        complete: end,
      });
    });
}
