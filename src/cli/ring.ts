/** The newest of what is put in, the oldest first: whatever the capacity, putting in and taking out cost the same. */
export interface Ring<T> {
  readonly size: number;
  /** The oldest; undefined if there is none. */
  readonly oldest: T | undefined;
  /** True if the oldest had to make room. */
  put(item: T): boolean;
  take(): T | undefined;
}

/** @param capacity from 1 */
export function createRing<T>(capacity: number): Ring<T> {
  /** Grows as it fills; the oldest is at `from`. */
  const items: (T | undefined)[] = [];
  let from = 0;
  let size = 0;
  const take = (): T | undefined => {
    if (size === 0) return undefined;
    const item = items[from];
    items[from] = undefined;
    size--;
    from = size === 0 ? 0 : (from + 1) % capacity;
    return item;
  };
  return {
    get size() {
      return size;
    },
    get oldest() {
      return size === 0 ? undefined : items[from];
    },
    put(item) {
      const full = size === capacity;
      if (full) take();
      items[(from + size) % capacity] = item;
      size++;
      return full;
    },
    take,
  };
}
