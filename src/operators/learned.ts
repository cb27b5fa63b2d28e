import type { Input } from '../model/input.js';
import type { Step } from '../model/transfer.js';
import type { Rollback } from '../training/guard.js';
import type { Target } from '../training/loss.js';
import type { StreamState } from '../training/stream.js';
import type { Update } from '../training/trainer.js';

/**
 * An input and its target: null where there is none, left out where it may still come as a `LateTarget`.
 */
export interface Example<In extends Input = Input> {
  readonly input: In | null;
  readonly target?: Target;
  /** How much the target teaches: a number from 0; default 1. What its loss is said to be is without it. A target that comes late brings its own. */
  readonly weight?: number;
}

/** The target of an earlier step, by the step's number, counted from 1. */
export interface LateTarget {
  readonly forStep: number;
  readonly target: Target;
  /** As of an example. */
  readonly weight?: number;
}

/**
 * What came more than so many steps ago is not replayed any more: for a stream that has changed, such as at an alarm of `drift`. The
 * steps that late targets and the next window need stay.
 */
export interface Forget {
  readonly forget: number;
}

/** What a learning operator emits. */
export type Learned =
  /** An example was stepped; `loss` in nats, null while the target is not known. */
  | {
      readonly kind: 'step';
      readonly number: number;
      readonly step: Step;
      readonly target: Target | undefined;
      readonly loss: number | null;
      /** With a guard: the input was far larger than inputs usually are, and was brought down. */
      readonly limited?: true;
      /** What to resume from, as of now: throws `StaleStateError` once the stream has moved on. */
      state(): StreamState;
    }
  /** The target of step `number` came, and is scored against what was predicted then; the loss of a null target is null. */
  | {
      readonly kind: 'late';
      readonly number: number;
      readonly prediction: Float32Array;
      readonly target: Target;
      readonly loss: number | null;
      state(): StreamState;
    }
  /** A target came too late to learn from. */
  | { readonly kind: 'expired'; readonly number: number }
  /** The step had its target already: the first one stands. */
  | { readonly kind: 'duplicate'; readonly number: number }
  /** The weights moved, or were kept from it. */
  | { readonly kind: 'update'; readonly update: Update; state(): StreamState }
  /**
   * The guard took the learner back to the last good snapshot, taken after step `to`, and the stream was stepped again from there up to
   * `number`. Statistics of the stream that were kept at that update can be taken up again.
   */
  | {
      readonly kind: 'rollback';
      readonly number: number;
      readonly to: number;
      readonly rollback: Rollback;
      state(): StreamState;
    };

/** Each of some events, for an operator whose events have a state of another kind. */
export type WithoutState<Event> = Event extends unknown ? Omit<Event, 'state'> : never;
