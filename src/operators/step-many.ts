import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, EddyError, LimitError } from '../errors.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import type { Model } from '../model/model.js';
import type { Step } from '../model/transfer.js';

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
  /** Streams open at once at most. Default 10,000; more is a `LimitError`. */
  readonly maxStreams?: number;
}

/**
 * Steps the network with inputs of many streams, each with a carry of its own.
 *
 * It's like `groupBy` with `step` in each group, but inputs that arrive in one turn are one `stepMany`, at most one of each
 * stream in a batch; the bits are those of `step`. Answers leave in the order of their inputs.
 *
 * A wrong input ends its own stream with `{ key, error }`; a later input of that key begins a new one.
 *
 * @param model shared by all streams
 */
export function stepMany<In extends Input = Input, Key = string>(
  model: Model<In>,
  options: StepManyOptions = {},
): OperatorFunction<KeyedInput<In, Key>, KeyedStep<Key>> {
  const { maxBatch = 64, maxStreams = 10_000 } = options;
  if (!Number.isInteger(maxBatch) || maxBatch < 1)
    throw new ConfigError(`Expected maxBatch to be an integer from 1, got ${maxBatch}`);
  if (!(maxStreams >= 1)) throw new ConfigError(`Expected maxStreams to be at least 1, got ${maxStreams}`);
  return source =>
    new Observable(subscriber => {
      const carries = new Map<Key, Carry>();
      let batch: KeyedInput<In, Key>[] = [];
      const keys = new Set<Key>();
      let scheduled = false;
      let failed = false;

      const flush = (): void => {
        const items = batch;
        batch = [];
        keys.clear();
        const good = items.filter(item => {
          try {
            if (item.input !== null) model.checkInput(item.input);
            return true;
          } catch {
            return false;
          }
        });
        const steps = model.stepMany(
          good.map(item => carries.get(item.key) ?? model.zeroCarry()),
          good.map(item => item.input),
        );
        const results = new Map(good.map((item, i) => [item, steps[i]]));
        for (const [item, result] of results) carries.set(item.key, result.carry);
        for (const item of items) {
          const result = results.get(item);
          if (item.last || !result) carries.delete(item.key);
          if (result) subscriber.next({ key: item.key, ...result });
          else subscriber.next({ key: item.key, error: errorOf(model, item.input!) });
        }
        if (carries.size > maxStreams) {
          failed = true;
          subscriber.error(
            new LimitError(`Expected at most ${maxStreams} open streams: end them with last, or raise maxStreams`),
          );
        }
      };

      return source.subscribe({
        next(item) {
          if (failed) return;
          if (keys.has(item.key) || batch.length >= maxBatch) flush();
          if (failed) return;
          batch.push(item);
          keys.add(item.key);
          if (scheduled) return;
          scheduled = true;
          queueMicrotask(() => {
            scheduled = false;
            if (batch.length > 0 && !subscriber.closed) flush();
          });
        },
        error(error) {
          if (batch.length > 0) flush();
          subscriber.error(error);
        },
        complete() {
          if (batch.length > 0) flush();
          subscriber.complete();
        },
      });
    });
}

function errorOf<In extends Input>(model: Model<In>, input: In): EddyError {
  try {
    model.checkInput(input);
  } catch (error) {
    if (error instanceof EddyError) return error;
    throw error;
  }
  throw new TypeError('Expected the input to be wrong');
}
