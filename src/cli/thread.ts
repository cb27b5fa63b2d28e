import type { ReadingsEncoder, ReadingsState, Scale } from '../encoders/readings.js';
import { noStatistics, type Statistics } from '../encoders/statistics.js';
import { CheckpointError } from '../errors.js';
import { counted } from './numbers.js';
import { createPersistentQueue, type PersistentQueue } from './persistent-queue.js';

/** What is remembered of one stream of readings besides its carry. */
export interface Thread {
  readonly steps: number;
  readonly inputs: ReadingsState;
  readonly outputs: ReadingsState;
  /** The newest value of each target; NaN where none has come. */
  readonly last: readonly number[];
  /** Forecasts whose rows have not come, the oldest first. */
  readonly open: PersistentQueue<ThreadForecast>;
}

export interface ThreadForecast {
  /** The scale of its outputs. */
  readonly scale: Scale;
  /** What the outputs are added to, in the units of the data. */
  readonly base: readonly number[];
  /** The targets' values when it was made: what persistence foretells. */
  readonly last: readonly number[];
  /** In the units of the data; left out until the step is out. */
  value?: readonly number[];
  /** Of a forecast with a band: its standard deviation, likewise. */
  deviation?: readonly number[];
}

/** The thread as plain data: JSON has neither NaN nor infinity. */
export function writeThread({ steps, inputs, outputs, last, open }: Thread): unknown {
  const cells = (values: readonly number[]) => values.map(value => (Number.isFinite(value) ? value : null));
  return {
    steps,
    inputs,
    outputs,
    last: cells(last),
    open: open.list().map(({ scale, base, last: known, value, deviation }) => ({
      scale,
      base: cells(base),
      last: cells(known),
      value: cells(value!),
      ...(deviation ? { deviation: cells(deviation) } : {}),
    })),
  };
}

/**
 * The threads that were written, by the keys of their streams.
 *
 * @throws CheckpointError
 */
export function readThreads(
  saved: unknown,
  encoder: ReadingsEncoder,
  outputs: ReadingsEncoder,
  horizon: number,
): Map<string, Thread> {
  if (typeof saved !== 'object' || saved === null) {
    throw new CheckpointError('Expected a checkpoint of readings that eddy pipe saved, got another');
  }
  return new Map(Object.entries(saved).map(([key, thread]) => [key, readThread(thread, encoder, outputs, horizon)]));
}

function readThread(saved: unknown, encoder: ReadingsEncoder, outputs: ReadingsEncoder, horizon: number): Thread {
  const count = outputs.config.columns.length;
  const found = saved as Record<keyof Thread, unknown> | null;
  const wrong = (what: string) =>
    new CheckpointError(`Expected the stream of readings in the checkpoint to have ${what}, got others`);
  if (!Number.isSafeInteger(found?.steps) || (found!.steps as number) < 0) throw wrong('a count of steps');
  if (!Array.isArray(found!.open) || found!.open.length > horizon)
    throw wrong(`at most ${counted(horizon, 'open forecast')}`);

  const cells = (values: unknown): number[] => {
    const fits =
      Array.isArray(values) &&
      values.length === count &&
      values.every(value => value === null || Number.isFinite(value));
    if (!fits) throw wrong(`${counted(count, 'number')} for its targets`);
    return (values as (number | null)[]).map(value => value ?? Number.NaN);
  };
  return {
    steps: found!.steps as number,
    inputs: encoder.restore(found!.inputs),
    outputs: outputs.restore(found!.outputs),
    last: cells(found!.last),
    open: createPersistentQueue(
      found!.open.map((one: Partial<ThreadForecast> | null) => ({
        scale: { means: cells(one?.scale?.means), units: cells(one?.scale?.units) },
        base: cells(one?.base),
        last: cells(one?.last),
        value: cells(one?.value),
        ...(one?.deviation ? { deviation: cells(one.deviation) } : {}),
      })),
    ),
  };
}

/** The statistics of all streams together, to begin a new one with. */
export function pooled(states: readonly ReadingsState[]): Statistics[] {
  const columns = states[0]?.columns.length ?? 0;
  return Array.from({ length: columns }, (_, i) => states.map(state => state.columns[i]).reduce(join, noStatistics));
}

/** Of two parts that have nothing in common (Chan, Golub and LeVeque 1983). */
function join(a: Statistics, b: Statistics): Statistics {
  const count = a.count + b.count;
  if (count === 0) return noStatistics;
  const share = b.count / count;
  const difference = b.mean - a.mean;
  return {
    count,
    mean: a.mean + difference * share,
    variance: a.variance * (1 - share) + b.variance * share + difference * difference * share * (1 - share),
  };
}
