import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, EddyError, LimitError } from '../errors.js';
import type { Input } from '../model/input.js';
import { createStream, type LearningStream, type StreamState } from '../training/stream.js';
import type { Trainer, Update } from '../training/trainer.js';
import type { Window } from '../training/window.js';
import type { Example, LateTarget, Learned } from './learned.js';
import { trackState } from './tbptt.js';

/** An example or a late target of one of many streams; `last` ends that stream. */
export type KeyedExample<In extends Input = Input, Key = string> = { readonly key: Key; readonly last?: boolean } & (
  | Example<In>
  | LateTarget
);

/** What `tbptt` emits, with the stream it belongs to; an update of several streams at once has their keys. */
export type KeyedLearned<Key = string> =
  | ({ readonly key: Key } & Exclude<Learned, { kind: 'update' }>)
  | { readonly kind: 'update'; readonly keys: readonly Key[]; readonly update: Update }
  /** The example or target was wrong: its stream ended, without learning what remained. */
  | { readonly kind: 'error'; readonly key: Key; readonly error: EddyError };

export interface TbpttManyOptions<Key = string> {
  /** Streams open at once at most. Default 10,000; more is a `LimitError`. */
  readonly maxStreams?: number;
  /** Windows in one update at most. Default 64. */
  readonly maxWindows?: number;
  /** Streams to resume. */
  readonly states?: ReadonlyMap<Key, StreamState>;
}

/**
 * `tbptt` for many keyed streams and one learner.
 *
 * It's like `groupBy` with `tbptt` in each group and one trainer for all. Streams whose updates fall due one after the other,
 * with no other step between, share one update, in the order in which they fell due. It is run before the next example
 * of any of them, before the next step of a stream that has none due, when `maxWindows` wait, and at the end: so the
 * updates follow from the order of the items alone, never from time.
 */
export function tbpttMany<In extends Input = Input, Key = string>(
  trainer: Trainer,
  options: TbpttManyOptions<Key> = {},
): OperatorFunction<KeyedExample<In, Key>, KeyedLearned<Key>> {
  const { maxStreams = 10_000, maxWindows = 64, states } = options;
  if (!(maxStreams >= 1)) throw new ConfigError(`Expected maxStreams to be at least 1, got ${maxStreams}`);
  if (!(maxWindows >= 1)) throw new ConfigError(`Expected maxWindows to be at least 1, got ${maxWindows}`);
  return source =>
    new Observable(subscriber => {
      const streams = new Map<Key, { stream: LearningStream; track: ReturnType<typeof trackState> }>();
      for (const [key, state] of states ?? []) open(key, state);
      let waiting = new Map<Key, Window[]>();

      function open(key: Key, state?: StreamState) {
        if (streams.size >= maxStreams) {
          throw new LimitError(`Expected at most ${maxStreams} open streams: end them with last, or raise maxStreams`);
        }
        const stream = createStream(trainer, state);
        const entry = { stream, track: trackState(stream) };
        streams.set(key, entry);
        return entry;
      }

      const learn = (): void => {
        if (waiting.size === 0) return;
        const keys = [...waiting.keys()];
        const windows = [...waiting.values()].flat();
        waiting = new Map();
        subscriber.next({ kind: 'update', keys, update: trainer.learnMany(windows) });
      };

      const collect = (key: Key, stream: LearningStream): void => {
        const windows = stream.take();
        if (windows.length > 0) waiting.set(key, [...(waiting.get(key) ?? []), ...windows]);
        if (waiting.size >= maxWindows) learn();
      };

      const handle = (item: KeyedExample<In, Key>): void => {
        const { key } = item;
        const { stream, track } = streams.get(key) ?? open(key);
        if ('forStep' in item) {
          const arrival = stream.target(item.forStep, item.target);
          subscriber.next({ key, number: item.forStep, ...arrival } as KeyedLearned<Key>);
          track();
          if (item.forStep === stream.steps && stream.due(false)) collect(key, stream);
        } else {
          if (stream.due()) collect(key, stream);
          if (waiting.has(key) || (waiting.size > 0 && !willBeDue(stream, trainer.options.k1))) learn();
          const { step, number, loss } = stream.step(item.input, item.target);
          subscriber.next({ kind: 'step', key, number, step, target: item.target, loss, state: track() });
          if (stream.due(false)) collect(key, stream);
        }
        if (item.last) {
          collect(key, stream);
          streams.delete(key);
        }
      };

      const guard = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          subscriber.error(error);
        }
      };

      return source.subscribe({
        next(item) {
          guard(() => {
            try {
              handle(item);
            } catch (error) {
              const own = error instanceof EddyError && (error.code === 'EDDY_INPUT' || error.code === 'EDDY_TARGET');
              if (!own) throw error;
              streams.delete(item.key);
              waiting.delete(item.key);
              subscriber.next({ kind: 'error', key: item.key, error });
            }
          });
        },
        error: error => subscriber.error(error),
        complete: () =>
          guard(() => {
            for (const [key, { stream }] of streams) collect(key, stream);
            learn();
            subscriber.complete();
          }),
      });
    });
}

/** The next step of this stream ends a group. */
function willBeDue(stream: LearningStream, k1: number): boolean {
  return (stream.steps + 1) % k1 === 0;
}
