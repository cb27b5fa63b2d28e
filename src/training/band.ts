import { exp } from '../kernels/double.js';
import { type Average, type AverageState, createAverage } from './average.js';

/** How well the bands of a forecast hold what comes, over all values. */
export interface BandScores {
  /** The share of values within: of a band that is right, its level. */
  readonly coverage: Average;
  /**
   * The pinball loss of both edges, in the units of `Errors`: (y − q) τ above an edge q that a share τ should lie below, (q − y) (1 − τ)
   * below it (Koenker and Bassett 1978); least where the edges are right.
   */
  readonly pinball: Average;
  /** From edge to edge, in the units of `Errors`: of two bands that cover as much the narrower is better. */
  readonly width: Average;
}

/**
 * @param level share of the values that should lie within the band: its edges are the quantiles (1 ± level) / 2 of a normal density
 * @param alpha, width, from as of an average
 */
export function createBandScores(level: number, alpha: number, width: number, from?: readonly AverageState[]) {
  const low = (1 - level) / 2;
  const reach = normalQuantile(1 - low);
  const [coverage, pinball, span] = [0, 1, 2].map(i => createAverage(alpha, width, from?.[i]));
  const lossOf = (y: number, q: number, tau: number): number => (y >= q ? (y - q) * tau : (q - y) * (1 - tau));
  return {
    /** One step; means, deviations and truth have a number for each value. */
    add(means: ArrayLike<number>, deviations: ArrayLike<number>, truth: ArrayLike<number>): void {
      let [within, loss, wide] = [0, 0, 0];
      const { length } = truth;
      for (let i = 0; i < length; i++) {
        const [below, above] = [means[i] - reach * deviations[i], means[i] + reach * deviations[i]];
        if (truth[i] >= below && truth[i] <= above) within++;
        loss += (lossOf(truth[i], below, low) + lossOf(truth[i], above, 1 - low)) / 2;
        wide += above - below;
      }
      coverage.add(within / length);
      pinball.add(loss / length);
      span.add(wide / length);
    },
    read: (): BandScores => ({ coverage: coverage.read(), pinball: pinball.read(), width: span.read() }),
    state: (): AverageState[] => [coverage, pinball, span].map(average => average.state()),
  };
}

/**
 * z with Φ(z) = p, for p from ½ to below 1: halved 60 times between 0 and 9, Φ(z) = ½ + φ(z) (z + z³/3 + z⁵/(3·5) + …).
 * Error below 1e-12 for p up to 1 − 1e-9.
 */
export function normalQuantile(p: number): number {
  const below = (z: number): number => {
    let [term, sum] = [z, z];
    for (let k = 3; term > sum * 1e-17; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    return 0.5 + (exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * sum;
  };
  let [low, high] = [0, 9];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (below(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
