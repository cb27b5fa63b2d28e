/** So many a second, and as many at once: a bucket that fills as time goes by. */
export interface Rate {
  /** Takes one. Milliseconds until there is room again; 0 while there is. */
  take(): number;
}

/** @param perSecond how many; infinite is no bound */
export function createRate(perSecond: number, now = () => performance.now()): Rate {
  if (perSecond === Number.POSITIVE_INFINITY) return { take: () => 0 };
  let left = perSecond;
  let filled = now();
  return {
    take() {
      // Who takes what there is not is not in debt for ever.
      left = Math.max(-perSecond, left - 1);
      if (left > 0) return 0;
      const time = now();
      left = Math.min(perSecond, left + ((time - filled) * perSecond) / 1000);
      filled = time;
      return left > 0 ? 0 : Math.max(1, Math.ceil(((1 - left) * 1000) / perSecond));
    },
  };
}
