import { ConfigError } from '../errors.js';
import type { OutputKind } from '../model/config.js';
import { createAverage } from './average.js';
import { createJudge, type Guess, type Judge, type Metrics, type Scores } from './judge.js';
import type { Target } from './loss.js';

export interface MetricsOptions {
  /** α of the fading averages: 0.999 looks back some 1,000 steps. Default 0.999. */
  readonly fading?: number;
  /** What the outputs are. Without it: classes where the first target is a number and there are several outputs, else values. */
  readonly kind?: OutputKind;
  /**
   * Targets and predictions of values in units of the data; `number` is the step whose forecast it is, so that both are read
   * with the scale of the time of prediction. Default: as they are.
   */
  readonly unscale?: (values: ArrayLike<number>, number: number) => ArrayLike<number>;
  /** Steps whose target may still come, at most; the oldest is given up, and counted as `unscored`. Default 10,000. */
  readonly maxPending?: number;
}

/** Prequential metrics of one stream, in bounded memory. */
export interface RunningMetrics {
  /** Step `number` was predicted; its target may come. */
  predicted(number: number): void;
  /** The target of step `number` came. Undefined where its prediction is not known any more; null targets score nothing. */
  scored(number: number, prediction: ArrayLike<number>, target: Target, loss: number): Metrics | undefined;
  /** The target of step `number` will not count. */
  dropped(number: number): void;
}

/** @throws ConfigError naming the option that is wrong */
export function createMetrics(options: MetricsOptions = {}): RunningMetrics {
  const { fading = 0.999, kind, unscale = (values: ArrayLike<number>) => values, maxPending = 10_000 } = options;
  if (!(fading > 0 && fading <= 1)) throw new ConfigError(`Expected fading to be above 0 and at most 1, got ${fading}`);
  if (!(maxPending >= 1)) throw new ConfigError(`Expected maxPending to be at least 1, got ${maxPending}`);
  if (kind !== undefined && kind !== 'classes' && kind !== 'labels' && kind !== 'values')
    throw new ConfigError(`Expected kind to be 'classes', 'labels' or 'values', got ${String(kind)}`);
  if (typeof unscale !== 'function') throw new ConfigError(`Expected unscale to be a function, got ${typeof unscale}`);

  const loss = createAverage(fading);
  /** What the trivial predictors said at each step whose target may still come; the newest step apart, which most often is next. */
  const pending = new Map<number, Guess | undefined>();
  let newest: { readonly number: number; readonly guess: Guess | undefined } | undefined;
  let judge: Judge | undefined;
  let count = 0;
  let unscored = 0;

  /** What was said at that step, which is not kept any longer; undefined where it is not known. */
  const take = (number: number): typeof newest => {
    if (newest?.number === number) {
      const found = newest;
      newest = undefined;
      return found;
    }
    if (!pending.has(number)) return undefined;
    const guess = pending.get(number);
    pending.delete(number);
    return { number, guess };
  };

  return {
    predicted(number) {
      if (newest) pending.set(newest.number, newest.guess);
      newest = { number, guess: judge?.guess() };
      if (pending.size < maxPending) return;
      const [oldest] = pending.keys();
      pending.delete(oldest);
    },

    scored(number, prediction, target, stepLoss) {
      const known = take(number);
      if (target === null) return undefined;
      if (known === undefined) {
        unscored++;
        return undefined;
      }
      judge ??= createJudge(kind ?? kindOf(prediction, target), fading, unscale);
      count++;
      loss.add(stepLoss);
      const nats = loss.read();
      const bits = { mean: nats.mean * Math.LOG2E, fading: nats.fading * Math.LOG2E };
      const scores: Scores = { number, count, loss: nats, bits, unscored };
      const metrics = judge.score(scores, prediction, target, known.guess);
      judge.learn(number, target);
      return metrics;
    },

    dropped: number => {
      take(number);
    },
  };
}

function kindOf(prediction: ArrayLike<number>, target: Exclude<Target, null>): OutputKind {
  return typeof target === 'number' && prediction.length > 1 ? 'classes' : 'values';
}
