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

/** What the network sees of them: delays by their order of magnitude, since a few are a hundred times the usual one. */
const plain = { see: (value: number): number => value, tell: (seen: number): number => seen };
const least = 0.5;
const views = [
  plain,
  plain,
  { see: (delay: number) => Math.log(delay + least), tell: (seen: number) => Math.exp(seen) - least },
];

/** One column: how it was foretold, beside saying that it stays as it is. Mean absolute errors, in units of the data. */
export interface Scored {
  readonly error: number;
  readonly persistence: number;
  /** The error of persistence since the beginning: the size of a usual change. */
  readonly usual: number;
  /** It has moved: what stands still is foretold by anyone. */
  readonly moves: boolean;
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
  /** The reading, and what the network saw of it. */
  readonly base: readonly number[];
  readonly seen: readonly number[];
  /** Of each column, a usual change; 0 where nothing has changed yet. */
  readonly units: readonly number[];
  forecast?: Float64Array;
  came?: readonly number[];
}

/** α: averages look back some 100 readings. */
const fading = 0.99;
/** In usual changes: a leap beyond it teaches what one of this size does. */
const farthest = 1.5;
/** The share of readings that differ from the one before, in a column that moves. */
const leastMoves = 0.2;
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
    moved: createFading(1),
    moves: false,
  }));

  const units = (): number[] =>
    changes.scale(changeState).units.map((unit, i) => (changeState.columns[i].variance > 0 ? unit : 0));

  return {
    items(load) {
      const values = columns.map(name => load[name]);
      const seen = values.map((value, i) => views[i].see(value));
      const items: ReturnType<Forecaster['items']> = [];
      const before = pending.get(steps);
      if (before) {
        const change = seen.map((value, i) => value - before.seen[i]);
        changeState = changes.encode(changeState, change).state;
        before.came = values;
        const target = Float32Array.from(change, (value, i) => within(value, before.units[i]));
        items.push({ forStep: steps, target });
      }
      const encoded = levels.encode(levelState, seen);
      levelState = encoded.state;
      steps++;
      pending.set(steps, { base: values, seen, units: units() });
      pending.delete(steps - mostPending);
      items.push({ input: encoded.inputs[0] });
      return items;
    },

    forecast(number, prediction) {
      const step = pending.get(number);
      if (step === undefined) return undefined;
      const { seen, units } = step;
      step.forecast = Float64Array.from(seen, (value, i) => views[i].tell(value + units[i] * prediction[i]));
      return step.forecast;
    },

    score(number) {
      const step = pending.get(number);
      if (!step?.forecast || !step.came) return undefined;
      const { base, forecast, came } = step;
      return errors.map((column, i) => {
        const { network, same, all, moved } = column;
        const change = Math.abs(came[i] - base[i]);
        network.add(Math.abs(came[i] - forecast[i]));
        same.add(change);
        all.add(change);
        moved.add(change > 0 ? 1 : 0);
        column.moves ||= moved.read() >= leastMoves;
        return { error: network.read(), persistence: same.read(), usual: all.read(), moves: column.moves };
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
  const moving = scored.filter(({ moves }) => moves);
  const mean = (of: (column: Scored) => number): number =>
    moving.reduce((sum, column) => sum + of(column) / column.usual, 0) / moving.length;
  return { error: mean(column => column.error), persistence: mean(column => column.persistence) };
}
