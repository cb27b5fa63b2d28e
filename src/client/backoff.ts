/** How long a client waits before it connects again: drawn from 0 to a bound that doubles each time (full jitter). */
export interface Backoff {
  /** Milliseconds until the next attempt; at least so many. */
  next(atLeast?: number): number;
  /** It went well: the bound is small again. */
  reset(): void;
  /** Attempts since then. */
  readonly attempts: number;
}

/** Milliseconds. */
export interface BackoffBounds {
  readonly first: number;
  readonly most: number;
}

/** @param random from 0 to 1 */
export function createBackoff({ first, most }: BackoffBounds, random: () => number): Backoff {
  let attempts = 0;
  return {
    get attempts() {
      return attempts;
    },
    next(atLeast = 0) {
      const bound = Math.min(most, first * 2 ** Math.min(attempts++, 30));
      // Those that were told the same time do not come all at once.
      return atLeast + random() * Math.max(bound, atLeast);
    },
    reset() {
      attempts = 0;
    },
  };
}
