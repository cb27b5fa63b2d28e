import { type Average, type AverageState, createAverage, type NamedAverages } from './average.js';
import type { Guess } from './baselines.js';

/** Of a trivial predictor, over the steps at whose prediction it had something to say. */
export interface Accuracy {
  readonly count: number;
  readonly accuracy: Average;
}

/**
 * The model, no change, the majority and a season before, each by the share of its answers that are right.
 *
 * @param averaging how averages are taken, and how long a season is, where there is one
 * @param from to go on from
 */
export function createShares(
  averaging: { readonly fading: number; readonly window: number; readonly season?: number },
  from: NamedAverages,
) {
  const { fading, window, season } = averaging;
  const { averages, counts } = from;
  const create = (name: string) => createAccuracy(fading, window, averages?.[name], counts?.[name]);
  const model = createAverage(fading, window, averages?.model);
  const [noChange, majority] = [create('noChange'), create('majority')];
  const seasonal = season === undefined ? undefined : create('season');
  return {
    add(share: number, guess: Guess | undefined, right: (answer: unknown) => number): void {
      model.add(share);
      if (!guess) return;
      noChange.add(right(guess.noChange));
      majority.add(right(guess.majority));
      if (seasonal && guess.season !== undefined) seasonal.add(right(guess.season));
    },
    read: () => ({
      accuracy: model.read(),
      noChange: noChange.read(),
      majority: majority.read(),
      season: seasonal?.read(),
    }),
    state(): NamedAverages {
      const others = { noChange, majority, ...(seasonal && { season: seasonal }) };
      const each = Object.entries(others).map(([name, accuracy]) => ({ name, ...accuracy.state() }));
      return {
        averages: { model: model.state(), ...Object.fromEntries(each.map(({ name, average }) => [name, average])) },
        counts: Object.fromEntries(each.map(({ name, count }) => [name, count])),
      };
    },
  };
}

function createAccuracy(fading: number, window: number, from: AverageState | undefined, counted = 0) {
  const average = createAverage(fading, window, from);
  let count = counted;
  return {
    add(share: number): void {
      count++;
      average.add(share);
    },
    read: (): Accuracy => ({ count, accuracy: average.read() }),
    state: () => ({ count, average: average.state() }),
  };
}
