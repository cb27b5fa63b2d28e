import { createEncoder } from 'eddy';
import { createFading } from '../parts/fading.js';

/** What `GET /load` sends. */
export interface Load {
  readonly time: number;
  readonly cpu: number;
  readonly memory: number;
  readonly delay: number;
}

export const columns = ['cpu', 'memory', 'delay'] as const;

/** One column: how it was foretold, beside saying that it stays as it is. Roots of mean squares, in units of the data. */
export interface Scored {
  readonly error: number;
  readonly persistence: number;
  /** The error of persistence since the beginning: the size of a usual change. */
  readonly usual: number;
}

export interface Forecaster {
  /** The target of the step before, and the input of the next one. */
  items(load: Load): ({ forStep: number; target: Float32Array } | { input: Float32Array })[];
  /** What step `number` says of the next reading, in units of the data. */
  forecast(number: number, prediction: Float32Array): Float64Array | undefined;
  /** The reading after step `number` has come: how well it was foretold, column by column. */
  score(number: number): Scored[] | undefined;
}

interface Pending {
  readonly base: readonly number[];
  /** Of each column, a usual change; 0 where nothing has changed yet. */
  readonly units: readonly number[];
  forecast?: Float64Array;
  came?: readonly number[];
}

/** α: averages look back some 100 readings. */
const fading = 0.99;
/** In usual changes: a leap beyond it teaches what one of this size does. */
const farthest = 6;
/** Steps whose answer may still come. */
const mostPending = 64;

/**
 * Readings as what the network takes and says: it sees levels, standardised as they come, and foretells the change to the next
 * reading, in deviations of the changes so far; so one that says nothing is as good as “same as now”.
 */
export function createForecaster(): Forecaster {
  const named = columns.map(name => ({ name }));
  const levels = createEncoder({ kind: 'readings', columns: named, span: 2000 });
  const changes = createEncoder({ kind: 'readings', columns: named, span: 2000 });
  let levelState = levels.initial();
  let changeState = changes.initial();
  let steps = 0;
  const pending = new Map<number, Pending>();

  const errors = columns.map(() => ({
    network: createFading(fading),
    same: createFading(fading),
    all: createFading(1),
  }));

  const units = (): number[] =>
    changes.scale(changeState).units.map((unit, i) => (changeState.columns[i].variance > 0 ? unit : 0));

  return {
    items(load) {
      const values = columns.map(name => load[name]);
      const items: ReturnType<Forecaster['items']> = [];
      const before = pending.get(steps);
      if (before) {
        const change = values.map((value, i) => value - before.base[i]);
        changeState = changes.encode(changeState, change).state;
        before.came = values;
        const target = Float32Array.from(change, (value, i) => within(value, before.units[i]));
        items.push({ forStep: steps, target });
      }
      const encoded = levels.encode(levelState, values);
      levelState = encoded.state;
      steps++;
      pending.set(steps, { base: values, units: units() });
      pending.delete(steps - mostPending);
      items.push({ input: encoded.inputs[0] });
      return items;
    },

    forecast(number, prediction) {
      const step = pending.get(number);
      if (step === undefined) return undefined;
      step.forecast = Float64Array.from(step.base, (value, i) => value + step.units[i] * prediction[i]);
      return step.forecast;
    },

    score(number) {
      const step = pending.get(number);
      if (!step?.forecast || !step.came) return undefined;
      const { base, forecast, came } = step;
      return errors.map(({ network, same, all }, i) => {
        const change = (came[i] - base[i]) ** 2;
        network.add((came[i] - forecast[i]) ** 2);
        same.add(change);
        all.add(change);
        const [error, persistence, usual] = [network, same, all].map(squares => Math.sqrt(squares.read()));
        return { error, persistence, usual };
      });
    },
  };
}

/** A change in usual changes. */
function within(change: number, unit: number): number {
  return unit > 0 ? Math.max(-farthest, Math.min(farthest, change / unit)) : 0;
}

/** Over the columns that move: the errors in usual changes. */
export function together(scored: readonly Scored[]): { error: number; persistence: number } {
  const moving = scored.filter(({ usual }) => usual > 0);
  const mean = (of: (column: Scored) => number): number =>
    moving.reduce((sum, column) => sum + of(column) / column.usual, 0) / moving.length;
  return { error: mean(column => column.error), persistence: mean(column => column.persistence) };
}
