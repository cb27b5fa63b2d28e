/** A mean in three forms; NaN before the first value. */
export interface Average {
  /** Of all values. */
  readonly mean: number;
  /** Of the newest ones: those of the sliding window. */
  readonly window: number;
  /** S / B with S = value + α S and B = 1 + α B (Gama, Sebastião and Rodrigues 2013, "On evaluating stream learning algorithms"). */
  readonly fading: number;
}

export interface RunningAverage {
  add(value: number): void;
  read(): Average;
  state(): AverageState;
}

/** Plain data, null for what is no finite number: JSON has none. */
export interface AverageState {
  readonly sum: number | null;
  readonly count: number;
  readonly fadingSum: number | null;
  readonly fadingCount: number;
  readonly windowSum: number | null;
  readonly newest: readonly (number | null)[];
  readonly at: number;
}

/** Some averages and counts, by name: plain data. */
export interface NamedAverages {
  readonly averages?: Readonly<Record<string, AverageState>>;
  readonly counts?: Readonly<Record<string, number>>;
}

const defaultWidth = 1000;

/**
 * @param alpha the fading factor α, above 0 and at most 1
 * @param width values in the sliding window; default 1,000
 * @param from to go on from
 */
export function createAverage(alpha: number, width = defaultWidth, from?: AverageState): RunningAverage {
  let sum = from ? read(from.sum) : 0;
  let count = from?.count ?? 0;
  let fadingSum = from ? read(from.fadingSum) : 0;
  let fadingCount = from?.fadingCount ?? 0;
  const newest = from?.newest.map(read) ?? [];
  let windowSum = from ? read(from.windowSum) : 0;
  let at = from?.at ?? 0;
  return {
    add(value) {
      sum += value;
      count++;
      // What is no finite number never fades: the mean begins anew after it.
      if (!Number.isFinite(fadingSum)) fadingSum = fadingCount = 0;
      fadingSum = value + alpha * fadingSum;
      fadingCount = 1 + alpha * fadingCount;
      if (newest.length < width) {
        newest.push(value);
        windowSum += value;
        return;
      }
      windowSum += value - newest[at];
      newest[at] = value;
      at++;
      if (at < width) return;
      // Summed anew at each turn: what rounding left of values that are gone goes with them.
      at = 0;
      windowSum = 0;
      for (const one of newest) windowSum += one;
    },
    read: () => ({ mean: sum / count, window: windowSum / newest.length, fading: fadingSum / fadingCount }),
    state: () => ({
      sum: write(sum),
      count,
      fadingSum: write(fadingSum),
      fadingCount,
      windowSum: write(windowSum),
      newest: newest.map(write),
      at,
    }),
  };
}

function write(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function read(value: number | null): number {
  return value ?? Number.NaN;
}

/** A number out of the same form of two averages. */
export function combine(a: Average, b: Average, rule: (a: number, b: number) => number): Average {
  return { mean: rule(a.mean, b.mean), window: rule(a.window, b.window), fading: rule(a.fading, b.fading) };
}

/** Of an average of squares. */
export function rootOf({ mean, window, fading }: Average): Average {
  return { mean: Math.sqrt(mean), window: Math.sqrt(window), fading: Math.sqrt(fading) };
}
