/**
 * The trivial predictors of a stream. They know the targets that have come, and nothing else: `guess` is what they would say now, as
 * a prediction is made; undefined before the first target.
 */
export interface Baselines<Target, Guess> {
  /** A target came, for a step of this number; they may come in any order. */
  learn(number: number, target: Target): void;
  guess(): Guess | undefined;
}

/** The target of the newest step that has one: what a forecaster without a model says. */
function createNewest<Target>() {
  let newest: Target | undefined;
  let at = 0;
  return {
    learn(number: number, target: Target): void {
      if (number < at) return;
      at = number;
      newest = target;
    },
    value: () => newest,
  };
}

/** The newest class, and the most frequent one: of equally frequent ones the first that was. */
export function classBaselines(): Baselines<number, { noChange: number; majority: number }> {
  const newest = createNewest<number>();
  const counts = new Map<number, number>();
  let majority = -1;
  return {
    learn(number, target) {
      newest.learn(number, target);
      const count = (counts.get(target) ?? 0) + 1;
      counts.set(target, count);
      if (count > (counts.get(majority) ?? 0)) majority = target;
    },
    guess() {
      const noChange = newest.value();
      return noChange === undefined ? undefined : { noChange, majority };
    },
  };
}

/** The newest values (persistence), and their running mean. */
export function valueBaselines(): Baselines<ArrayLike<number>, { persistence: ArrayLike<number>; mean: Float64Array }> {
  const newest = createNewest<ArrayLike<number>>();
  let count = 0;
  let mean = new Float64Array(0);
  return {
    learn(number, target) {
      newest.learn(number, target);
      count++;
      const before = count === 1 ? new Float64Array(target.length) : mean;
      // A new array each time: guesses that were made keep theirs.
      mean = before.map((value, i) => value + (target[i] - value) / count);
    },
    guess() {
      const persistence = newest.value();
      return persistence === undefined ? undefined : { persistence, mean };
    },
  };
}
