import { createEncoder, type ModelConfig } from 'eddy';
import { createFading } from '../parts/fading.js';
import type { Row, Source } from './source.js';

/** One column: how it was foretold, beside the trivial forecasts. Mean absolute errors, in units of the data. */
export interface Scored {
  readonly error: number;
  /** Of saying that it stays as it is. */
  readonly persistence: number;
  /** Of saying its mean so far. */
  readonly mean: number;
  /** The error of persistence since the beginning: the size of a usual change. */
  readonly usual: number;
  /** It has moved: what stands still is foretold by anyone. */
  readonly moves: boolean;
}

/** What a step says of the next reading, column by column, in units of the data: within the band nine times of ten. */
export interface Forecast {
  readonly values: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export interface Judged {
  readonly scored: readonly Scored[];
  /** −ln of the density that was foretold, over the columns that move, in nats. */
  readonly surprise: number;
  /** The share of values within their band, lately. */
  readonly within: number;
}

export type Item =
  | { readonly forStep: number; readonly target: Float32Array | null }
  | { readonly input: Float32Array };

export interface Forecaster {
  /** A network that takes the items: it says the change of each column to the next reading, as a mean and a deviation. */
  readonly config: ModelConfig;
  /** The target of the step before, and the input of the next one. */
  items(row: Row): Item[];
  forecast(number: number, prediction: Float32Array): Forecast | undefined;
  /** The reading after step `number` has come: how well it was foretold. */
  judge(number: number): Judged | undefined;
}

interface Pending {
  /** The reading, and what the network saw of it; of a missing value the one before. */
  readonly base: readonly number[];
  readonly seen: readonly number[];
  readonly means: readonly number[];
  /** Of each column, a usual change; 0 where nothing has changed yet. */
  readonly units: readonly number[];
  prediction?: Float32Array;
  forecast?: Forecast;
  came?: readonly number[];
}

export const units = 32;
/** α: averages look back some 100 readings. */
const fading = 0.99;
/** In usual changes: a leap beyond it teaches what one of this size does. */
const farthest = 4;
/** Deviations of a normal density that hold nine values of ten. */
const nineOfTen = 1.645;
/** The share of readings that differ from the one before, in a column that moves. */
const leastMoves = 0.2;
/** Steps whose answer may still come. */
const mostPending = 64;
/** In usual changes: no deviation is taken for smaller. */
const leastDeviation = 0.02;

/**
 * Readings as what the network takes and says: it sees levels, standardised as they come, what is missing, categories, and the
 * time since the reading before; it foretells the change to the next reading, in usual changes, with a deviation.
 */
export function createForecaster({ columns, others, time }: Source): Forecaster {
  const names = columns.map(({ name }) => name);
  const nullable = names.map(name => ({ name, nullable: true }));
  const levels = createEncoder({
    kind: 'readings',
    columns: [...nullable, ...others],
    ...(time === undefined ? {} : { time }),
    span: 2000,
  });
  const changes = createEncoder({ kind: 'readings', columns: nullable, span: 2000 });
  const views = columns.map(({ view }) => view ?? plain);
  let levelState = levels.initial();
  let changeState = changes.initial();
  let steps = 0;
  const pending = new Map<number, Pending>();
  const within = createFading(fading);
  const errors = columns.map(() => ({
    network: createFading(fading),
    same: createFading(fading),
    mean: createFading(fading),
    all: createFading(1),
    moved: createFading(1),
    moves: false,
  }));

  /** The size of a usual change: its root mean square. */
  const usualChanges = (): number[] =>
    changeState.columns.map(({ mean, variance }) => Math.sqrt(variance + mean * mean));

  return {
    config: {
      input: levels.input,
      layers: [{ cell: 'gru', size: units }],
      output: { kind: 'gaussian', size: columns.length },
    },

    items(row) {
      const before = pending.get(steps);
      const values = names.map(name => (typeof row[name] === 'number' ? (row[name] as number) : Number.NaN));
      const seen = values.map((value, i) => views[i].see(value));
      const items: Item[] = [];
      if (before) {
        const change = seen.map((value, i) => value - before.seen[i]);
        changeState = changes.encode(changeState, change).state;
        before.came = values;
        const known = change.every(Number.isFinite);
        const target = Float32Array.from(change, (value, i) => bounded(value, before.units[i]));
        items.push({ forStep: steps, target: known ? target : null });
      }
      const cells = Object.fromEntries(names.map((name, i) => [name, seen[i]]));
      const encoded = levels.encode(levelState, { ...row, ...cells });
      levelState = encoded.state;
      steps++;
      const kept = (now: readonly number[], last: readonly number[] | undefined) =>
        now.map((value, i) => (Number.isNaN(value) ? (last?.[i] ?? Number.NaN) : value));
      pending.set(steps, {
        base: kept(values, before?.base),
        seen: kept(seen, before?.seen),
        means: levelState.columns.map(({ mean }) => mean),
        units: usualChanges(),
      });
      pending.delete(steps - mostPending);
      items.push({ input: encoded.inputs[0] });
      return items;
    },

    forecast(number, prediction) {
      const step = pending.get(number);
      if (step === undefined) return undefined;
      const { seen, units: usual } = step;
      const at = (share: number): number[] =>
        seen.map((value, i) => {
          const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = columns[i];
          const deviation = prediction[columns.length + i];
          const told = views[i].tell(value + usual[i] * (prediction[i] + share * deviation));
          return Math.max(least, Math.min(most, told));
        });
      step.prediction = prediction;
      step.forecast = { values: at(0), low: at(-nineOfTen), high: at(nineOfTen) };
      return step.forecast;
    },

    judge(number) {
      const step = pending.get(number);
      if (!step?.forecast || !step.prediction || !step.came) return undefined;
      const { base, seen, means, units: usual, forecast, prediction, came } = step;
      let surprise = 0;
      const scored = errors.map((column, i): Scored => {
        const { network, same, mean, all, moved } = column;
        const change = Math.abs(came[i] - base[i]);
        if (Number.isFinite(change)) {
          network.add(Math.abs(came[i] - forecast.values[i]));
          same.add(change);
          mean.add(Math.abs(came[i] - views[i].tell(means[i])));
          all.add(change);
          moved.add(change > 0 ? 1 : 0);
          column.moves ||= moved.read() >= leastMoves;
          if (column.moves && usual[i] > 0) {
            within.add(came[i] >= forecast.low[i] && came[i] <= forecast.high[i] ? 1 : 0);
            const deviation = Math.max(leastDeviation, prediction[columns.length + i]);
            const z = ((views[i].see(came[i]) - seen[i]) / usual[i] - prediction[i]) / deviation;
            surprise += 0.5 * z * z + Math.log(deviation) + 0.5 * Math.log(2 * Math.PI);
          }
        }
        const { moves } = column;
        return { error: network.read(), persistence: same.read(), mean: mean.read(), usual: all.read(), moves };
      });
      return { scored, surprise, within: within.read() };
    },
  };
}

const plain = { see: (value: number): number => value, tell: (seen: number): number => seen };

/** A change in usual changes. */
function bounded(change: number, unit: number): number {
  return unit > 0 && Number.isFinite(change) ? Math.max(-farthest, Math.min(farthest, change / unit)) : 0;
}

/** Over the columns that move: the errors in usual changes. */
export function together(scored: readonly Scored[]): { error: number; persistence: number } {
  const moving = scored.filter(({ moves }) => moves);
  const mean = (of: (column: Scored) => number): number =>
    moving.reduce((sum, column) => sum + of(column) / column.usual, 0) / moving.length;
  return { error: mean(column => column.error), persistence: mean(column => column.persistence) };
}
