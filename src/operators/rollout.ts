import { Observable } from 'rxjs';
import { ConfigError, expectOptions } from '../errors.js';
import { type Carry, checkCarry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { checkModel, type Model } from '../model/model.js';
import type { Step } from '../model/transfer.js';

export interface RolloutOptions<In extends Input = Input> {
  /** x(1). */
  readonly input: In | null;
  /** Steps to take; without it the stream ends with its subscription. */
  readonly steps?: number;
  /**
   * What follows x(1). `first`: nothing, a zero vector or no token at all; `constant`: x(1) again; or a function from a step
   * to the next input, such as its own output.
   */
  readonly feed: 'first' | 'constant' | ((step: Step) => In | null);
  /** Default zeros. */
  readonly carry?: Carry;
}

/**
 * One-to-many: a sequence out of one input.
 *
 * It's like `generate`, with the network as the iteration. Emits synchronously on subscription, so give `steps`, or take
 * what you need with `take`. Errors with `InputError` at a wrong input that `feed` gives, and with what it throws.
 *
 * @throws ConfigError or InputError, at once, if an option, the input or the carry is wrong
 *
 * @example
 * rollout(model, { input: start, steps: 100, feed: step => step.prediction }).subscribe(...)   // own output fed back
 */
export function rollout<In extends Input = Input>(model: Model<In>, options: RolloutOptions<In>): Observable<Step> {
  checkModel(model);
  expectOptions(options, ['input', 'steps', 'feed', 'carry']);
  const { input, steps = Number.POSITIVE_INFINITY, feed, carry = model.zeroCarry() } = options;
  if (!(steps >= 0 && (Number.isInteger(steps) || steps === Number.POSITIVE_INFINITY)))
    throw new ConfigError(`Expected steps to be an integer from 0, got ${steps}`);
  if (feed !== 'first' && feed !== 'constant' && typeof feed !== 'function') {
    throw new ConfigError(`Expected feed to be 'first', 'constant' or a function, got ${String(feed)}`);
  }
  if (input !== null) model.checkInput(input);
  checkCarry(model.carryLayout, carry);
  const first = carry.slice();
  const start = (typeof input === 'object' && input !== null ? input.slice() : input) as In | null;
  return new Observable(subscriber => {
    let current: Carry = first;
    let x: In | null = start;
    try {
      for (let t = 1; t <= steps; t++) {
        const result = model.step(current, x);
        current = result.carry;
        subscriber.next(result);
        if (t === steps || subscriber.closed) break;
        if (typeof feed === 'function') x = feed(result);
        else if (feed === 'first') x = null;
      }
      subscriber.complete();
    } catch (error) {
      subscriber.error(error);
    }
  });
}
