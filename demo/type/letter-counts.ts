/** The trivial reader: how often each letter came before, and nothing else. */
export interface LetterCounts {
  /** −log₂ of the share that this one had, in bits; then it is counted. */
  surprise(token: number): number;
}

/** Each begins with this much of a count, so that a new one is no impossibility. */
const pseudo = 0.2;

/** @param size how many different ones there may be */
export function createLetterCounts(size: number): LetterCounts {
  const counts = new Float64Array(size).fill(pseudo);
  let all = size * pseudo;
  return {
    surprise(token) {
      const bits = -Math.log2(counts[token] / all);
      counts[token]++;
      all++;
      return bits;
    },
  };
}
