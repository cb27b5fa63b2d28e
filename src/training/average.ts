/** A mean over all values, and one in which old values fade. NaN before the first value. */
export interface Average {
  readonly mean: number;
  /** S / B with S = value + α S and B = 1 + α B (Gama, Sebastião and Rodrigues 2013, "On evaluating stream learning algorithms"). */
  readonly fading: number;
}

export interface RunningAverage {
  add(value: number): void;
  read(): Average;
  /** The roots of both: of an average of squares. */
  root(): Average;
}

/** @param alpha the fading factor α, above 0 and at most 1 */
export function createAverage(alpha: number): RunningAverage {
  let sum = 0;
  let count = 0;
  let fadingSum = 0;
  let fadingCount = 0;
  return {
    add(value) {
      sum += value;
      count++;
      fadingSum = value + alpha * fadingSum;
      fadingCount = 1 + alpha * fadingCount;
    },
    read: () => ({ mean: sum / count, fading: fadingSum / fadingCount }),
    root: () => ({ mean: Math.sqrt(sum / count), fading: Math.sqrt(fadingSum / fadingCount) }),
  };
}
