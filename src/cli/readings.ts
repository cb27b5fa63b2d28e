import { createReadings, type ReadingsState, type Scale } from '../encoders/readings.js';
import { CheckpointError, LimitError } from '../errors.js';
import type { Step } from '../model/transfer.js';
import { createAnomalies, type SavedAnomalies } from './anomalies.js';
import type { Columns, RowFrame } from './columns.js';
import { createMeasured } from './measured.js';
import { brief, counted, exactly, fromExactly } from './numbers.js';
import { createPersistentQueue } from './persistent-queue.js';
import type { Item } from './pipeline.js';
import type { SavedMetrics } from './saved-metrics.js';
import { bandReach, createScore, type SavedScore } from './score.js';
import type { Resumed, Task } from './task.js';
import { pooled, readThreads, type Thread, type ThreadForecast, writeThread } from './thread.js';

export const forecasts = ['change', 'level'] as const;
/** What the outputs say: how far a value moves from what it is now, or the value. */
export type ForecastKind = (typeof forecasts)[number];

export interface ReadingsOptions {
  readonly columns: Columns;
  /** Rows ahead that are foretold; 0 is the row itself, whose targets are not among its inputs. */
  readonly horizon: number;
  readonly forecast: ForecastKind;
  /** The network foretells a mean and a deviation of each target. */
  readonly band?: boolean;
  /** The run is measured; rows after which the stream repeats itself, if it does. */
  readonly measured?: boolean;
  readonly season?: number;
  /** Deviations above the usual surprise from which a reading is unusual; left out, none is looked for. */
  readonly anomaly?: number;
  /** Streams at most. */
  readonly maxKeys: number;
  readonly resumed?: Resumed;
  /** What a task of this kind saved: new streams begin with its statistics. */
  readonly known?: unknown;
}

interface Saved {
  readonly streams: Readonly<Record<string, unknown>>;
  readonly score: SavedScore;
  /** Of each stream, where unusual readings are looked for. */
  readonly surprise?: SavedAnomalies;
  readonly metrics?: SavedMetrics;
}

/**
 * Rows of numbers, each foretold from those before it. Inputs and outputs are standardised by the running statistics of their own
 * stream; a forecast is read, and its target is standardised, with the scale of the moment when it was made.
 */
export function createReadingsTask(options: ReadingsOptions): Task<RowFrame> {
  const { columns, horizon, maxKeys, resumed, band, anomaly } = options;
  const change = options.forecast === 'change' && horizon > 0;
  const make = (names: readonly string[]) =>
    createReadings({ kind: 'readings', columns: names.map(name => ({ name, nullable: true })) });
  const encoder = make(columns.inputs);
  const outputs = make(columns.targets);

  const read = (saved: unknown): Map<string, Thread> =>
    readThreads((saved as Partial<Saved> | null)?.streams, encoder, outputs, horizon);
  const threads = resumed ? read(resumed.saved) : new Map<string, Thread>();
  const saved = resumed?.saved as Saved | undefined;
  const score = createScore(columns.targets, horizon > 0, saved?.score);
  const anomalies = createAnomalies(anomaly, saved?.surprise);
  const known = options.known === undefined ? [] : [...read(options.known).values()];
  const first: Thread = {
    steps: 0,
    inputs: known.length > 0 ? { columns: pooled(known.map(thread => thread.inputs)) } : encoder.initial(),
    outputs: known.length > 0 ? { columns: pooled(known.map(thread => thread.outputs)) } : outputs.initial(),
    last: columns.targets.map(() => Number.NaN),
    open: createPersistentQueue(),
  };
  // One whose carry was lost has no state: it begins again, with the statistics that it knows.
  for (const [key, { inputs, outputs }] of resumed ? threads : [])
    if (!resumed!.states.has(key)) threads.set(key, { ...first, inputs, outputs });
  for (const [key, { steps }] of resumed?.states ?? []) {
    if ((threads.get(key)?.steps ?? 0) !== steps) {
      throw new CheckpointError(`Expected stream ${JSON.stringify(key)} to stand at one step, got two`);
    }
  }
  /** Changes are measured from none: an output of 0 is persistence. */
  const scaleOf = (state: ReadingsState): Scale =>
    change
      ? {
          means: state.columns.map(() => 0),
          units: state.columns.map(({ mean, variance }) => Math.sqrt(variance + mean * mean) || 1),
        }
      : outputs.scale(state);
  const measured = options.measured ? createMeasured(options, threads, saved?.metrics) : undefined;

  const moments: {
    frame: RowFrame;
    number: number;
    made: ThreadForecast;
    met: ThreadForecast | undefined;
    before?: Thread;
  }[] = [];
  /** The streams as their answers left them: the step of a frame may have failed. */
  const answered = (): Map<string, Thread> => {
    const stood = new Map(threads);
    for (const { frame, before } of [...moments].reverse())
      if (before) stood.set(frame.key, before);
      else stood.delete(frame.key);
    return stood;
  };

  return {
    items(frame) {
      const { key, targets } = frame;
      if (!threads.has(key) && threads.size >= maxKeys) {
        throw new LimitError(
          `Expected at most ${counted(maxKeys, 'stream')}, got ${JSON.stringify(key)} besides: raise --max-keys`,
        );
      }
      const thread = threads.get(key) ?? first;
      const number = thread.steps + 1;
      const items: Item[] = [];
      const encoded = encoder.encode(thread.inputs, frame.inputs);

      // What is learned: the forecast that this row was the answer to.
      const met = horizon > 0 && thread.open.size === horizon ? thread.open.oldest : undefined;
      if (met) {
        const target = outputs.standardize(
          met.scale,
          targets.map((value, i) => value - met.base[i]),
        );
        items.push({ key, forStep: number - horizon, target });
      }
      const seen = change ? met && targets.map((value, i) => value - met.last[i]) : targets;
      const after = seen ? outputs.encode(thread.outputs, seen).state : thread.outputs;

      const last = Array.from(targets, (value, i) => (Number.isNaN(value) ? thread.last[i] : value));
      const made: ThreadForecast = {
        // A row does not say itself: its targets are not known yet.
        scale: scaleOf(horizon === 0 ? thread.outputs : after),
        base: change ? last : last.map(() => 0),
        last,
      };
      const others = met ? thread.open.take() : thread.open;
      const open = horizon > 0 ? others.put(made) : others;
      const target = horizon === 0 ? { target: outputs.standardize(made.scale, targets) } : {};
      items.push({ key, input: encoded.inputs[0], ...target });
      moments.push({ frame, number, made, met: horizon === 0 ? made : met, before: threads.get(key) });
      // The newest last: it is the order in which their updates are due.
      threads.delete(key);
      threads.set(key, { steps: number, inputs: encoded.state, outputs: after, last, open });
      return items;
    },

    answer(step: Step) {
      const { frame, number, made, met } = moments.shift()!;
      made.value = Array.from(outputs.unscale(made.scale, step.prediction), (value, i) => made.base[i] + value);
      const count = columns.targets.length;
      if (band)
        made.deviation = Array.from({ length: count }, (_, i) => made.scale.units[i] * step.prediction[count + i]);
      if (met) score.add(frame.targets, met.value!, met.last, met.deviation);
      measured?.add(frame, number, met);
      const { key } = frame;
      return {
        ...(columns.key === undefined ? {} : { key }),
        step: number,
        prediction: Object.fromEntries(columns.targets.map((name, i) => [name, brief(made.value![i])])),
        ...(band ? { band: Object.fromEntries(columns.targets.map((name, i) => [name, bandOf(made, i)])) } : {}),
        ...score.read(),
        ...(anomaly !== undefined && met ? anomalies.judge(key, frame.targets, met) : {}),
      };
    },

    progress: score.progress,
    metrics: () => measured?.metrics(),
    partial: () => measured?.partial() ?? 0,
    save(): Saved {
      const surprise = anomalies.save();
      return {
        streams: Object.fromEntries([...answered()].map(([key, thread]) => [key, writeThread(thread)])),
        score: score.state(),
        ...(surprise && { surprise }),
        ...(measured && { metrics: measured.save() }),
      };
    },

    write: ({ key, inputs, targets }) => ({
      ...(columns.key === undefined ? {} : { key }),
      inputs: Array.from(inputs, exactly),
      targets: Array.from(targets, exactly),
    }),
    read(written) {
      const frame = written as { key?: unknown; inputs?: unknown; targets?: unknown } | null;
      const inputs = fromExactly(frame?.inputs, columns.inputs.length);
      const targets = fromExactly(frame?.targets, columns.targets.length);
      const key = columns.key === undefined ? '' : frame?.key;
      return inputs && targets && typeof key === 'string' ? { key, inputs, targets } : undefined;
    },
    outputName: index =>
      index < columns.targets.length
        ? JSON.stringify(columns.targets[index])
        : `deviation of ${JSON.stringify(columns.targets[index - columns.targets.length])}`,
  };
}

/** The least and the greatest value that a forecast of target `i` has in its band, in the units of the data. */
function bandOf({ value, deviation }: ThreadForecast, i: number): (number | null)[] {
  return [-bandReach, bandReach].map(reach => brief(value![i] + reach * deviation![i]));
}
