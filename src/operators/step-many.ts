import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, EddyError, expectOptions, InputError, kindOf, LimitError } from '../errors.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { checkModel, type Model } from '../model/model.js';
import type { Step } from '../model/transfer.js';
import { follow, takeTurns } from './follow.js';

/** An input of one of many streams; `last` ends that stream. */
export interface KeyedInput<In extends Input = Input, Key = string> {
  readonly key: Key;
  readonly input: In | null;
  readonly last?: boolean;
}

/** A step of one stream, or the error that ended it. */
export type KeyedStep<Key = string> =
  | ({ readonly key: Key; readonly error?: undefined } & Step)
  | { readonly key: Key; readonly error: EddyError };

export interface StepManyOptions {
  /** Inputs gathered at most before they are stepped. Default 64. */
  readonly maxBatch?: number;
  /** Streams open at once at most. Default 10,000; the first input of one more is answered with a `LimitError`. */
  readonly maxStreams?: number;
}

/**
 * Steps the network with inputs of many streams, each with a carry of its own.
 *
 * It's like `groupBy` with `step` in each group, but inputs that arrive in one turn are one `stepMany`, at most one of each
 * stream in a batch; the bits are those of `step`. Answers leave in the order of their inputs.
 *
 * A wrong input ends its own stream with `{ key, error }`; a later input of that key begins a new one. Errors with `InputError` at an
 * item that is none.
 *
 * @param model shared by all streams
 * @throws ConfigError, at once, if an option is wrong
 */
export function stepMany<In extends Input = Input, Key = string>(
  model: Model<In>,
  options: StepManyOptions = {},
): OperatorFunction<KeyedInput<In, Key>, KeyedStep<Key>> {
  checkModel(model);
  expectOptions(options, ['maxBatch', 'maxStreams']);
  const { maxBatch = 64, maxStreams = 10_000 } = options;
  if (!Number.isInteger(maxBatch) || maxBatch < 1)
    throw new ConfigError(`Expected maxBatch to be an integer from 1, got ${maxBatch}`);
  if (!(maxStreams >= 1)) throw new ConfigError(`Expected maxStreams to be at least 1, got ${maxStreams}`);
  return source =>
    new Observable(subscriber => {
      const carries = new Map<Key, Carry>();
      const turns = takeTurns(subscriber);
      /** At most one input of each stream, in the order of arrival. */
      let batch = new Map<Key, KeyedInput<In, Key>>();
      let scheduled = false;

      /** A copy, written over at each step: a view of what was emitted would keep the whole slab that it is cut from. */
      const rest = (key: Key, carry: Carry): void => {
        const own = carries.get(key);
        if (own) own.set(carry);
        else carries.set(key, carry.slice());
      };

      const flush = (): void => {
        const items = [...batch.values()];
        batch = new Map();
        const begun = items.filter(({ key }) => !carries.has(key)).length;
        if (carries.size + begun <= maxStreams) {
          stepTogether(items);
          return;
        }
        // For want of room one after the other: each may give its place to those behind it.
        for (const item of items) if (!subscriber.closed) stepTogether([item]);
      };

      const stepTogether = (items: readonly KeyedInput<In, Key>[]): void => {
        const admitted = items.filter(({ key }) => carries.has(key) || carries.size < maxStreams);
        const outcomes = stepAll(
          model,
          admitted.map(({ key }) => carries.get(key) ?? model.zeroCarry()),
          admitted.map(({ input }) => input),
        );
        const results = new Map(admitted.map(({ key }, i) => [key, outcomes[i]]));
        for (const { key, last } of items) {
          const result = results.get(key) ?? tooMany(maxStreams);
          const stepped = !(result instanceof EddyError);
          if (stepped && !last) rest(key, result.carry);
          else carries.delete(key);
          subscriber.next(stepped ? { key, ...result } : { key, error: result });
        }
      };
      const flushRest = (): void => {
        if (batch.size > 0) flush();
      };

      follow(
        source,
        subscriber,
        {
          next(item) {
            const isObject = typeof item === 'object' && item !== null;
            if (!(isObject && 'input' in item && 'key' in item)) {
              flushRest();
              const found = isObject && 'input' in item ? 'an input without a key' : kindOf(item);
              throw new InputError(`Expected { key, input }, got ${found}`);
            }
            if (batch.has(item.key) || batch.size >= maxBatch) flush();
            batch.set(item.key, item);
            if (scheduled) return;
            scheduled = true;
            queueMicrotask(() => {
              scheduled = false;
              turns(flushRest);
            });
          },
          error: flushRest,
          complete: flushRest,
        },
        turns,
      );
    });
}

/** All in one batch; where one of them is at fault, each by itself, so that it is at fault alone. */
function stepAll<In extends Input>(
  model: Model<In>,
  carries: readonly Carry[],
  inputs: readonly (In | null)[],
): (Step | EddyError)[] {
  try {
    return model.stepMany(carries, inputs);
  } catch (error) {
    if (!(error instanceof EddyError)) throw error;
  }
  return inputs.map((input, i) => {
    try {
      return model.step(carries[i], input);
    } catch (error) {
      if (error instanceof EddyError) return error;
      throw error;
    }
  });
}

/** What is said to a stream that finds no place. */
export function tooMany(maxStreams: number): LimitError {
  return new LimitError(`Expected at most ${maxStreams} open streams: end them with last, or raise maxStreams`);
}
