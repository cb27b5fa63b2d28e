import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, expectOptions } from '../errors.js';
import type { Input } from '../model/input.js';
import type { Target } from '../training/loss.js';
import { follow } from './follow.js';
import type { Example, LateTarget } from './learned.js';

/**
 * Makes the stream its own teacher: the target of step t is the input of step t + horizon.
 *
 * It's like `pairwise`, but the prediction does not wait: each input leaves at once, and before it the target that it is
 * for the step `horizon` earlier. Errors with what `target` throws.
 * A trainer with `lateness` ≥ horizon − 1 learns all of them; with less, `tbptt` tells each as `expired`, and nothing is learned or scored.
 *
 * @param options.horizon steps ahead; default 1
 * @param options.target from an input to a target; default the input itself: its token, or all of its features
 * @param options.steps steps that the stream has taken before, when it goes on from a state; default 0
 * @throws ConfigError, at once, if an option is wrong
 */
export function next<In extends Input = Input>(
  options: { horizon?: number; target?: (input: In) => Target; steps?: number } = {},
): OperatorFunction<In, Example<In> | LateTarget> {
  expectOptions(options, ['horizon', 'target', 'steps']);
  const { horizon = 1, target = (input: In): Target => input, steps: before = 0 } = options;
  if (!Number.isInteger(horizon) || horizon < 1)
    throw new ConfigError(`Expected horizon to be an integer from 1, got ${horizon}`);
  if (typeof target !== 'function') throw new ConfigError(`Expected target to be a function, got ${String(target)}`);
  if (!Number.isInteger(before) || before < 0)
    throw new ConfigError(`Expected steps to be an integer from 0, got ${before}`);
  return source =>
    new Observable(subscriber => {
      let steps = before;
      follow(source, subscriber, {
        next(input) {
          if (steps >= horizon) subscriber.next({ forStep: steps - horizon + 1, target: target(input) });
          steps++;
          subscriber.next({ input });
        },
      });
    });
}
