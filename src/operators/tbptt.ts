import { Observable, type OperatorFunction } from 'rxjs';
import { StaleStateError } from '../errors.js';
import type { Input } from '../model/input.js';
import { createStream, type LearningStream, type StreamState } from '../training/stream.js';
import type { Trainer } from '../training/trainer.js';
import type { Example, LateTarget, Learned } from './learned.js';

/**
 * Steps the network with each example, and learns on the way by truncated backpropagation through time.
 *
 * It's like `step`, with weights that move: each example is predicted, then scored; after every k1-th step one update takes
 * the losses of the newest k1 steps back through at most k2 steps (Williams and Peng 1990, BPTT(h; h′) with h = k2,
 * h′ = k1). k1 = k2 is the chunked kind; k1 = 1 a sliding window.
 *
 * An update waits for the newest step's target until the next example; what remains at completion is learned. The trainer
 * is shared, the window belongs to the subscription. Errors with `InputError`, `TargetError` or `DivergenceError`.
 *
 * @param trainer the model, its loss and optimizer, k1 and k2
 * @param state to resume from, as an emitted `state()` gave it
 *
 * @example
 * from(text).pipe(next(), tbptt(trainer)).subscribe(event => event.kind === 'update' && console.log(event.update.loss));
 */
export function tbptt<In extends Input = Input>(
  trainer: Trainer,
  state?: StreamState,
): OperatorFunction<Example<In> | LateTarget, Learned> {
  return source =>
    new Observable(subscriber => {
      const learner = createLearner(trainer, event => subscriber.next(event), state);
      const guard = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          subscriber.error(error);
        }
      };
      return source.subscribe({
        next: item => guard(() => learner.next(item)),
        error: error => subscriber.error(error),
        complete: () =>
          guard(() => {
            learner.finish();
            subscriber.complete();
          }),
      });
    });
}

/** One stream that steps, scores and learns, and tells `emit` of each thing as it happens. */
export interface Learner {
  next(item: Example | LateTarget): void;
  /** Learns what remains. */
  finish(): void;
}

export function createLearner(trainer: Trainer, emit: (event: Learned) => void, state?: StreamState): Learner {
  const stream = createStream(trainer, state);
  const track = trackState(stream);

  const update = (): void => {
    const windows = stream.take();
    if (windows.length === 0) return;
    const done = trainer.learnMany(windows);
    emit({ kind: 'update', update: done, state: track() });
  };

  return {
    next(item) {
      if ('forStep' in item) {
        emit({ number: item.forStep, ...stream.target(item.forStep, item.target) } as Learned);
        track();
        if (item.forStep === stream.steps && stream.due(false)) update();
        return;
      }
      if (stream.due()) update();
      const { step, number, loss } = stream.step(item.input, item.target);
      emit({ kind: 'step', number, step, target: item.target, loss, state: track() });
      if (stream.due(false)) update();
    },
    finish: update,
  };
}

/** Each call makes the `state` of one event, and outdates those of the events before. */
export function trackState(stream: LearningStream): () => () => StreamState {
  let current = 0;
  return () => {
    const moment = ++current;
    return () => {
      if (moment !== current)
        throw new StaleStateError(
          'Expected state() to be called before the stream moves on: call it when the event comes',
        );
      return stream.state();
    };
  };
}
