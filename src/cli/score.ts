import { createFadingMean, type FadingSum } from './fading.js';
import { brief } from './numbers.js';

/** Plain data; a pair for each target. */
export interface SavedScore {
  readonly error: readonly FadingSum[];
  readonly persistence: readonly FadingSum[];
  /** Of bands: the share of values that lay within. */
  readonly coverage?: readonly FadingSum[];
}

/** Standard deviations to either side of the mean between which 9 of 10 normal numbers lie. */
export const bandReach = 1.6448536269514722;

/**
 * Running mean absolute errors of forecasts, and of persistence, in the units of the data, and how many values lay in the bands that
 * should hold 9 of 10: old ones fade.
 *
 * @param persistent whether there is a value to persist
 */
export function createScore(targets: readonly string[], persistent: boolean, from?: SavedScore) {
  const error = targets.map((_, i) => createFadingMean(from?.error?.[i]));
  const persistence = targets.map((_, i) => createFadingMean(from?.persistence?.[i]));
  const coverage = targets.map((_, i) => createFadingMean(from?.coverage?.[i]));
  let banded = from?.coverage !== undefined;
  const named = (means: typeof error) => Object.fromEntries(targets.map((name, i) => [name, brief(means[i].value())]));
  return {
    /** Missing values score nothing. */
    add(
      actual: ArrayLike<number>,
      foretold: readonly number[],
      last: readonly number[],
      deviation?: readonly number[],
    ): void {
      for (let i = 0; i < targets.length; i++) {
        const own = Math.abs(foretold[i] - actual[i]);
        const trivial = Math.abs(last[i] - actual[i]);
        if (Number.isNaN(own) || (persistent && Number.isNaN(trivial))) continue;
        error[i].add(own);
        if (deviation) {
          banded = true;
          coverage[i].add(own <= bandReach * deviation[i] ? 1 : 0);
        }
        persistence[i].add(trivial);
      }
    },
    read: () => ({
      error: named(error),
      ...(persistent ? { persistence: named(persistence) } : {}),
      ...(banded ? { coverage: named(coverage) } : {}),
    }),
    /** The mean over the targets of error / error of persistence. */
    progress(): readonly string[] {
      const ratios = error.map((mean, i) => mean.value() / persistence[i].value()).filter(Number.isFinite);
      if (!persistent || ratios.length === 0) return [];
      return [`error ${(ratios.reduce((a, b) => a + b, 0) / ratios.length).toFixed(3)} of persistence`];
    },
    state: (): SavedScore => ({
      error: error.map(mean => mean.state()),
      persistence: persistence.map(mean => mean.state()),
      ...(banded ? { coverage: coverage.map(mean => mean.state()) } : {}),
    }),
  };
}
