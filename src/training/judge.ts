import type { OutputKind } from '../model/output.js';
import { type Accuracy, createShares } from './accuracy.js';
import { type Average, type AverageState, combine, createAverage, type NamedAverages } from './average.js';
import { type BandScores, createBandScores } from './band.js';
import { type Baselines, type BaselinesState, classBaselines, type Guess, valueBaselines } from './baselines.js';
import { createKappa, type KappaState, skill } from './kappa.js';
import type { Target } from './loss.js';
import { createErrors, type Errors } from './value-errors.js';

export interface Scores {
  /** The step that was scored. */
  readonly number: number;
  /** Steps scored so far. */
  readonly count: number;
  /** In nats; of values, in standardised units. NaN where no step had a loss of its own. */
  readonly loss: Average;
  /** The loss in bits: of classes, bits per symbol. */
  readonly bits: Average;
  /** Targets whose prediction was not seen, or not kept long enough. */
  readonly unscored: number;
}

interface Shares {
  /** Of labels, the share on the right side of ½. */
  readonly accuracy: Average;
  /** The newest target that was known when the prediction was made. */
  readonly noChange: Accuracy;
  /** The most frequent target of those known then. */
  readonly majority: Accuracy;
  /** The target of a season before, where `season` says how long that is. */
  readonly season?: Accuracy;
}

interface Distances extends Omit<Errors, 'count'> {
  /** The newest target that was known when the prediction was made. */
  readonly persistence: Errors;
  /** The mean of the targets that were known then. */
  readonly mean: Errors;
  /** The target of a season before, where `season` says how long that is. */
  readonly season?: Errors;
}

/** How a stream has been predicted so far, test then train, beside its trivial predictors. */
export type Metrics =
  | (Scores &
      Shares & {
        readonly kind: 'classes';
        /** Cohen's κ: agreement beyond chance. */
        readonly kappa: Average;
        /**
         * κ-temporal (Bifet et al. 2013, "Pitfalls in benchmarking data stream classification"): (p₀ − p_n) / (1 − p_n), p_n the accuracy of no
         * change, over the steps at which that had something to say. Below 0 is worse than no change.
         */
        readonly kappaTemporal: Average;
      })
  | (Scores & Shares & { readonly kind: 'labels' })
  | (Scores & Distances & { readonly kind: 'values' })
  /** Errors are those of the means. */
  | (Scores & Distances & { readonly kind: 'gaussian'; readonly band: BandScores })
  /** A density has no one answer: its loss says it all. */
  | (Scores & { readonly kind: 'mixture' });

/** How averages are taken, and what is known of the stream. */
export interface JudgeOptions {
  readonly fading: number;
  readonly window: number;
  readonly season?: number;
  readonly level: number;
  readonly unscale: (values: ArrayLike<number>, number: number) => ArrayLike<number>;
}

type Known = Exclude<Target, null>;

/** Judges predictions and trivial predictors of one kind of output by the targets. */
export interface Judge {
  /** The trivial predictors of one more stream, or of one that goes on. */
  baselines(from?: BaselinesState): Baselines<Known, Guess>;
  /** The scores of one more step, with those of its kind. */
  score(scores: Scores, prediction: ArrayLike<number>, target: Known, guess: Guess | undefined): Metrics;
  state(): JudgeState;
}

/** The averages of a judge, and what counts agreement, by name: plain data. */
export interface JudgeState extends NamedAverages {
  readonly kappa?: KappaState;
  readonly band?: readonly AverageState[];
}

/** @param from to go on from */
export function createJudge(kind: OutputKind, options: JudgeOptions, from: JudgeState = {}): Judge {
  if (kind === 'classes') return judgeClasses(options, from);
  if (kind === 'labels') return judgeLabels(options, from);
  if (kind === 'mixture') return judgeDensity();
  return judgeValues(kind, options, from);
}

function judgeDensity(): Judge {
  const nothing: BaselinesState = { newest: { at: 0 }, season: { newest: 0, known: [] } };
  return {
    baselines: () => ({ learn: () => {}, guess: () => undefined, state: () => nothing }),
    score: scores => ({ ...scores, kind: 'mixture' }),
    state: () => ({}),
  };
}

function judgeClasses(options: JudgeOptions, from: JudgeState): Judge {
  const { fading, window } = options;
  const shares = createShares(options, from);
  const kappa = createKappa(fading, window, from.kappa);
  // Of the steps at which no change had something to say.
  const own = createAverage(fading, window, from.averages?.own);
  const right = (answer: unknown, target: Known): number => (answer === target ? 1 : 0);
  return {
    baselines: state => classBaselines(options.season, state) as Baselines<Known, Guess>,
    score({ number, count, loss, bits, unscored }, prediction, target, guess) {
      const answer = greatest(prediction);
      const share = right(answer, target);
      shares.add(share, guess, said => right(said, target));
      kappa.add(answer, target as number);
      if (guess) own.add(share);
      const { accuracy, noChange, majority, season } = shares.read();
      const kappaTemporal = combine(own.read(), noChange.accuracy, skill);
      // Written out: an object that is spread costs ten times as much.
      const scores = { number, count, loss, bits, unscored, kind: 'classes' as const, accuracy, kappa: kappa.read() };
      return season
        ? { ...scores, kappaTemporal, noChange, majority, season }
        : { ...scores, kappaTemporal, noChange, majority };
    },
    state() {
      const { averages, counts } = shares.state();
      return { averages: { ...averages, own: own.state() }, counts, kappa: kappa.state() };
    },
  };
}

function judgeLabels(options: JudgeOptions, from: JudgeState): Judge {
  const shares = createShares(options, from);
  return {
    baselines(before) {
      const { learn, guess, state } = valueBaselines(options.season, before);
      return {
        state,
        learn: (number, target) => learn(number, target as Float32Array),
        guess(number) {
          const said = guess(number);
          if (said === undefined) return undefined;
          const { persistence, mean, season } = said;
          return { noChange: persistence, majority: mean, ...(season ? { season } : {}) };
        },
      };
    },
    score({ number, count, loss, bits, unscored }, prediction, target, guess) {
      const right = (answer: unknown): number => shareRight(answer as ArrayLike<number>, target as Float32Array);
      shares.add(right(prediction), guess, right);
      const { accuracy, noChange, majority, season } = shares.read();
      const scores = { number, count, loss, bits, unscored, kind: 'labels' as const, accuracy, noChange, majority };
      return season ? { ...scores, season } : scores;
    },
    state: shares.state,
  };
}

function judgeValues(
  kind: 'values' | 'gaussian',
  { fading, window, season: period, level, unscale }: JudgeOptions,
  from: JudgeState,
): Judge {
  const create = (name: string) => createErrors(fading, window, name, from);
  const [model, persistence, mean] = [create('model'), create('persistence'), create('mean')];
  const season = period === undefined ? undefined : create('season');
  const band = kind === 'gaussian' ? createBandScores(level, fading, window, from.band) : undefined;
  const listOf = (target: Known): ArrayLike<number> => (typeof target === 'number' ? [target] : target);
  // What unscale returns may be an array that it uses again.
  const raw = (values: ArrayLike<number>, number: number): Float64Array => new Float64Array(unscale(values, number));
  return {
    baselines(before) {
      const { learn, guess, state } = valueBaselines(period, before);
      return { learn: (number, target) => learn(number, raw(listOf(target), number)), guess, state };
    },
    score({ number, count, loss, bits, unscored }, prediction, target, guess) {
      const truth = raw(listOf(target), number);
      const said = band ? Array.from(prediction).slice(0, truth.length) : prediction;
      const answer = raw(said, number);
      model.add(answer, truth);
      if (band) {
        // A deviation is a difference: it has the unit, and not the mean.
        const further = raw(
          answer.map((_, i) => prediction[i] + prediction[truth.length + i]),
          number,
        );
        band.add(
          answer,
          further.map((value, i) => value - answer[i]),
          truth,
        );
      }
      if (guess) {
        persistence.add(guess.persistence as ArrayLike<number>, truth);
        mean.add(guess.mean as ArrayLike<number>, truth);
        if (season && guess.season !== undefined) season.add(guess.season as ArrayLike<number>, truth);
      }
      const { mae, rmse, mape } = model.read();
      // Written out: an object that is spread costs ten times as much.
      const scores = {
        number,
        count,
        loss,
        bits,
        unscored,
        mae,
        rmse,
        mape,
        persistence: persistence.read(),
        mean: mean.read(),
      };
      const seasonal = season && { season: season.read() };
      return band
        ? { ...scores, ...seasonal, kind: 'gaussian', band: band.read() }
        : { ...scores, ...seasonal, kind: 'values' };
    },
    state() {
      const each = [model, persistence, mean, ...(season ? [season] : [])].map(errors => errors.state());
      return {
        averages: Object.assign({}, ...each.map(({ averages }) => averages)),
        counts: Object.assign({}, ...each.map(({ counts }) => counts)),
        ...(band && { band: band.state() }),
      };
    },
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
