import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, expectOptions, InputError } from '../errors.js';
import { type AdwinOptions, type Change, createAdwin } from '../training/adwin.js';
import { follow } from './follow.js';
import type { Learned } from './learned.js';

export interface DriftOptions extends AdwinOptions {
  /** Which changes are told. Default `'rises'`: a loss that falls is what learning is for. */
  readonly tell?: 'rises' | 'all';
}

/** The mean of a stream has changed. */
export interface Alarm extends Change {
  readonly kind: 'alarm';
  /** Of the step, or of the number in the stream, counted from 1, at which it was seen. */
  readonly number: number;
  /** Losses so far that were not finite: these were left out. */
  readonly unjudged: number;
  /** Losses so far that were too far from the mean for `range`, and counted as less far. */
  readonly limited: number;
}

/**
 * Watches a loss, or any numbers, and emits an alarm when their mean changes.
 *
 * It's like `filter` over what `tbptt` emits, with ADWIN (Bifet and Gavaldà 2007) as the judge: out comes an item only when the window
 * over the newest losses was cut. A loss further than `range` from their mean counts as so far, unless others follow.
 * Errors with `InputError` at a number that is not finite.
 *
 * @throws ConfigError, at once, if an option is wrong
 *
 * @example
 * learned.pipe(drift()).subscribe(({ number, before, after }) => console.log(`step ${number}: ${before} → ${after}`));
 */
export function drift(options: DriftOptions = {}): OperatorFunction<number | Learned, Alarm> {
  expectOptions(options, ['delta', 'range', 'clock', 'tell']);
  const { tell = 'rises', ...judge } = options;
  createAdwin(judge);
  if (tell !== 'rises' && tell !== 'all')
    throw new ConfigError(`Expected tell to be 'rises' or 'all', got ${String(tell)}`);
  return source =>
    new Observable(subscriber => {
      const adwin = createAdwin(judge);
      let numbers = 0;
      let unjudged = 0;
      follow(source, subscriber, {
        next(item) {
          const read = typeof item === 'number' ? { number: ++numbers, loss: checkNumber(item) } : lossOf(item);
          if (read === undefined) return;
          if (!Number.isFinite(read.loss)) {
            unjudged++;
            return;
          }
          const change = adwin.add(read.loss);
          if (change === undefined || (tell === 'rises' && change.after <= change.before)) return;
          subscriber.next({ kind: 'alarm', number: read.number, unjudged, limited: adwin.limited, ...change });
        },
      });
    });
}

function checkNumber(item: number): number {
  if (Number.isFinite(item)) return item;
  throw new InputError(`Expected a finite number, got ${item}`);
}

function lossOf(event: Learned): { number: number; loss: number } | undefined {
  if (typeof event !== 'object' || event === null)
    throw new InputError(`Expected a number or an event of a learner, got ${event === null ? 'null' : typeof event}`);
  if ((event.kind !== 'step' && event.kind !== 'late') || event.loss === null) return undefined;
  return { number: event.number, loss: event.loss };
}
