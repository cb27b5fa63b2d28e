import { Observable, type OperatorFunction } from 'rxjs';
import { InputError, kindOf, StaleStateError } from '../errors.js';
import type { Input } from '../model/input.js';
import { checkState, createStream, type StreamState } from '../training/stream.js';
import { checkTrainer, type Trainer } from '../training/trainer.js';
import { follow } from './follow.js';
import type { Example, Forget, LateTarget, Learned } from './learned.js';

/**
 * Steps the network with each example, and learns on the way by truncated backpropagation through time.
 *
 * It's like `step`, with weights that move: each example is predicted, then scored; after every k1-th step one update takes
 * the losses of the newest k1 steps back through at most k2 steps (Williams and Peng 1990, BPTT(h; h′) with h = k2,
 * h′ = k1). k1 = k2 is the chunked kind; k1 = 1 a sliding window.
 *
 * Where the readout has a rule of its own, it also learns, after every `readout.k1` steps, from the steps whose targets have come since:
 * after the update of the network, where both are due.
 *
 * An update waits for the newest step's target until the next example; what remains at completion is learned. The trainer
 * is shared, the window belongs to the subscription. Errors with `InputError`, `TargetError` or `DivergenceError`.
 * A carry that grew beyond float32 is an `InputError` at the next step, as it is for `step`; a trainer with a guard takes it back before.
 *
 * @param trainer the model, its loss and optimizer, k1 and k2
 * @param state to resume from, as an emitted `state()` gave it
 * @throws ConfigError, at once, if the trainer is none, or the state none of a stream of its model
 *
 * @example
 * from(text).pipe(next(), tbptt(trainer)).subscribe(event => event.kind === 'update' && console.log(event.update.loss));
 */
export function tbptt<In extends Input = Input>(
  trainer: Trainer,
  state?: StreamState,
): OperatorFunction<Example<In> | LateTarget | Forget, Learned> {
  checkTrainer(trainer);
  if (state !== undefined) checkState(trainer, state);
  return source =>
    new Observable(subscriber => {
      const emit = (event: Learned): void => subscriber.next(event);
      const learner = createLearner(trainer, emit, state, () => subscriber.closed);
      follow(source, subscriber, { next: learner.next, complete: learner.finish });
    });
}

/** One stream that steps, scores and learns, and tells `emit` of each thing as it happens. */
export interface Learner {
  next(item: Example | LateTarget | Forget): void;
  /** Learns what remains. */
  finish(): void;
}

/**
 * @param state to resume from; an update that was due then is run at once
 * @param left whether whom `emit` tells has left: nothing is done after, so that a state it took with it stays true
 */
export function createLearner(
  trainer: Trainer,
  emit: (event: Learned) => void,
  state?: StreamState,
  left: () => boolean = () => false,
): Learner {
  const stream = createStream(trainer, state);
  const moment = trackMoment();
  /** The `state` of one event; those of the events before are outdated. */
  const track = () => moment(stream.state);

  const update = (): void => {
    const windows = stream.windows.take();
    if (windows.length === 0) return;
    const done = trainer.learnMany(windows);
    const to = stream.heed(done);
    emit({ kind: 'update', update: done, state: track() });
    if (done.rollback && !left())
      emit({ kind: 'rollback', number: stream.steps(), to, rollback: done.rollback, state: track() });
  };

  const updateReadout = (): void => {
    const steps = stream.readout?.take() ?? [];
    if (steps.length > 0) emit({ kind: 'update', update: trainer.learnReadout(steps), state: track() });
  };

  /** The network first: so each learns from what was said, and not from what the other has just made of it. */
  const updateDue = (waiting: boolean): void => {
    if (stream.windows.due(waiting)) update();
    if (!left() && stream.readout?.due(waiting)) updateReadout();
  };

  updateDue(false);

  return {
    next(item) {
      checkItem(item);
      if ('forget' in item) {
        stream.forget(item.forget);
        return;
      }
      if ('forStep' in item) {
        const arrival = stream.target(item.forStep, stream.copy(item.target), item.weight);
        emit({ number: item.forStep, ...arrival, ...(arrival.kind === 'late' ? { state: track() } : {}) } as Learned);
        if (!left() && item.forStep === stream.steps()) updateDue(false);
        return;
      }
      updateDue(true);
      if (left()) return;
      const { target } = item;
      const { step, number, loss, limited } = stream.step(stream.copy(item.input), stream.copy(target), item.weight);
      // Written out: a spread takes 70 ns.
      emit(
        limited
          ? { kind: 'step', target, step, number, loss, limited, state: track() }
          : { kind: 'step', target, step, number, loss, state: track() },
      );
      if (!left()) updateDue(false);
    },
    finish() {
      update();
      if (!left()) updateReadout();
    },
  };
}

/** @throws InputError if the item is none that a learner takes */
export function checkItem(item: Example | LateTarget | Forget): void {
  const found = typeof item === 'object' && item !== null;
  if (found && 'forget' in item) {
    if (Number.isInteger(item.forget) && item.forget >= 0) return;
    throw new InputError(`Expected forget to be an integer from 0, got ${item.forget}`);
  }
  if (found && ('forStep' in item || 'input' in item)) return;
  throw new InputError(
    `Expected an example { input, target? } or a late target { forStep, target }, got ${kindOf(item)}: next() makes examples of inputs`,
  );
}

/** What reads a state until the next call, and throws `StaleStateError` from then on. */
export function trackMoment(): <State>(read: () => State) => () => State {
  let current = 0;
  return read => {
    const moment = ++current;
    return () => {
      if (moment !== current)
        throw new StaleStateError(
          'Expected state() to be called before the stream moves on: call it when the event comes',
        );
      return read();
    };
  };
}
