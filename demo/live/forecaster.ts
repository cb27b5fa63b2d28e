import { createEncoder, createMetrics, type Metrics, type Scale } from 'eddy';

/** What `GET /load` sends. */
export interface Load {
  readonly time: number;
  readonly cpu: number;
  readonly memory: number;
  readonly delay: number;
}

export const columns = ['cpu', 'memory', 'delay'] as const;

/** One column: how it was foretold, beside saying that it stays as it is. In units of the data. */
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
  readonly scale: Scale;
  prediction?: Float32Array;
  target?: Float32Array;
}

/** α: averages look back some 100 readings. */
const fading = 0.99;
/** In usual changes: a leap beyond it teaches no more than one of this size. */
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

  const unscale = (number: number, values: ArrayLike<number>): Float64Array => {
    const { base, scale } = pending.get(number)!;
    return changes.unscale(scale, values).map((change, i) => base[i] + change);
  };
  const metrics = columns.map((_, i) =>
    createMetrics({ kind: 'values', fading, unscale: (values, number) => [unscale(number, values)[i]] }),
  );

  /** A column that has not moved yet is foretold to stay. */
  const scale = (): Scale => {
    const { means, units } = changes.scale(changeState);
    const moved = (i: number): boolean => changeState.columns[i].variance > 0;
    return {
      means: means.map((mean, i) => (moved(i) ? mean : 0)),
      units: units.map((unit, i) => (moved(i) ? unit : 1e-9)),
    };
  };

  return {
    items(load) {
      const values = columns.map(name => load[name]);
      const items: ReturnType<Forecaster['items']> = [];
      const before = pending.get(steps);
      if (before) {
        const change = values.map((value, i) => value - before.base[i]);
        changeState = changes.encode(changeState, change).state;
        before.target = changes.standardize(before.scale, change)!;
        items.push({ forStep: steps, target: before.target.map(within) });
      }
      const encoded = levels.encode(levelState, values);
      levelState = encoded.state;
      steps++;
      pending.set(steps, { base: values, scale: scale() });
      pending.delete(steps - mostPending);
      for (const metric of metrics) metric.predicted(steps);
      items.push({ input: encoded.inputs[0] });
      return items;
    },

    forecast(number, prediction) {
      const step = pending.get(number);
      if (step === undefined) return undefined;
      step.prediction = prediction;
      return unscale(number, prediction);
    },

    score(number) {
      const step = pending.get(number);
      if (!step?.prediction || !step.target) return undefined;
      const { prediction, target } = step;
      const scored = metrics.map(metric => metric.scored(number, prediction, target, 0));
      return scored.every(isOfValues)
        ? scored.map(({ rmse, persistence }) => ({
            error: rmse.fading,
            persistence: persistence.rmse.fading,
            usual: persistence.rmse.mean,
          }))
        : undefined;
    },
  };
}

function within(change: number): number {
  return Math.max(-farthest, Math.min(farthest, change));
}

function isOfValues(metrics: Metrics | undefined): metrics is Extract<Metrics, { kind: 'values' }> {
  return metrics?.kind === 'values';
}

/** Over the columns that move: the errors in usual changes. */
export function together(scored: readonly Scored[]): { error: number; persistence: number } {
  const moving = scored.filter(({ usual }) => usual > 0);
  const mean = (of: (column: Scored) => number): number =>
    moving.reduce((sum, column) => sum + of(column) / column.usual, 0) / moving.length;
  return { error: mean(column => column.error), persistence: mean(column => column.persistence) };
}
