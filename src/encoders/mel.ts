import { exp, log } from '../kernels/double.js';

/** `htk`: 2595 log₁₀(1 + f/700), peaks of 1. `slaney`: even below 1 kHz, areas of 1 (librosa's default). */
export const melScales = ['htk', 'slaney'] as const;
export type MelScale = (typeof melScales)[number];

/** A triangle over some bins of a spectrum. */
export interface MelFilter {
  /** The first bin that counts. */
  readonly first: number;
  readonly weights: Float64Array;
}

/** Of `slaney`: mel a Hz below 1 kHz, and mel an e-fold above. */
const linear = 3 / 200;
const stretch = 27 / log(6.4);

export function melOf(hertz: number, scale: MelScale): number {
  if (scale === 'htk') return (2595 * log(1 + hertz / 700)) / Math.LN10;
  return hertz < 1000 ? hertz * linear : 15 + stretch * log(hertz / 1000);
}

export function hertzOf(mel: number, scale: MelScale): number {
  if (scale === 'htk') return 700 * (exp((mel * Math.LN10) / 2595) - 1);
  return mel < 15 ? mel / linear : 1000 * exp((mel - 15) / stretch);
}

/**
 * Triangular filters whose corners are evenly spaced in mel from `low` to `high` hertz; each begins at the peak of the one before it
 * and ends at that of the one after it (as `librosa.filters.mel`). One that lies between two bins has no weights.
 *
 * @param bins of a spectrum from 0 to half of `rate`
 */
export function createMelFilters(settings: {
  readonly rate: number;
  readonly bins: number;
  readonly bands: number;
  readonly low: number;
  readonly high: number;
  readonly scale: MelScale;
}): MelFilter[] {
  const { rate, bins, bands, low, high, scale } = settings;
  const from = melOf(low, scale);
  const to = melOf(high, scale);
  const corners = Array.from({ length: bands + 2 }, (_, i) => hertzOf(from + ((to - from) * i) / (bands + 1), scale));
  const width = rate / (2 * (bins - 1));
  return Array.from({ length: bands }, (_, band) => {
    const [left, peak, right] = corners.slice(band, band + 3);
    const area = scale === 'slaney' ? 2 / (right - left) : 1;
    const weights: number[] = [];
    let first = 0;
    // Those beyond its corners are 0, and need not be looked at.
    const last = Math.min(bins - 1, Math.ceil(right / width) + 1);
    for (let k = Math.max(0, Math.floor(left / width) - 1); k <= last; k++) {
      const hertz = (k * rate) / (2 * (bins - 1));
      const weight = area * Math.max(0, Math.min((hertz - left) / (peak - left), (right - hertz) / (right - peak)));
      if (!(weight > 0)) continue;
      if (weights.length === 0) first = k;
      weights.push(weight);
    }
    return { first, weights: Float64Array.from(weights) };
  });
}
