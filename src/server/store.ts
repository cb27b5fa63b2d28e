/** Where sessions rest that nothing comes for. */
export interface SessionStore {
  /** Takes the bytes under a name, in the place of those it had. Resolves with the names that it gave up to make room. */
  put(name: string, bytes: Uint8Array): Promise<readonly string[]>;
  /** Gives back the bytes, and has them no more; undefined if it has none. */
  take(name: string): Promise<Uint8Array | undefined>;
  delete(name: string): Promise<void>;
  /** Of all that it has. */
  readonly bytes: number;
  readonly size: number;
}

/** A store in memory: beyond `maxBytes` it gives up what has rested longest. */
export function createMemoryStore(maxBytes: number): SessionStore {
  const stored = new Map<string, Uint8Array>();
  let total = 0;
  const remove = (name: string): Uint8Array | undefined => {
    const bytes = stored.get(name);
    if (bytes !== undefined) total -= bytes.byteLength;
    stored.delete(name);
    return bytes;
  };
  return {
    get bytes() {
      return total;
    },
    get size() {
      return stored.size;
    },
    async put(name, bytes) {
      remove(name);
      if (bytes.byteLength > maxBytes) return [name];
      stored.set(name, bytes);
      total += bytes.byteLength;
      const given: string[] = [];
      for (const oldest of stored.keys()) {
        if (total <= maxBytes) break;
        remove(oldest);
        given.push(oldest);
      }
      return given;
    },
    take: async name => remove(name),
    async delete(name) {
      remove(name);
    },
  };
}
