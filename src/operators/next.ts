import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError } from '../errors.js';
import type { Input } from '../model/input.js';
import type { Target } from '../training/loss.js';
import type { Example, LateTarget } from './learned.js';

/**
 * Makes the stream its own teacher: the target of step t is the input of step t + horizon.
 *
 * It's like `pairwise`, but the prediction does not wait: each input leaves at once, and before it the target that it is
 * for the step `horizon` earlier. A trainer with `lateness` ≥ horizon − 1 learns all of them.
 *
 * @param options.horizon steps ahead; default 1
 * @param options.target from an input to a target; default the input itself: its token, or all of its features
 */
export function next<In extends Input = Input>(
  options: { horizon?: number; target?: (input: In) => Target } = {},
): OperatorFunction<In, Example<In> | LateTarget> {
  const { horizon = 1, target = (input: In): Target => input } = options;
  if (!Number.isInteger(horizon) || horizon < 1)
    throw new ConfigError(`Expected horizon to be an integer from 1, got ${horizon}`);
  return source =>
    new Observable(subscriber => {
      let steps = 0;
      return source.subscribe({
        next(input) {
          if (steps >= horizon) subscriber.next({ forStep: steps - horizon + 1, target: target(input) });
          steps++;
          subscriber.next({ input });
        },
        error: error => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    });
}
