import type { Kernels } from '../kernels/kernels.js';

/** α of the usual length, some 1,000 updates. */
const alpha = 0.999;
/** Updates that count as they are. */
const settling = 10;
/** After these, one length counts as at most this many usual ones: a leap is followed slowly. */
const mostCounted = 2;
/** After these, the strongest pull grows by this at a stronger one. */
const slowly = 1.001;

/** Of a learner that is watched: how long its updates usually are for the gradient that they follow, at a whole learning rate. */
export interface Pace {
  /** Before an update; `weights` is their address. */
  mark(weights: number): void;
  /**
   * After it: moves the weights back along the update until it is as long as usual for its gradient, where it was much longer. Whether it
   * was.
   *
   * @param gradient norm of what was followed
   */
  keep(weights: number, gradient: number, rate: number): boolean;
  /** Numbers alone, so that a checkpoint can hold them. */
  readonly state: { usual: number; pull: number; strongest: number; count: number; seen: number };
}

/**
 * Bounds how far one update moves the weights by how far its gradient usually would. A bound on the gradient alone does not: the length of an
 * update of Adam follows from the learning rate. Nor would the usual length of updates do: a learner that is mostly sure makes
 * short ones, until it is wrong, and learns most from those that are a hundred times longer. Much like update clipping (Shazeer
 * and Stern 2018, section 6), with a bound that is the learner's own. A gradient far stronger than any before counts as the strongest of these.
 *
 * @param size numbers in the weights
 * @param longest times the usual from which on an update is shortened, to the usual
 * @param memory share of the update before that an update goes on with: β1, or the momentum
 */
export function createPace(kernels: Kernels, size: number, longest: number, memory: number): Pace {
  const [{ address: before }, { address: back }] = [kernels.arena.reserve(size), kernels.arena.reserve(size)];
  const state = { usual: 0, pull: 0, strongest: 0, count: 0, seen: 0 };

  /** What the update follows: the gradient, or what is left of those before it. */
  const follow = (gradient: number): number => {
    state.pull = Math.max(gradient, memory * state.pull);
    const most = state.seen < settling ? state.pull : slowly * state.strongest;
    state.strongest = Math.max(state.strongest, Math.min(state.pull, most));
    return state.pull > longest * state.strongest ? state.strongest : state.pull;
  };

  return {
    state,
    mark: weights => kernels.copy(weights, before, size),
    keep(weights, gradient, rate) {
      const pull = follow(gradient);
      if (pull === 0) return false;
      // The way back: what was before, less what is now.
      kernels.copy(before, back, size);
      kernels.sgd(back, weights, back, size, 1, 1, 0);
      const length = Math.sqrt(kernels.sumSquares(back, size)) / rate / pull;
      const settled = state.seen >= settling && state.usual > 0;
      const long = settled && length > longest * state.usual;
      if (long) {
        kernels.copy(before, weights, size);
        kernels.sgd(weights, back, back, size, 1, state.usual / length, 0);
      }
      const counted = settled ? Math.min(length, mostCounted * state.usual) : length;
      // What is beyond float32 says nothing of what is usual.
      if (!Number.isFinite(counted)) return long;
      state.seen++;
      state.count = 1 + alpha * state.count;
      state.usual += (counted - state.usual) / state.count;
      return long;
    },
  };
}
