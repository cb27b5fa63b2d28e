import type { ExecutionContext } from 'ava';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { EddyError } from '../../src/errors.js';

interface Frame {
  readonly frame: number;
  readonly notification: { readonly kind: 'N' | 'E' | 'C'; readonly error?: unknown };
}

/** Errors of ours are compared by their code: the message is for people. */
function withCodes(frames: unknown): unknown {
  if (!Array.isArray(frames)) return frames;
  return frames.map((frame: Frame) => {
    const error = frame.notification?.error;
    return error instanceof EddyError
      ? { ...frame, notification: { ...frame.notification, error: error.code } }
      : frame;
  });
}

/**
 * Runs a marble test in virtual time. A `TestScheduler` whose expectation was never compared passes silently: here each
 * expectation that is begun must have been compared, and there must be one.
 */
export function marbles(t: ExecutionContext, body: (helpers: RunHelpers) => void): void {
  let begun = 0;
  let compared = 0;
  const scheduler = new TestScheduler((actual, expected) => {
    compared++;
    t.deepEqual(withCodes(actual), expected);
  });
  scheduler.run(helpers => {
    const count =
      <Arguments extends unknown[], Result>(begin: (...given: Arguments) => Result) =>
      (...given: Arguments): Result => {
        begun++;
        return begin(...given);
      };
    body({
      ...helpers,
      expectObservable: count(helpers.expectObservable) as RunHelpers['expectObservable'],
      expectSubscriptions: count(helpers.expectSubscriptions),
    });
  });
  t.true(begun > 0, 'Expected at least one expectation');
  t.is(compared, begun, 'Expected every expectation to be compared');
}
