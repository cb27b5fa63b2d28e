import type { Input } from '../model/input.js';
import type { Window } from './window.js';

/** α of the usual size, some 1,000 updates. */
const alpha = 0.999;
/** Inputs before which none is brought down. */
const settling = 10;

/** Of a learner that is watched: how large its inputs usually are, as the largest |x| of a row. */
export interface Reach {
  /** The input itself, or a copy whose elements are brought within ± the limit. */
  limit(input: Input | null): Input | null;
  /**
   * What is usual follows the newest inputs of windows that are new, as they were brought down: spikes move it little, a range that has
   * changed for good is followed within some hundred updates. Rows of zeros say nothing.
   */
  observe(windows: readonly Window[]): void;
  /** Numbers alone, so that a checkpoint can hold them. */
  readonly state: { usual: number; count: number; seen: number };
}

/**
 * Bounds how far an input reaches by how far inputs usually reach. A spike saturates every unit, or fills those of a ReLU layer for a
 * hundred steps; what is learned from windows with such states fits nothing else, and no bound on gradients or updates tells, since
 * these are as long as ever.
 *
 * @param largest usual sizes beyond which an element of an input is brought down to so many
 */
export function createReach(largest: number): Reach {
  const state = { usual: 0, count: 0, seen: 0 };
  return {
    state,
    limit(input) {
      if (state.seen < settling) return input;
      const most = largest * state.usual;
      if (!(sizeOf(input) > most)) return input;
      return (input as Float32Array).map(value => Math.max(-most, Math.min(most, value)));
    },
    observe(windows) {
      for (const { inputs, replayed } of windows) {
        const size = replayed ? 0 : sizeOf(inputs[inputs.length - 1]);
        if (size === 0) continue;
        state.count = 1 + alpha * state.count;
        state.usual += (size - state.usual) / state.count;
        state.seen++;
      }
    },
  };
}

/** The largest |x| of a row; 0 of what is no row, or none of finite numbers, which is for others to refuse. */
function sizeOf(input: Input | null): number {
  if (typeof input !== 'object' || input === null) return 0;
  let most = 0;
  for (let i = 0; i < input.length; i++) if (Math.abs(input[i]) > most) most = Math.abs(input[i]);
  return Number.isFinite(most) ? most : 0;
}
