import { Observable, type OperatorFunction } from 'rxjs';
import { ConfigError, EddyError, expectOptions, InputError } from '../errors.js';
import type { Input } from '../model/input.js';
import { isOfWindows } from '../training/losses.js';
import type { ReadoutStep } from '../training/readout.js';
import { checkState, createStream, type LearningStream, type StreamState } from '../training/stream.js';
import { checkTrainer, type Trainer, type Update } from '../training/trainer.js';
import { checkWeight, type Window } from '../training/window.js';
import { follow } from './follow.js';
import type { Example, Forget, LateTarget, Learned, WithoutState } from './learned.js';
import { tooMany } from './step-many.js';
import { checkItem } from './tbptt.js';
import { createWaiting } from './waiting.js';

/** An example or a late target of one of many streams; `last` ends that stream. */
export type KeyedExample<In extends Input = Input, Key = string> = { readonly key: Key; readonly last?: boolean } & (
  | Example<In>
  | LateTarget
  | Forget
);

/** What `tbptt` emits, with the stream it belongs to; an update of several streams at once has their keys, and tells of its `rollback`, which is that of every stream. */
export type KeyedLearned<Key = string> = {
  /** What to resume all streams from, as of the moment of the call: to be saved together with the trainer. */
  states(): Map<Key, StreamState>;
} & (
  | ({ readonly key: Key } & WithoutState<Exclude<Learned, { kind: 'update' | 'rollback' }>>)
  | { readonly kind: 'update'; readonly keys: readonly Key[]; readonly update: Update }
  /** The example or target was wrong: its stream ended, learning what was due and not what remained. */
  | { readonly kind: 'error'; readonly key: Key; readonly error: EddyError }
);

export interface TbpttManyOptions<Key = string> {
  /** Streams open at once at most. Default 10,000; the first item of one more is answered with a `LimitError`. */
  readonly maxStreams?: number;
  /** An update is run when this many windows wait for it. Default 64. */
  readonly maxWindows?: number;
  /**
   * Streams to resume, as the newest `states()` gave them. Their order is that in which they moved last: what was due then, and what
   * remains at the end, is learned in this order.
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
 * A wrong input or target, or a carry that grew beyond float32, ends its own stream with `{ kind: 'error', key, error }`; a later example of that key begins
 * a new one. A trainer with a guard takes such a carry back before.
 *
 * @param trainer shared by all streams
 * @throws ConfigError or LimitError, at once, if an option is wrong, or the loss is of whole windows (`ctc`)
 */
export function tbpttMany<In extends Input = Input, Key = string>(
  trainer: Trainer,
  options: TbpttManyOptions<Key> = {},
): OperatorFunction<KeyedExample<In, Key>, KeyedLearned<Key>> {
  checkTrainer(trainer);
  expectOptions(options, ['maxStreams', 'maxWindows', 'states']);
  const { maxStreams = 10_000, maxWindows = 64, states = new Map<Key, StreamState>() } = options;
  if (!(maxStreams >= 1)) throw new ConfigError(`Expected maxStreams to be at least 1, got ${maxStreams}`);
  if (!(maxWindows >= 1)) throw new ConfigError(`Expected maxWindows to be at least 1, got ${maxWindows}`);
  const { loss } = trainer.options;
  // A window whose labels cannot be said would fail the update of all that share it.
  if (isOfWindows(loss))
    throw new ConfigError(
      `Expected a loss of each step, got ${loss.kind}, a loss of whole windows: give each stream a tbptt of its own`,
    );
  const resumed = [...states];
  if (resumed.filter(([, state]) => !state?.ended).length > maxStreams) throw tooMany(maxStreams);
  for (const [, state] of resumed) checkState(trainer, state);
  return source =>
    new Observable(subscriber => {
      /** In the order in which they moved, or began to wait, the last one at the end. One that has ended stays while updates wait for it. */
      const streams = new Map<Key, { readonly stream: LearningStream; ended: boolean }>();
      let running = 0;
      const windows = createWaiting<Key, Window>(pending => pending);
      const readouts = createWaiting<Key, ReadoutStep>(() => 1);
      const waits = (key: Key): boolean => windows.has(key) || readouts.has(key);
      const waiting = (): number => windows.size() + readouts.size();

      const find = (key: Key): LearningStream | undefined => {
        const found = streams.get(key);
        return found?.ended ? undefined : found?.stream;
      };

      const open = (key: Key, state?: StreamState): LearningStream => {
        const stream = createStream(trainer, state);
        streams.set(key, { stream, ended: false });
        running++;
        return stream;
      };

      const move = (key: Key): void => {
        const entry = streams.get(key)!;
        streams.delete(key);
        streams.set(key, entry);
      };

      const end = (key: Key): void => {
        const entry = streams.get(key);
        if (entry === undefined || entry.ended) return;
        entry.ended = true;
        running--;
      };

      /** Forgets the streams of these keys that have ended, and have learned all. */
      const forgetEnded = (keys: readonly Key[]): void => {
        for (const key of keys) {
          const { stream, ended } = streams.get(key) ?? {};
          const left = stream && (waits(key) || stream.windows.pending() > 0 || (stream.readout?.pending() ?? 0) > 0);
          if (ended && !left) streams.delete(key);
        }
      };

      const states = (): Map<Key, StreamState> =>
        new Map(
          [...streams].map(([key, { stream, ended }]) => [key, ended ? { ...stream.state(), ended } : stream.state()]),
        );

      /** Both are told when both are done: who resumes from between them would learn the second with later steps. */
      const learn = (): void => {
        if (subscriber.closed) return;
        const done: { readonly keys: readonly Key[]; readonly update: Update }[] = [];
        try {
          if (windows.size() > 0) {
            const { keys, lessons } = windows.take();
            const update = trainer.learnMany(lessons);
            if (update.good || update.rollback) for (const { stream } of streams.values()) stream.heed(update);
            done.push({ keys, update });
          }
          if (readouts.size() > 0) {
            const { keys, lessons } = readouts.take();
            done.push({ keys, update: trainer.learnReadout(lessons) });
          }
        } finally {
          for (const { keys } of done) forgetEnded(keys);
          for (const { keys, update } of done) subscriber.next({ kind: 'update', keys, update, states });
        }
      };

      const collectDue = (key: Key, stream: LearningStream, newest: boolean): void => {
        if (stream.windows.due(newest)) windows.add(key, stream.windows);
        if (stream.readout?.due(newest)) readouts.add(key, stream.readout);
        if (waiting() >= maxWindows) learn();
      };

      /** Collects what is due now that the newest target will not come any more: a stream that begins to wait only now is behind the others. */
      const collectKnown = (key: Key, stream: LearningStream): void => {
        const waited = waits(key);
        collectDue(key, stream, true);
        if (!waited && waits(key)) move(key);
      };

      /** Collects what remains of a stream, due or not. */
      const collectRest = (key: Key): void => {
        const { stream } = streams.get(key)!;
        // What was due is learned before what was not.
        if (readouts.has(key) && !windows.has(key) && stream.windows.pending() > 0) learn();
        if (subscriber.closed) return;
        windows.add(key, stream.windows);
        readouts.add(key, stream.readout);
        if (waiting() >= maxWindows) learn();
        forgetEnded([key]);
      };

      /** What is wrong ends its stream: what was due is learned, and what remains is not. */
      const dropRest = (key: Key): void => {
        const stream = find(key);
        if (stream === undefined) return;
        end(key);
        if (!windows.has(key)) stream.windows.take();
        if (!readouts.has(key)) stream.readout?.take();
        forgetEnded([key]);
      };

      const learnLate = (key: Key, { forStep, target, weight }: LateTarget, last?: boolean): void => {
        const stream = find(key) ?? createStream(trainer);
        // What is wrong must not part the streams that wait for one update.
        stream.checkTarget(forStep, target, weight);
        if (waits(key)) learn();
        if (subscriber.closed) return;
        const arrival = stream.target(forStep, stream.copy(target), weight);
        if (arrival.kind === 'late' || last) move(key);
        if (last) end(key);
        subscriber.next({ key, number: forStep, ...arrival, states });
        if (!subscriber.closed && forStep === stream.steps()) collectDue(key, stream, false);
      };

      const step = (key: Key, { input, target, weight }: Example<In>, last?: boolean): void => {
        const found = find(key);
        if (found) collectKnown(key, found);
        else if (running >= maxStreams) throw tooMany(maxStreams);
        if (input !== null) trainer.model.checkInput(input);
        if (target !== undefined) trainer.checkTarget(target);
        checkWeight(weight);
        // One before, of that name, has ended.
        if (found === undefined && waits(key)) learn();
        if (subscriber.closed) return;
        const stream = found ?? open(key);
        if (waits(key) || (waiting() > 0 && !stream.endsGroup())) learn();
        if (subscriber.closed) return;
        const { step, number, loss, limited } = stream.step(stream.copy(input), stream.copy(target), weight);
        move(key);
        if (last) end(key);
        // Written out: a spread takes 70 ns.
        subscriber.next(
          limited
            ? { kind: 'step', key, target, step, number, loss, limited, states }
            : { kind: 'step', key, target, step, number, loss, states },
        );
        if (!subscriber.closed) collectDue(key, stream, false);
      };

      const handle = (item: KeyedExample<In, Key>): void => {
        const { key, last } = item;
        if ('forget' in item) {
          const stream = find(key);
          if (stream && waits(key)) learn();
          if (stream === undefined || subscriber.closed) return;
          stream.forget(item.forget);
          if (last) {
            move(key);
            end(key);
          }
        } else if ('forStep' in item) {
          learnLate(key, item, last);
        } else {
          step(key, item, last);
        }
        if (last && !subscriber.closed && streams.has(key)) collectRest(key);
      };

      for (const [key, state] of resumed) {
        open(key, state);
        if (state.ended) end(key);
      }
      for (const [key, { ended }] of resumed) {
        collectDue(key, streams.get(key)!.stream, false);
        if (ended && streams.has(key)) collectRest(key);
      }
      follow(source, subscriber, {
        next(item) {
          checkItem(item);
          if (!('key' in item)) throw new InputError('Expected an example with its key, got one without');
          try {
            handle(item);
          } catch (error) {
            const own = error instanceof EddyError && ownErrors.has(error.code);
            if (!own) throw error;
            dropRest(item.key);
            subscriber.next({ kind: 'error', key: item.key, error, states });
          }
        },
        complete() {
          for (const key of [...streams.keys()]) if (find(key)) collectRest(key);
          learn();
        },
      });
    });
}

/** What is wrong with one stream alone, and ends no other. */
const ownErrors: ReadonlySet<string> = new Set(['EDDY_INPUT', 'EDDY_TARGET', 'EDDY_LIMIT']);
