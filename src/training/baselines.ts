/**
 * The trivial predictors of a stream. They know the targets that have come, and nothing else: `guess` is what they would say of a step
 * as its prediction is made; undefined before the first target.
 */
export interface Baselines<Target, Guess> {
  /** A target came, for a step of this number; they may come in any order. */
  learn(number: number, target: Target): void;
  guess(number: number): Guess | undefined;
  state(): BaselinesState;
}

/** What the trivial predictors said. */
export type Guess = Readonly<Record<string, number | ArrayLike<number>>>;

/** A target as plain data. */
type Plain = number | readonly number[];

/** Plain data. */
export interface BaselinesState {
  readonly newest: { readonly at: number; readonly value?: Plain };
  readonly season: { readonly newest: number; readonly known: readonly (readonly [number, Plain])[] };
  /** Of classes: how often each one came. */
  readonly counts?: readonly (readonly [number, number])[];
  readonly majority?: number;
  /** Of values. */
  readonly count?: number;
  readonly mean?: readonly number[];
}

/** A target, or what was said, as plain data. */
export function plain(value: number | ArrayLike<number>): Plain {
  return typeof value === 'number' ? value : Array.from(value);
}

/** The target of the newest step that has one: what a forecaster without a model says. */
function createNewest<Target extends number | ArrayLike<number>>(from?: BaselinesState['newest']) {
  let newest = from?.value as Target | undefined;
  let at = from?.at ?? 0;
  return {
    learn(number: number, target: Target): void {
      if (newest !== undefined && number < at) return;
      at = number;
      newest = target;
    },
    value: () => newest,
    state: () => ({ at, ...(newest === undefined ? {} : { value: plain(newest) }) }),
  };
}

/** The target of so many steps before, if it has come: the same hour of yesterday. Remembers one season and no more. */
function createSeason<Target extends number | ArrayLike<number>>(
  season: number | undefined,
  from?: BaselinesState['season'],
) {
  const known = new Map<number, Target>(from?.known as [number, Target][] | undefined);
  let newest = from?.newest ?? 0;
  return {
    learn(number: number, target: Target): void {
      if (season !== undefined && number > newest - season) known.set(number, target);
    },
    value(number: number): Target | undefined {
      if (season === undefined) return undefined;
      // Those of the steps that no later one asks for: each, or, after a leap, all that there are.
      if (number - newest <= season) for (let old = newest - season; old < number - season; old++) known.delete(old);
      else for (const old of known.keys()) if (old < number - season) known.delete(old);
      newest = Math.max(newest, number);
      return known.get(number - season);
    },
    state: () => ({ newest, known: [...known].map(([number, target]) => [number, plain(target)] as const) }),
  };
}

/** The newest class, the most frequent one (of equally frequent ones the first that was), and that of a season before. */
export function classBaselines(
  period?: number,
  from?: BaselinesState,
): Baselines<number, { noChange: number; majority: number; season?: number }> {
  const newest = createNewest<number>(from?.newest);
  const seasonal = createSeason<number>(period, from?.season);
  const counts = new Map<number, number>(from?.counts);
  let majority = from?.majority ?? -1;
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
    state: () => ({ newest: newest.state(), season: seasonal.state(), counts: [...counts], majority }),
  };
}

/** The newest values (persistence), their running mean, and those of a season before. */
export function valueBaselines(
  period?: number,
  from?: BaselinesState,
): Baselines<ArrayLike<number>, { persistence: ArrayLike<number>; mean: Float64Array; season?: ArrayLike<number> }> {
  const newest = createNewest<ArrayLike<number>>(from?.newest);
  const seasonal = createSeason<ArrayLike<number>>(period, from?.season);
  let count = from?.count ?? 0;
  let mean = Float64Array.from(from?.mean ?? []);
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
    state: () => ({ newest: newest.state(), season: seasonal.state(), count, mean: Array.from(mean) }),
  };
}
