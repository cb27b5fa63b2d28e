/** Running mean and variance of one column, in float64. */
export interface Statistics {
  /** Values so far. */
  readonly count: number;
  readonly mean: number;
  /** Of the values themselves (divided by their number, not by one less). */
  readonly variance: number;
}

export const noStatistics: Statistics = { count: 0, mean: 0, variance: 0 };

/** Values before any of them is taken for a spike. */
const settled = 10;

/**
 * The statistics with one more value (Welford 1962), which is first brought within `clamp` deviations of the mean, so that
 * a spike moves them a little and not for ever.
 *
 * @param span values that count at most: beyond it, old ones fade
 */
export function observe(before: Statistics, value: number, clamp: number, span: number): Statistics {
  const { mean, variance } = before;
  const count = before.count + 1;
  const reach = clamp * Math.sqrt(variance);
  const near = before.count < settled || reach === 0 ? value : limit(value, mean - reach, mean + reach);
  const weight = 1 / Math.min(count, span);
  const difference = near - mean;
  const moved = mean + difference * weight;
  const spread = variance + (difference * (near - moved) - variance) * weight;
  return { count, mean: moved, variance: Math.max(spread, 0) };
}

/** The unit of standardised values: the deviation; where nothing has varied yet, the size of the mean, or 1. */
export function deviation({ mean, variance }: Statistics): number {
  return Math.sqrt(variance) || Math.abs(mean) || 1;
}

export function limit(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Of values up to ±1e150 and of what lies between two of them; beyond it, the next value could overflow. */
const most = { count: 2 ** 52, mean: 1e151, variance: 1e301 };

/** Statistics of this many columns, as they were read from a file. */
export function isStatistics(found: unknown, length: number): found is readonly Statistics[] {
  return (
    Array.isArray(found) &&
    found.length === length &&
    found.every(
      (one: Partial<Statistics> | null) =>
        Number.isSafeInteger(one?.count) &&
        one!.count! >= 0 &&
        one!.count! <= most.count &&
        isWithin(one!.mean, -most.mean, most.mean) &&
        isWithin(one!.variance, 0, most.variance),
    )
  );
}

/** Whether it is a number, and neither below nor above. */
export function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}
