import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, EddyError, LimitError } from '../errors.js';
import type { Input } from '../model/input.js';
import { checkState, createStream, type LearningStream, type StreamState } from '../training/stream.js';
import type { Trainer, Update } from '../training/trainer.js';
import { checkWeight } from '../training/window.js';
import { follow } from './follow.js';
import type { Example, Forget, LateTarget, Learned } from './learned.js';
import { checkItem, trackState } from './tbptt.js';

/** An example or a late target of one of many streams; `last` ends that stream. */
export type KeyedExample<In extends Input = Input, Key = string> = { readonly key: Key; readonly last?: boolean } & (
  | Example<In>
  | LateTarget
  | Forget
);

/** What `tbptt` emits, with the stream it belongs to; an update of several streams at once has their keys, and tells of its `rollback`, which is that of every stream. */
export type KeyedLearned<Key = string> =
  | ({ readonly key: Key } & Exclude<Learned, { kind: 'update' | 'rollback' }>)
  | { readonly kind: 'update'; readonly keys: readonly Key[]; readonly update: Update }
  /** The example or target was wrong: its stream ended, learning what was due and not what remained. */
  | { readonly kind: 'error'; readonly key: Key; readonly error: EddyError };

export interface TbpttManyOptions<Key = string> {
  /** Streams open at once at most. Default 10,000; the first item of one more is answered with a `LimitError`. */
  readonly maxStreams?: number;
  /** An update is run when this many windows wait for it. Default 64. */
  readonly maxWindows?: number;
  /**
   * Streams to resume, as their newest `state()` gave them, in the order of those states, the newest last: what was due then,
   * and what remains at the end, is learned in this order.
   */
  readonly states?: ReadonlyMap<Key, StreamState>;
}

/**
 * `tbptt` for many keyed streams and one learner.
 *
 * It's like `groupBy` with `tbptt` in each group and one trainer for all. Streams whose updates fall due one after the other,
 * with no other step between, share one update, in the order in which they fell due. It is run before the next item
 * of any of them, before the next step of a stream that has none due, when `maxWindows` wait, and at the end: so the
 * updates follow from the order of the items alone, never from time. What remains at the end is learned in the order of the
 * streams' newest items.
 *
 * A wrong input or target ends its own stream with `{ kind: 'error', key, error }`; a later example of that key begins a new one.
 *
 * @param trainer shared by all streams
 * @throws ConfigError or LimitError, at once, if an option is wrong
 */
export function tbpttMany<In extends Input = Input, Key = string>(
  trainer: Trainer,
  options: TbpttManyOptions<Key> = {},
): OperatorFunction<KeyedExample<In, Key>, KeyedLearned<Key>> {
  const { maxStreams = 10_000, maxWindows = 64, states = new Map<Key, StreamState>() } = options;
  if (!(maxStreams >= 1)) throw new ConfigError(`Expected maxStreams to be at least 1, got ${maxStreams}`);
  if (!(maxWindows >= 1)) throw new ConfigError(`Expected maxWindows to be at least 1, got ${maxWindows}`);
  if (states.size > maxStreams) throw tooMany(maxStreams);
  const resumed = [...states];
  for (const [, state] of resumed) checkState(trainer, state);
  return source =>
    new Observable(subscriber => {
      const streams = new Map<Key, { stream: LearningStream; track: ReturnType<typeof trackState> }>();
      /** Streams whose update is due, in the order in which it fell due. Their windows are taken when it is run. */
      let waiting = new Map<Key, LearningStream>();
      let windowsWaiting = 0;
      /** The same for updates of the readout alone, where it has a rule of its own. */
      let reading = new Map<Key, LearningStream>();
      const waits = (key: Key): boolean => waiting.has(key) || reading.has(key);

      const open = (key: Key, state?: StreamState) => {
        if (streams.size >= maxStreams) throw tooMany(maxStreams);
        const stream = createStream(trainer, state);
        const entry = { stream, track: trackState(stream) };
        streams.set(key, entry);
        return entry;
      };

      const visit = (key: Key) => streams.get(key) ?? open(key);

      /** The state of a stream that has moved. It becomes the last, so that streams are in the order of their newest states. */
      const move = (key: Key) => {
        const entry = streams.get(key)!;
        streams.delete(key);
        streams.set(key, entry);
        return entry.track();
      };

      const learn = (): void => {
        if (subscriber.closed) return;
        learnWindows();
        if (subscriber.closed || reading.size === 0) return;
        const keys = [...reading.keys()];
        const steps = [...reading.values()].flatMap(stream => stream.takeReadout());
        reading = new Map();
        if (steps.length > 0) subscriber.next({ kind: 'update', keys, update: trainer.learnReadout(steps) });
      };

      const learnWindows = (): void => {
        if (waiting.size === 0) return;
        const keys = [...waiting.keys()];
        const windows = [...waiting.values()].flatMap(stream => stream.take());
        waiting = new Map();
        windowsWaiting = 0;
        const update = trainer.learnMany(windows);
        if (update.good || update.rollback) for (const { stream } of streams.values()) stream.heed(update);
        subscriber.next({ kind: 'update', keys, update });
      };

      const collect = (key: Key, stream: LearningStream): void => {
        const pending = stream.pending();
        if (pending === 0) {
          stream.take();
          return;
        }
        waiting.set(key, stream);
        windowsWaiting += pending;
      };

      /** What is due of a stream that does not wait yet. */
      const collectDue = (key: Key, stream: LearningStream, newest: boolean): void => {
        if (!waiting.has(key) && stream.due(newest)) collect(key, stream);
        if (!reading.has(key) && stream.readoutDue(newest)) reading.set(key, stream);
        if (windowsWaiting + reading.size >= maxWindows) learn();
      };

      /** What remains of a stream that has ended. */
      const collectRest = (key: Key, stream: LearningStream): void => {
        if (!waiting.has(key)) collect(key, stream);
        if (trainer.options.readout && !reading.has(key)) reading.set(key, stream);
        if (windowsWaiting + reading.size >= maxWindows) learn();
      };

      const learnLate = (key: Key, { forStep, target, weight }: LateTarget): void => {
        const { stream } = visit(key);
        // What is wrong must not part the streams that wait for one update.
        stream.checkTarget(forStep, target, weight);
        if (waits(key)) learn();
        if (subscriber.closed) return;
        const arrival = stream.target(forStep, stream.copy(target), weight);
        const moved = arrival.kind === 'late' ? { state: move(key) } : {};
        subscriber.next({ key, number: forStep, ...arrival, ...moved } as KeyedLearned<Key>);
        if (!subscriber.closed && forStep === stream.steps()) collectDue(key, stream, false);
      };

      const step = (key: Key, { input, target, weight }: Example<In>): void => {
        const { stream } = visit(key);
        collectDue(key, stream, true);
        if (input !== null) trainer.model.checkInput(input);
        if (target !== undefined) trainer.checkTarget(target);
        checkWeight(weight);
        const others = waiting.size + reading.size > 0;
        if (waits(key) || (others && !stream.endsGroup())) learn();
        if (subscriber.closed) return;
        const { step, number, loss, limited } = stream.step(stream.copy(input), stream.copy(target), weight);
        // Written out: a spread takes 70 ns.
        subscriber.next(
          limited
            ? { kind: 'step', key, target, step, number, loss, limited, state: move(key) }
            : { kind: 'step', key, target, step, number, loss, state: move(key) },
        );
        if (!subscriber.closed) collectDue(key, stream, false);
      };

      const handle = (item: KeyedExample<In, Key>): void => {
        const { key, last } = item;
        if ('forget' in item) visit(key).stream.forget(item.forget);
        else if ('forStep' in item) learnLate(key, item);
        else step(key, item);
        if (!last || subscriber.closed) return;
        const { stream } = streams.get(key)!;
        collectRest(key, stream);
        streams.delete(key);
      };

      for (const [key, state] of resumed) {
        const { stream } = open(key, state);
        collectDue(key, stream, false);
      }
      follow(source, subscriber, {
        next(item) {
          checkItem(item);
          try {
            handle(item);
          } catch (error) {
            const own = error instanceof EddyError && ownErrors.has(error.code);
            if (!own) throw error;
            streams.delete(item.key);
            subscriber.next({ kind: 'error', key: item.key, error });
          }
        },
        complete() {
          for (const [key, { stream }] of streams) collectRest(key, stream);
          learn();
        },
      });
    });
}

/** What is wrong with one stream alone, and ends no other. */
const ownErrors: ReadonlySet<string> = new Set(['EDDY_INPUT', 'EDDY_TARGET', 'EDDY_LIMIT']);

function tooMany(maxStreams: number): LimitError {
  return new LimitError(`Expected at most ${maxStreams} open streams: end them with last, or raise maxStreams`);
}
