import { ConfigError, expectOptions } from '../errors.js';
import { log } from '../kernels/functions.js';

export interface AdwinOptions {
  /** How often, at most, a mean that stays is taken for one that changed, in the theory of the paper. Default 0.002. */
  readonly delta?: number;
  /**
   * Width of the interval that the values are from. Default 1. A value further than this from the mean counts as so far, and each further one
   * as at most twice as far as the one before it: one alone hides no change, and a level that stays is followed.
   */
  readonly range?: number;
  /** Values between two looks for a change. Default 32. */
  readonly clock?: number;
}

/** The mean has changed: what the window lost, and what it kept. */
export interface Change {
  /** Mean of the values before the change, and how many of them were dropped. */
  readonly before: number;
  readonly dropped: number;
  /** Mean of the values after it, and how many there are. */
  readonly after: number;
  readonly kept: number;
}

export interface Adwin {
  /** The next value; what changed, if the window was cut. */
  add(value: number): Change | undefined;
  /** Values so far that were too far from the mean for the range, and counted as less far. */
  readonly limited: number;
  /** Values in the window. */
  readonly width: number;
  readonly mean: number;
  /** Buckets that hold them: at most 6 for each power of two in the width. */
  readonly buckets: number;
}

/** Some neighbouring values: how many, their sum, and the sum of the squares of their distances from their mean. */
interface Bucket {
  readonly count: number;
  readonly sum: number;
  readonly squares: number;
}

/** Buckets of one size, at most; one more, and the two oldest become one of the next size. */
const bucketsOfSize = 5;
/** Values on either side of a cut, at least, and in the window. */
const leastPart = 5;
const leastWindow = 10;

/**
 * ADWIN2 (Bifet and Gavaldà 2007, "Learning from time-changing data with adaptive windowing"): a window over the newest values
 * that grows while their mean stays and drops its oldest part where it changed, kept as an exponential histogram in room
 * that grows with the logarithm of its width.
 *
 * @throws ConfigError naming the option that is wrong
 */
export function createAdwin(options: AdwinOptions = {}): Adwin {
  expectOptions(options, ['delta', 'range', 'clock']);
  const { delta = 0.002, range = 1, clock = 32 } = options;
  if (!(delta > 0 && delta < 1)) throw new ConfigError(`Expected delta to be above 0 and below 1, got ${delta}`);
  if (!(range > 0 && range < Number.POSITIVE_INFINITY))
    throw new ConfigError(`Expected range to be a positive number, got ${range}`);
  if (!(Number.isInteger(clock) && clock >= 1))
    throw new ConfigError(`Expected clock to be an integer from 1, got ${clock}`);

  /** By size: rows[i] has buckets of 2^i values, the oldest first. */
  const rows: Bucket[][] = [];
  let total = empty;
  let seen = 0;
  let limited = 0;
  /** How far from the mean the next value may be. */
  let reach = range;

  /** The paper has values of an interval, of which none is further than its width from a mean: one that is would outweigh all others. */
  const limit = (value: number): number => {
    if (total.count === 0) return value;
    const mean = total.sum / total.count;
    const far = Math.abs(value - mean);
    const near = far > reach ? mean + Math.sign(value - mean) * reach : value;
    if (far > reach) limited++;
    reach = Math.max(range, 2 * Math.min(far, reach));
    return near;
  };

  const insert = (value: number): void => {
    const one = { count: 1, sum: value, squares: 0 };
    total = join(total, one);
    let carried: Bucket | undefined = one;
    for (let i = 0; carried !== undefined; i++) {
      if (i === rows.length) rows.push([]);
      const row = rows[i];
      row.push(carried);
      carried = row.length > bucketsOfSize ? join(row.shift()!, row.shift()!) : undefined;
    }
  };

  const dropOldest = (): Bucket => {
    const oldest = rows[rows.length - 1].shift()!;
    while (rows.length > 0 && rows[rows.length - 1].length === 0) rows.pop();
    total = without(total, oldest);
    return oldest;
  };

  /** The means on the two sides of a cut differ by more than chance allows (equation 3.1 and section 4 of the paper). */
  const differ = (old: Bucket, recent: Bucket): boolean => {
    const chance = log((2 * log(total.count)) / delta);
    const m = 1 / (1 / old.count + 1 / recent.count);
    const variance = total.squares / total.count;
    const cut = Math.sqrt((2 / m) * variance * chance) + ((2 * range) / (3 * m)) * chance;
    return Math.abs(old.sum / old.count - recent.sum / recent.count) > cut;
  };

  /** The first cut, from the oldest, where the mean has changed. */
  const findCut = (): readonly [Bucket, Bucket] | undefined => {
    let old = empty;
    for (let i = rows.length - 1; i >= 0; i--) {
      for (const bucket of rows[i]) {
        old = join(old, bucket);
        const recent = without(total, old);
        if (recent.count < leastPart) return undefined;
        if (old.count >= leastPart && differ(old, recent)) return [old, recent];
      }
    }
    return undefined;
  };

  return {
    add(value) {
      insert(limit(value));
      seen++;
      if (seen % clock !== 0) return undefined;
      let dropped = empty;
      for (let cut = total.count >= leastWindow ? findCut() : undefined; cut !== undefined; cut = findCut()) {
        dropped = join(dropped, dropOldest());
        if (total.count < leastWindow) break;
      }
      if (dropped.count === 0) return undefined;
      return {
        before: dropped.sum / dropped.count,
        dropped: dropped.count,
        after: total.sum / total.count,
        kept: total.count,
      };
    },
    get limited() {
      return limited;
    },
    get width() {
      return total.count;
    },
    get mean() {
      return total.sum / total.count;
    },
    get buckets() {
      return rows.reduce((sum, row) => sum + row.length, 0);
    },
  };
}

const empty: Bucket = { count: 0, sum: 0, squares: 0 };

/** Chan, Golub and LeVeque 1979: the squares of two parts together. */
function join(a: Bucket, b: Bucket): Bucket {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const gap = a.sum / a.count - b.sum / b.count;
  return { count, sum: a.sum + b.sum, squares: a.squares + b.squares + (gap * gap * a.count * b.count) / count };
}

/** The part that remains when `b` is taken from the whole it is part of. */
function without(whole: Bucket, b: Bucket): Bucket {
  const count = whole.count - b.count;
  if (count === 0) return empty;
  const sum = whole.sum - b.sum;
  const gap = sum / count - b.sum / b.count;
  const squares = whole.squares - b.squares - (gap * gap * count * b.count) / whole.count;
  return { count, sum, squares: Math.max(0, squares) };
}
