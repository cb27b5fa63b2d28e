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

type Answered = ((step: RemoteStep) => void) | undefined;

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

/** Milliseconds of items in one turn: many lessons leave room for others, and whoever looks on sees them learned. */
const longestTurn = 10;

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
  let due: Answered[] = [];
  let waiting: { readonly item: RemoteItem; readonly answered: readonly Answered[] }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  life.add(() => clearTimeout(timer));

  life.add(
    runners
      .pipe(
        switchMap(runner =>
          staying(status, 'draw', opened => {
            items = new Subject();
            due = [];
            waiting = [];
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

  const turn = (): void => {
    timer = undefined;
    const end = performance.now() + longestTurn;
    let at = 0;
    while (at < waiting.length && performance.now() < end) {
      const { item, answered } = waiting[at++];
      due.push(...answered);
      items.next(item);
    }
    waiting = waiting.slice(at);
    if (waiting.length > 0) timer = setTimeout(turn);
  };
  const put = (item: RemoteItem, answered: readonly Answered[] = []): void => {
    waiting.push({ item, answered });
    timer ??= setTimeout(turn);
  };
  const say = (sequence: Sequence, target: number | undefined, last?: Answered): void => {
    put({ reset: true });
    sequence.inputs.forEach((input, i) => {
      const end = i === sequence.inputs.length - 1;
      put(target === undefined ? { input } : { input, target: end ? target : null }, [end ? last : undefined]);
    });
  };

  return {
    see(points, inputs) {
      put(points, Array(inputs).fill(on.seen));
    },
    turn: () => put({ reset: true }),
    learn(sequences) {
      for (const sequence of sequences) say(sequence, sequence.answer);
      put({ reset: true });
    },
    ask(sequences, answered) {
      let [right, of] = [0, 0];
      for (const sequence of sequences)
        say(sequence, undefined, ({ prediction }) => {
          if (argmax(prediction) === sequence.answer) right++;
          if (++of === sequences.length) answered({ right, of });
        });
      put({ reset: true });
    },
    forget() {
      waiting = [];
      put({ reset: true, weights: true });
    },
  };
}
