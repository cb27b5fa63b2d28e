import { createReadings, type ReadingsState, type Scale } from '../encoders/readings.js';
import type { Step } from '../model/transfer.js';
import type { Columns, Reading } from './columns.js';
import { brief } from './numbers.js';
import type { Item } from './pipeline.js';
import type { Task } from './task.js';

/** What the outputs say: a value, or how far it moves from the value now. */
export type Forecast = 'level' | 'change';

export interface ReadingsOptions {
  readonly columns: Columns;
  /** Rows ahead that are foretold; 0 is the row itself, whose targets are not among its inputs. */
  readonly horizon: number;
  readonly forecast: Forecast;
  readonly threads?: ReadonlyMap<string, Thread>;
}

/** What is remembered of one stream besides its carry. Plain data. */
export interface Thread {
  readonly steps: number;
  readonly inputs: ReadingsState;
  readonly outputs: ReadingsState;
  /** The newest value of each target; NaN where none has come. */
  readonly last: readonly number[];
  /** Forecasts whose rows have not come, the oldest first. */
  readonly open: readonly Foretold[];
}

interface Foretold {
  /** The scale of its outputs. */
  readonly scale: Scale;
  /** What the outputs are added to, in the units of the data. */
  readonly base: readonly number[];
  /** The targets' values when it was made: what persistence foretells. */
  readonly last: readonly number[];
  /** In the units of the data; left out until the step is out. */
  value?: readonly number[];
}

/** Rows of numbers, each foretold from those before it. */
export function createReadingsTask(options: ReadingsOptions): Task<Reading> & { threads(): Map<string, Thread> } {
  const { columns, horizon, forecast } = options;
  const encoder = createReadings({
    kind: 'readings',
    columns: columns.inputs.map(name => ({ name, nullable: true })),
  });
  const outputs = createReadings({
    kind: 'readings',
    columns: columns.targets.map(name => ({ name, nullable: true })),
  });
  const threads = new Map<string, Thread>(options.threads);
  const moments: { frame: Reading; number: number; made: Foretold; met: Foretold | undefined }[] = [];
  const score = createScore(columns.targets);

  const nothing = columns.targets.map(() => Number.NaN);
  const begin = (): Thread => ({
    steps: 0,
    inputs: encoder.initial(),
    outputs: outputs.initial(),
    last: nothing,
    open: [],
  });

  return {
    keyOf: ({ key }) => key,

    items(frame) {
      const { key, targets } = frame;
      const thread = threads.get(key) ?? begin();
      const number = thread.steps + 1;
      const open = [...thread.open];
      const items: Item[] = [];
      const {
        state: inputs,
        inputs: [input],
      } = encoder.encode(thread.inputs, frame.inputs);
      const before = outputs.scale(thread.outputs);

      const met = horizon > 0 && open.length === horizon ? open.shift() : undefined;
      const differences = met && forecast === 'change' ? targets.map((value, i) => value - met.last[i]) : targets;
      const known = horizon === 0 || forecast === 'level' || met !== undefined;
      const state = known ? outputs.encode(thread.outputs, differences).state : thread.outputs;
      if (met) {
        const target = outputs.standardize(
          met.scale,
          targets.map((value, i) => value - met.base[i]),
        );
        items.push({ key, forStep: number - horizon, target });
      }
      const last = Array.from(targets, (value, i) => (Number.isNaN(value) ? thread.last[i] : value));
      const base = horizon > 0 && forecast === 'change' ? last : last.map(() => 0);
      const made: Foretold = { scale: horizon === 0 ? before : outputs.scale(state), base, last };
      if (horizon > 0) open.push(made);
      items.push({
        key,
        input,
        ...(horizon === 0 ? { target: outputs.standardize(before, targets) } : {}),
      });
      moments.push({ frame, number, made, met });
      threads.set(key, { steps: number, inputs, outputs: state, last, open });
      return items;
    },

    answer(step: Step) {
      const { frame, number, made, met } = moments.shift()!;
      const unscaled = outputs.unscale(made.scale, step.prediction);
      made.value = Array.from(unscaled, (value, i) => made.base[i] + value);
      return {
        ...(columns.key === undefined ? {} : { key: frame.key }),
        step: number,
        prediction: named(columns.targets, made.value),
        ...score.add(frame.targets, met?.value, met?.last),
      };
    },

    progress: score.progress,
    threads: () => new Map(threads),
  };
}

/** Running errors of forecasts and of persistence, in the units of the data. */
function createScore(names: readonly string[]) {
  const error = names.map(() => createMean());
  const persistence = names.map(() => createMean());
  return {
    add(actual: ArrayLike<number>, foretold: readonly number[] | undefined, last: readonly number[] | undefined) {
      names.forEach((_, i) => {
        if (!foretold || Number.isNaN(actual[i]) || Number.isNaN(foretold[i])) return;
        error[i].add(Math.abs(foretold[i] - actual[i]));
        if (last) persistence[i].add(Math.abs(last[i] - actual[i]));
      });
      return {
        error: named(
          names,
          error.map(mean => mean.value()),
        ),
        ...(last
          ? {
              persistence: named(
                names,
                persistence.map(mean => mean.value()),
              ),
            }
          : {}),
      };
    },
    progress() {
      const ratios = error.map((mean, i) => mean.value() / persistence[i].value()).filter(Number.isFinite);
      if (ratios.length === 0) return '';
      return `error ${(ratios.reduce((a, b) => a + b, 0) / ratios.length).toFixed(3)} of persistence`;
    },
  };
}

function createMean() {
  let sum = 0;
  let weight = 0;
  return {
    add(value: number) {
      sum = value + 0.999 * sum;
      weight = 1 + 0.999 * weight;
    },
    value: () => sum / weight,
  };
}

function named(names: readonly string[], values: ArrayLike<number>): Record<string, number | null> {
  return Object.fromEntries(names.map((name, i) => [name, brief(values[i])]));
}
