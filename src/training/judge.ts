import type { OutputKind } from '../model/config.js';
import { type Average, createAverage } from './average.js';
import { classBaselines, valueBaselines } from './baselines.js';
import type { Target } from './loss.js';

/** Of a trivial predictor, over the steps at whose prediction a target was known. */
export interface Accuracy {
  readonly count: number;
  readonly accuracy: Average;
}

/** In units of the data, over all outputs. */
export interface Errors {
  readonly count: number;
  readonly mae: Average;
  readonly rmse: Average;
}

/** What the trivial predictors said. */
export type Guess = Readonly<Record<string, number | ArrayLike<number>>>;

export interface Scores {
  /** The step that was scored. */
  readonly number: number;
  /** Steps scored so far. */
  readonly count: number;
  /** In nats; of values, in standardised units. */
  readonly loss: Average;
  /** The loss in bits: of classes, bits per symbol. */
  readonly bits: Average;
  /** Targets whose prediction was not seen, or not kept long enough. */
  readonly unscored: number;
}

/** How a stream has been predicted so far, test then train, beside its trivial predictors. */
export type Metrics =
  | (Scores & {
      readonly kind: 'classes' | 'labels';
      /** Of labels, the share on the right side of ½. */
      readonly accuracy: Average;
      /** The newest target that was known when the prediction was made. */
      readonly noChange: Accuracy;
      /** The most frequent target of those known then. */
      readonly majority: Accuracy;
    })
  | (Scores & {
      readonly kind: 'values';
      readonly mae: Average;
      readonly rmse: Average;
      /** The newest target that was known when the prediction was made. */
      readonly persistence: Errors;
      /** The mean of the targets that were known then. */
      readonly mean: Errors;
    });

/** Judges predictions and trivial predictors of one kind of output by the targets. */
export interface Judge {
  learn(number: number, target: Exclude<Target, null>): void;
  /** What the trivial predictors say now; undefined before the first target. */
  guess(): Guess | undefined;
  /** The scores of one more step, with those of its kind. */
  score(
    scores: Scores,
    prediction: ArrayLike<number>,
    target: Exclude<Target, null>,
    guess: Guess | undefined,
  ): Metrics;
}

export function createJudge(
  kind: OutputKind,
  fading: number,
  unscale: (values: ArrayLike<number>, number: number) => ArrayLike<number>,
): Judge {
  if (kind === 'classes') return judgeClasses(fading);
  return kind === 'labels' ? judgeLabels(fading) : judgeValues(fading, unscale);
}

function judgeClasses(fading: number): Judge {
  const baselines = classBaselines();
  return judgeShares('classes', fading, {
    learn: (number, target) => baselines.learn(number, target as number),
    guess: baselines.guess,
    right: (prediction, target) => (greatest(prediction) === target ? 1 : 0),
    guessed: ({ noChange, majority }, target) => [noChange === target ? 1 : 0, majority === target ? 1 : 0],
  });
}

function judgeLabels(fading: number): Judge {
  const baselines = valueBaselines();
  const right = (answer: unknown, target: unknown): number =>
    shareRight(answer as ArrayLike<number>, target as Float32Array);
  return judgeShares('labels', fading, {
    learn: (number, target) => baselines.learn(number, target as Float32Array),
    guess: baselines.guess,
    right,
    guessed: ({ persistence, mean }, target) => [right(persistence, target), right(mean, target)],
  });
}

/** The model, no change and the majority, each by the share of its answers that are right. */
function judgeShares(
  kind: 'classes' | 'labels',
  fading: number,
  rule: Pick<Judge, 'learn' | 'guess'> & {
    right(prediction: ArrayLike<number>, target: Exclude<Target, null>): number;
    /** Of no change and of the majority. */
    guessed(guess: Guess, target: Exclude<Target, null>): readonly [number, number];
  },
): Judge {
  const [model, noChange, majority] = [0, 1, 2].map(() => createAccuracy(fading));
  return {
    learn: rule.learn,
    guess: rule.guess,
    score({ number, count, loss, bits, unscored }, prediction, target, guess) {
      model.add(rule.right(prediction, target));
      if (guess) {
        const [same, most] = rule.guessed(guess, target);
        noChange.add(same);
        majority.add(most);
      }
      return {
        number,
        count,
        loss,
        bits,
        unscored,
        kind,
        accuracy: model.read().accuracy,
        noChange: noChange.read(),
        majority: majority.read(),
      };
    },
  };
}

function judgeValues(fading: number, unscale: (values: ArrayLike<number>, number: number) => ArrayLike<number>): Judge {
  const baselines = valueBaselines();
  const [model, persistence, mean] = [0, 1, 2].map(() => createErrors(fading));
  const listOf = (target: Exclude<Target, null>): ArrayLike<number> => (typeof target === 'number' ? [target] : target);
  // What unscale returns may be an array that it uses again.
  const raw = (values: ArrayLike<number>, number: number): Float64Array => new Float64Array(unscale(values, number));
  return {
    learn: (number, target) => baselines.learn(number, raw(listOf(target), number)),
    guess: baselines.guess,
    score(scores, prediction, target, guess) {
      const truth = raw(listOf(target), scores.number);
      model.add(raw(prediction, scores.number), truth);
      if (guess) {
        persistence.add(guess.persistence as ArrayLike<number>, truth);
        mean.add(guess.mean as ArrayLike<number>, truth);
      }
      const { mae, rmse } = model.read();
      const { number, count, loss, bits, unscored } = scores;
      // Written out: an object that is spread costs ten times as much.
      return {
        number,
        count,
        loss,
        bits,
        unscored,
        kind: 'values',
        mae,
        rmse,
        persistence: persistence.read(),
        mean: mean.read(),
      };
    },
  };
}

function createAccuracy(fading: number) {
  const average = createAverage(fading);
  let count = 0;
  return {
    add(share: number): void {
      count++;
      average.add(share);
    },
    read: (): Accuracy => ({ count, accuracy: average.read() }),
  };
}

function createErrors(fading: number) {
  const [absolute, squared] = [createAverage(fading), createAverage(fading)];
  let count = 0;
  return {
    add(answer: ArrayLike<number>, truth: ArrayLike<number>): void {
      count++;
      let sum = 0;
      let squares = 0;
      for (let i = 0; i < truth.length; i++) {
        const error = answer[i] - truth[i];
        sum += Math.abs(error);
        squares += error * error;
      }
      absolute.add(sum / truth.length);
      squared.add(squares / truth.length);
    },
    read: (): Errors => ({ count, mae: absolute.read(), rmse: squared.root() }),
  };
}

/** The place of the greatest probability, the first of equal ones; −1, which is no class, where there is none but NaN. */
function greatest(prediction: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < prediction.length; i++) if (prediction[i] > prediction[best]) best = i;
  return Number.isNaN(prediction[best]) ? -1 : best;
}

function shareRight(answer: ArrayLike<number>, target: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < target.length; i++) if (answer[i] >= 0.5 === target[i] >= 0.5) right++;
  return right / target.length;
}
