/** Plain data, so that a mean can go on from a file. */
export interface FadingSum {
  /** Null for what is no finite number: JSON has none. */
  readonly sum: number | null;
  readonly weight: number;
}

/** A mean in which old values fade, that can be saved: S / B with S = value + α S and B = 1 + α B (Gama et al. 2013). */
export interface FadingMean {
  add(value: number): void;
  /** NaN before the first value. */
  value(): number;
  state(): FadingSum;
}

/** 0.999 looks back some 1,000 steps. */
const alpha = 0.999;

export function createFadingMean(from: FadingSum = { sum: 0, weight: 0 }): FadingMean {
  let sum = from.sum ?? Number.NaN;
  let { weight } = from;
  return {
    add(value) {
      // What is no finite number never fades: the mean begins anew after it.
      if (!Number.isFinite(sum)) sum = weight = 0;
      sum = value + alpha * sum;
      weight = 1 + alpha * weight;
    },
    value: () => sum / weight,
    state: () => ({ sum, weight }),
  };
}
