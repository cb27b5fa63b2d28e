import { argmax, type ModelConfig, type Point } from 'eddy';
import type { RemoteItem, RemoteStep } from 'eddy/client';
import { type Observable, Subject, type Subscription, switchMap } from 'rxjs';
import { type Status, staying } from '../parts/status.js';
import type { Place, Runner } from '../run/runner.js';
import { lessons, type Sequence } from './lessons.js';

/** How often what it was asked is answered as it should be. */
export interface Score {
  readonly right: number;
  readonly of: number;
}

export interface Pupil {
  /** Ink of the drawing in hand, and how many inputs it makes. */
  see(points: Point[], inputs: number): void;
  /** The drawing in hand is another. */
  turn(): void;
  /** Learns these drawings, one update each. */
  learn(sequences: readonly Sequence[]): void;
  /** Asks for drawings that it knows or should know: nothing is learned. */
  ask(sequences: readonly Sequence[], answered: (score: Score) => void): void;
  /** All that was learned is gone. */
  forget(): void;
}

/**
 * The network and all that is said to it, one item after the other, here or on the server: ink, lessons and questions, with what is done
 * with the answer to each step.
 *
 * @param on.begun a stream has begun that knows nothing of the page: what it should know is to be said again
 */
export function createPupil(
  runners: Observable<Runner>,
  status: Status,
  network: string,
  on: {
    readonly begun: (config: ModelConfig, place: Place) => void;
    readonly seen: (step: RemoteStep) => void;
    readonly updated: () => void;
  },
  life: Subscription,
): Pupil {
  let items = new Subject<RemoteItem>();
  let due: (((step: RemoteStep) => void) | undefined)[] = [];

  life.add(
    runners
      .pipe(
        switchMap(runner =>
          staying(status, 'draw', opened => {
            items = new Subject();
            due = [];
            let begun = false;
            return items.pipe(
              runner.learn<RemoteItem>(network, lessons, {
                want: { carry: true },
                opened(config) {
                  opened();
                  // A connection that was lost and made again has the session that it had.
                  if (begun) return;
                  begun = true;
                  on.begun(config, runner.place);
                },
              }),
            );
          }),
        ),
      )
      .subscribe(event => {
        if (event.kind === 'update') on.updated();
        else if (event.kind === 'step') due.shift()?.(event.step);
      }),
  );

  const say = (sequence: Sequence, target: number | undefined, last?: (step: RemoteStep) => void): void => {
    items.next({ reset: true });
    sequence.inputs.forEach((input, i) => {
      const end = i === sequence.inputs.length - 1;
      due.push(end ? last : undefined);
      items.next(target === undefined ? { input } : { input, target: end ? target : null });
    });
  };

  return {
    see(points, inputs) {
      for (let i = 0; i < inputs; i++) due.push(on.seen);
      items.next(points);
    },
    turn: () => items.next({ reset: true }),
    learn(sequences) {
      for (const sequence of sequences) say(sequence, sequence.answer);
      items.next({ reset: true });
    },
    ask(sequences, answered) {
      let [right, of] = [0, 0];
      for (const sequence of sequences)
        say(sequence, undefined, ({ prediction }) => {
          if (argmax(prediction) === sequence.answer) right++;
          if (++of === sequences.length) answered({ right, of });
        });
      items.next({ reset: true });
    },
    forget: () => items.next({ reset: true, weights: true }),
  };
}
