import { createFadingMean, type FadingSum } from './fading.js';
import { brief } from './numbers.js';

/** Plain data; a pair for each target. */
export interface SavedScore {
  readonly error: readonly FadingSum[];
  readonly persistence: readonly FadingSum[];
}

/**
 * Running mean absolute errors of forecasts, and of persistence, in the units of the data: old ones fade.
 *
 * @param persistent whether there is a value to persist
 */
export function createScore(targets: readonly string[], persistent: boolean, from?: SavedScore) {
  const error = targets.map((_, i) => createFadingMean(from?.error?.[i]));
  const persistence = targets.map((_, i) => createFadingMean(from?.persistence?.[i]));
  const named = (means: typeof error) => Object.fromEntries(targets.map((name, i) => [name, brief(means[i].value())]));
  return {
    /** Missing values score nothing. */
    add(actual: ArrayLike<number>, foretold: readonly number[], last: readonly number[]): void {
      for (let i = 0; i < targets.length; i++) {
        const own = Math.abs(foretold[i] - actual[i]);
        const trivial = Math.abs(last[i] - actual[i]);
        if (Number.isNaN(own) || (persistent && Number.isNaN(trivial))) continue;
        error[i].add(own);
        persistence[i].add(trivial);
      }
    },
    read: () => ({ error: named(error), ...(persistent ? { persistence: named(persistence) } : {}) }),
    /** The mean over the targets of error / error of persistence. */
    progress(): string {
      const ratios = error.map((mean, i) => mean.value() / persistence[i].value()).filter(Number.isFinite);
      if (!persistent || ratios.length === 0) return '';
      return `error ${(ratios.reduce((a, b) => a + b, 0) / ratios.length).toFixed(3)} of persistence`;
    },
    state: (): SavedScore => ({
      error: error.map(mean => mean.state()),
      persistence: persistence.map(mean => mean.state()),
    }),
  };
}
