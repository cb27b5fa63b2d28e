import type { Floats } from '../kernels/memory.js';

/** α of the usual length, some 1,000 updates. */
const alpha = 0.999;
/** Lengths that count as they are. */
const settling = 10;
/** After these, one length counts as at most this many usual ones: a leap is followed slowly. */
const mostCounted = 2;

/** Of a learner that is watched: how long its updates usually are, as Euclidean norms of Δw at a whole learning rate. */
export interface Pace {
  /** Before an update. */
  mark(weights: Floats): void;
  /** After it: moves the weights back along the update until it is no longer than usual, where it was much longer. Whether it was. */
  keep(weights: Floats, rate: number): boolean;
  /** Numbers alone, so that a checkpoint can hold them. */
  readonly state: { usual: number; count: number; seen: number };
}

/**
 * Bounds how far one update moves the weights by how far they usually move. A bound on the gradient alone does not: the length of an
 * update of Adam follows from the learning rate. Much like update clipping (Shazeer and Stern 2018, section 6), with a bound
 * that is the learner's own.
 *
 * @param before room for the weights before an update
 * @param longest usual lengths from which on an update is shortened, to one
 */
export function createPace(before: Floats, longest: number): Pace {
  const state = { usual: 0, count: 0, seen: 0 };
  return {
    state,
    mark: weights => before.set(weights),
    keep(weights, rate) {
      let squares = 0;
      for (let i = 0; i < weights.length; i++) squares += (weights[i] - before[i]) * (weights[i] - before[i]);
      const length = Math.sqrt(squares) / rate;
      const settled = state.seen >= settling && state.usual > 0;
      const long = settled && length > longest * state.usual;
      if (long) {
        const scale = state.usual / length;
        for (let i = 0; i < weights.length; i++) weights[i] = before[i] + scale * (weights[i] - before[i]);
      }
      state.seen++;
      state.count = 1 + alpha * state.count;
      const counted = settled ? Math.min(length, mostCounted * state.usual) : length;
      state.usual += (counted - state.usual) / state.count;
      return long;
    },
  };
}
