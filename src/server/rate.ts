/** So many a second, and as many at once: a bucket that fills as time goes by, up to its brim. */
export interface Rate {
  /** Infinite is no bound. Another one holds from the next message on. */
  perSecond: number;
  /** Below 0 where more was taken than there was. */
  left: number;
  /** When it was last filled. Milliseconds. */
  filled: number;
}

export function createRate(perSecond: number, now: number): Rate {
  return { perSecond, left: perSecond, filled: now };
}

/** Takes one, which may not be there. Milliseconds until there is a further one; 0 while there is. */
export function takeOne(rate: Rate, now: number): number {
  if (rate.perSecond === Number.POSITIVE_INFINITY) return 0;
  fill(rate, now);
  rate.left--;
  return timeToNext(rate);
}

/** Milliseconds until there is one to take; 0 if there is. */
export function waitForOne(rate: Rate, now: number): number {
  if (rate.perSecond === Number.POSITIVE_INFINITY) return 0;
  fill(rate, now);
  return timeToNext(rate);
}

function fill(rate: Rate, time: number): void {
  const { perSecond, left, filled } = rate;
  rate.left = Math.min(perSecond, left + (Math.max(0, time - filled) * perSecond) / 1000);
  rate.filled = time;
}

function timeToNext({ perSecond, left }: Rate): number {
  return left >= 1 ? 0 : Math.max(1, Math.ceil(((1 - left) * 1000) / perSecond));
}
