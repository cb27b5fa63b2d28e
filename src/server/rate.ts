/** So many a second, and as many at once: a bucket that fills as time goes by. */
export interface Rate {
  /** Infinite is no bound. */
  readonly perSecond: number;
  left: number;
  /** When it was last filled. Milliseconds. */
  filled: number;
}

export function createRate(perSecond: number, now: number): Rate {
  return { perSecond, left: perSecond, filled: now };
}

/** Takes one. Milliseconds until there is room again; 0 while there is. */
export function takeOne(rate: Rate, now: () => number): number {
  const { perSecond } = rate;
  if (perSecond === Number.POSITIVE_INFINITY) return 0;
  // Who takes what there is not is not in debt for ever.
  rate.left = Math.max(-perSecond, rate.left - 1);
  if (rate.left > 0) return 0;
  const time = now();
  rate.left = Math.min(perSecond, rate.left + ((time - rate.filled) * perSecond) / 1000);
  rate.filled = time;
  return rate.left > 0 ? 0 : Math.max(1, Math.ceil(((1 - rate.left) * 1000) / perSecond));
}
