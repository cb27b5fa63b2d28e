/** How surprising a reading was, beside how surprising readings are. */
export interface Score {
  /** −ln of the density that was foretold for it, in nats. */
  readonly surprise: number;
  /** Deviations above the usual surprise. */
  readonly deviations: number;
  readonly unusual: boolean;
}

/** α: usual is what was so over some 200 readings. */
const fading = 0.995;
/** Readings before anything is called unusual. */
const acquainted = 60;
/** Deviations from which it is. */
const threshold = 5;

/** Prequential surprise with a running threshold: what is unusual moves the usual no further than the threshold. */
export function createScores(): (surprise: number) => Score {
  let [count, sum, squares, seen] = [0, 0, 0, 0];
  return surprise => {
    const mean = sum / count;
    const deviation = Math.sqrt(Math.max(squares / count - mean * mean, 1e-6));
    const deviations = seen < 2 ? 0 : (surprise - mean) / deviation;
    const unusual = seen >= acquainted && deviations > threshold;
    const taken = seen < 2 ? surprise : Math.min(surprise, mean + threshold * deviation);
    sum = taken + fading * sum;
    squares = taken * taken + fading * squares;
    count = 1 + fading * count;
    seen++;
    return { surprise, deviations, unusual };
  };
}
