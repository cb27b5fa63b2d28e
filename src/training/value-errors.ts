import { type Average, combine, createAverage, type NamedAverages, rootOf } from './average.js';

/** Over all outputs, in the units of the targets: standardised ones, unless `unscale` takes them back to those of the data. */
export interface Errors {
  readonly count: number;
  readonly mae: Average;
  readonly rmse: Average;
  /** Σ |y − ŷ| / Σ |y| (Cui, Ahmad and Hawkins 2016): it has no trouble with a y of 0. */
  readonly mape: Average;
}

/** @param name of whose errors they are, among those of the state */
export function createErrors(fading: number, window: number, name: string, { averages, counts }: NamedAverages) {
  const names = ['absolute', 'squared', 'size'].map(part => `${name}.${part}`);
  const parts = names.map(part => createAverage(fading, window, averages?.[part]));
  const [absolute, squared, size] = parts;
  let count = counts?.[name] ?? 0;
  return {
    add(answer: ArrayLike<number>, truth: ArrayLike<number>): void {
      count++;
      const { length } = truth;
      let [sum, squares, sizes] = [0, 0, 0];
      for (let i = 0; i < length; i++) {
        const error = answer[i] - truth[i];
        sum += Math.abs(error);
        squares += error * error;
        sizes += Math.abs(truth[i]);
      }
      absolute.add(sum / length);
      squared.add(squares / length);
      size.add(sizes / length);
    },
    read(): Errors {
      const mae = absolute.read();
      return { count, mae, rmse: rootOf(squared.read()), mape: combine(mae, size.read(), (error, all) => error / all) };
    },
    state: () => ({
      averages: Object.fromEntries(parts.map((average, i) => [names[i], average.state()])),
      counts: { [name]: count },
    }),
  };
}
