/** The trivial reader: how often each byte came before, and nothing else. */
export interface LetterCounts {
  /** −log₂ of the share that this byte had, in bits; then it is counted. */
  surprise(byte: number): number;
}

/** Each of 256 bytes begins with this much of a count, so that a new one is no impossibility. */
const pseudo = 0.05;

export function createLetterCounts(): LetterCounts {
  const counts = new Float64Array(256).fill(pseudo);
  let all = 256 * pseudo;
  return {
    surprise(byte) {
      const bits = -Math.log2(counts[byte] / all);
      counts[byte]++;
      all++;
      return bits;
    },
  };
}
