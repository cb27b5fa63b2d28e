/**
 * The trivial predictors of a stream. They know the targets that have come, and nothing else: `guess` is what they would say of a step
 * as its prediction is made; undefined before the first target.
 */
export interface Baselines<Target, Guess> {
  /** A target came, for a step of this number; they may come in any order. */
  learn(number: number, target: Target): void;
  guess(number: number): Guess | undefined;
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

/** The target of so many steps before, if it has come: the same hour of yesterday. Remembers one season and no more. */
function createSeason<Target>(season: number | undefined) {
  const known = new Map<number, Target>();
  let newest = 0;
  return {
    learn(number: number, target: Target): void {
      if (season !== undefined && number > newest - season) known.set(number, target);
    },
    value(number: number): Target | undefined {
      if (season === undefined) return undefined;
      // Those of the steps that no later one asks for.
      for (let old = newest - season; old < number - season; old++) known.delete(old);
      newest = Math.max(newest, number);
      return known.get(number - season);
    },
  };
}

/** The newest class, the most frequent one (of equally frequent ones the first that was), and that of a season before. */
export function classBaselines(
  period?: number,
): Baselines<number, { noChange: number; majority: number; season?: number }> {
  const newest = createNewest<number>();
  const seasonal = createSeason<number>(period);
  const counts = new Map<number, number>();
  let majority = -1;
  return {
    learn(number, target) {
      newest.learn(number, target);
      seasonal.learn(number, target);
      const count = (counts.get(target) ?? 0) + 1;
      counts.set(target, count);
      if (count > (counts.get(majority) ?? 0)) majority = target;
    },
    guess(number) {
      const noChange = newest.value();
      const season = seasonal.value(number);
      return noChange === undefined ? undefined : { noChange, majority, ...(season === undefined ? {} : { season }) };
    },
  };
}

/** The newest values (persistence), their running mean, and those of a season before. */
export function valueBaselines(
  period?: number,
): Baselines<ArrayLike<number>, { persistence: ArrayLike<number>; mean: Float64Array; season?: ArrayLike<number> }> {
  const newest = createNewest<ArrayLike<number>>();
  const seasonal = createSeason<ArrayLike<number>>(period);
  let count = 0;
  let mean = new Float64Array(0);
  return {
    learn(number, target) {
      newest.learn(number, target);
      seasonal.learn(number, target);
      count++;
      const before = count === 1 ? new Float64Array(target.length) : mean;
      // A new array each time: guesses that were made keep theirs.
      mean = before.map((value, i) => value + (target[i] - value) / count);
    },
    guess(number) {
      const persistence = newest.value();
      const season = seasonal.value(number);
      return persistence === undefined ? undefined : { persistence, mean, ...(season === undefined ? {} : { season }) };
    },
  };
}
