/** Time and chance as a client sees them. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Calls back after so many milliseconds (24 days at most), unless what it returns is called before. */
  after(milliseconds: number, call: () => void): () => void;
  /** From 0 to 1. */
  random(): number;
  /** Nobody guesses it. */
  nonce(): string;
}

/** A timer that is set for longer fires at once. */
const longest = 2 ** 31 - 1;

export const realClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, Math.min(milliseconds, longest));
    return () => clearTimeout(timer);
  },
  random: Math.random,
  nonce() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
  },
};
