/** First in, first out, as a value: putting in and taking out make another one, and cost the same however many wait. */
export interface PersistentQueue<T> {
  readonly size: number;
  /** The oldest; undefined if there is none. */
  readonly oldest: T | undefined;
  put(item: T): PersistentQueue<T>;
  /** Without the oldest. */
  take(): PersistentQueue<T>;
  /** The oldest first. */
  list(): T[];
}

export function createPersistentQueue<T>(items: readonly T[] = []): PersistentQueue<T> {
  return within([...items], 0, items.length);
}

/** Those of `items` from place `from` to before place `to`: queues that were made of one another share the items. */
function within<T>(items: T[], from: number, to: number): PersistentQueue<T> {
  return {
    size: to - from,
    oldest: from < to ? items[from] : undefined,
    put(item) {
      // A copy where another has put something in, or more are past than wait.
      if (to < items.length || from > to - from) return within([...items.slice(from, to), item], 0, to - from + 1);
      items.push(item);
      return within(items, from, to + 1);
    },
    take: () => within(items, Math.min(from + 1, to), to),
    list: () => items.slice(from, to),
  };
}
