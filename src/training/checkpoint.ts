import { CheckpointError, ConfigError, expectOptions, kindOf } from '../errors.js';
import type { Floats } from '../kernels/memory.js';
import { activationsSize } from '../model/activations.js';
import { modelOf, readCheckpoint, trainerPrefix, writeCheckpoint } from '../model/checkpoint.js';
import type { ModelConfig } from '../model/config.js';
import { readTensors } from '../model/model.js';
import { quote } from '../model/safetensors-header.js';
import { describe, doubles, floats, type Tensor, tensorOf } from '../model/tensor.js';
import type { GuardOptions } from './guard-options.js';
import type { TrainerOptions } from './options.js';
import { readoutMoments } from './readout.js';
import { checkState, type StreamMark, type StreamState } from './stream.js';
import { readStreams, streamTensors } from './stream-tensors.js';
import { checkTrainer, createTrainer, type Trainer } from './trainer.js';

/** What a learner's checkpoint holds. */
export interface SavedTrainer {
  readonly trainer: Trainer;
  /** Each stream, to go on from: `tbptt(trainer, state)`. */
  readonly states: Map<string, StreamState>;
  /** What was given to `saveTrainer` to travel along. */
  readonly extra: unknown;
}

const momentName = (moment: string, tensor: string): string => `${trainerPrefix}moments.${moment}.${tensor}`;
const countersName = `${trainerPrefix}counters`;

/**
 * A learner as a safetensors file: what `saveModel` writes, and options, the optimizer's moments and counters, and everything
 * its streams remember. A run that goes on from the file ends in the same bits as one that did not stop.
 *
 * @param states of the streams, by a name of each: a state says where its stream stands, so all of one moment; `new Map()` where there is none
 * @param extra plain data to travel along, such as the states of encoders
 * @throws CheckpointError if a weight is not finite, or `extra` holds what JSON does not; ConfigError if the trainer or the states are none
 */
export function saveTrainer(
  trainer: Trainer,
  states: ReadonlyMap<string, StreamState>,
  extra: unknown = null,
): Uint8Array<ArrayBuffer> {
  checkTrainer(trainer);
  if (!(states instanceof Map))
    throw new ConfigError(
      `Expected states to be a Map from the name of each stream to its state, got ${kindOf(states)}`,
    );
  const { model, optimizer, readout, options } = trainer;
  const all = [...states.values()];
  // Where a guard would go back to is written like further streams.
  const marks = all.flatMap(({ mark }) => (mark ? [stateOfMark(mark), stateOfMark(mark.next ?? mark)] : []));
  const tensors = streamTensors(model, [...all, ...marks]);
  for (const [moment, numbers] of momentsOf(trainer)) {
    const values = readTensors(model.network, numbers);
    for (const { name, shape } of model.network.parameters.tensors)
      tensors.set(momentName(moment, name), tensorOf(Float32Array.from(values[name]), shape));
  }
  const counters = trainer.counters();
  tensors.set(countersName, tensorOf(Float64Array.from(Object.values(counters))));
  // JSON has no infinity: where it is not the default it becomes null.
  const settings = withoutInfinity({
    ...options,
    optimizer: optimizer.config(),
    ...(readout && { readout: { ...options.readout, optimizer: readout.config() } }),
    maxGradientNorm: finiteOrNull(options.maxGradientNorm),
    ...(options.guard && {
      guard: {
        ...options.guard,
        longest: finiteOrNull(options.guard.longest),
        largest: finiteOrNull(options.guard.largest),
      },
    }),
  });
  return writeCheckpoint(
    model,
    {
      trainer: {
        options: settings,
        counters: Object.keys(counters),
        streams: [...states.keys()],
        ...(trainer.guard ? { marked: all.map(state => state.mark !== undefined) } : {}),
        extra,
      },
    },
    tensors,
  );
}

/**
 * A learner and its streams from the bytes of `saveTrainer`.
 *
 * @param limits.maxWindowBytes room that the windows of an update, k2 steps each, may take; default 256 MiB
 * @throws CheckpointError naming the tensor or the option that does not fit
 * @throws ConfigError at a limit that there is not
 */
export async function loadTrainer(
  bytes: Uint8Array,
  limits: { readonly maxWindowBytes?: number } = {},
): Promise<SavedTrainer> {
  expectOptions(limits, ['maxWindowBytes']);
  const checkpoint = readCheckpoint(bytes);
  const { config, rest, tensors } = checkpoint;
  const saved = checkShape(rest.trainer);
  const { maxGradientNorm, guard, ...others } = saved.options;
  const options: TrainerOptions = {
    ...others,
    maxGradientNorm: maxGradientNorm ?? Number.POSITIVE_INFINITY,
    ...(guard && { guard: { ...guard, longest: infinite(guard.longest), largest: infinite(guard.largest) } }),
  };
  checkWindow(config, options, limits.maxWindowBytes ?? 2 ** 28);
  const model = await modelOf(checkpoint);
  return inCheckpoint(() => {
    const trainer = createTrainer(model, options);
    readMoments(trainer, tensors);
    readCounters(trainer, saved.counters, tensors);
    const { streams, marked = [] } = saved;
    const marks = 2 * marked.filter(Boolean).length;
    const read = readStreams(model, tensors, streams.length + marks);
    const further = read.splice(streams.length);
    const states = read.map(
      (state, i): StreamState => ({
        ...state,
        ...(marked[i] ? { mark: { ...markOfState(further.shift()!), next: markOfState(further.shift()!) } } : {}),
      }),
    );
    for (const state of states) checkState(trainer, state);
    return { trainer, states: new Map(streams.map((name, i) => [name, states[i]])), extra: saved.extra ?? null };
  });
}

/** All that lies as the weights do: the optimizer's moments, and the snapshot that a guard would go back to. */
function momentsOf({ optimizer, readout, guard }: Trainer): [string, Floats][] {
  const moments = Object.entries({ ...optimizer.moments, ...(readout && readoutMoments(readout)) }).map(
    ([name, { array }]): [string, Floats] => [name, array],
  );
  const snapshot = Object.entries(guard?.snapshot ?? {}).map(([name, n]): [string, Floats] => [`guard.${name}`, n]);
  return [...moments, ...snapshot];
}

/** A mark as it is written: a further stream. */
export const stateOfMark = (mark: StreamMark): StreamState => ({
  carry: mark.carry,
  steps: mark.steps,
  updated: mark.steps,
  entries: [],
  random: mark.random,
});

export function markOfState({ carry, steps, random }: StreamState): StreamMark {
  return { carry, steps, random: random ?? new Uint32Array(4) };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function infinite(value: number | null | undefined): number | undefined {
  return value === null ? Number.POSITIVE_INFINITY : value;
}

function withoutInfinity(settings: object): object {
  const finite = Object.entries(settings).filter(([, value]) => value !== Number.POSITIVE_INFINITY);
  return Object.fromEntries(finite.map(([name, value]) => [name, isRecord(value) ? withoutInfinity(value) : value]));
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Saved {
  readonly options: Omit<TrainerOptions, 'maxGradientNorm' | 'guard'> & {
    readonly maxGradientNorm?: number | null;
    readonly guard?: Omit<GuardOptions, 'longest' | 'largest'> & {
      readonly longest?: number | null;
      readonly largest?: number | null;
    };
  };
  readonly counters: readonly string[];
  readonly streams: readonly string[];
  /** With a guard: which streams have a mark. */
  readonly marked?: readonly boolean[];
  readonly extra?: unknown;
}

function checkShape(found: unknown): Saved {
  if (found === undefined)
    throw new CheckpointError(
      'Expected the checkpoint of a learner, got that of a model: load it with loadModel, and make a trainer of it',
    );
  const saved = found as Saved | null;
  const isNames = (names: unknown): boolean => Array.isArray(names) && names.every(name => typeof name === 'string');
  const fits =
    typeof saved?.options === 'object' &&
    saved.options !== null &&
    isNames(saved.counters) &&
    isNames(saved.streams) &&
    new Set(saved.streams).size === saved.streams.length &&
    areFlags(saved.marked, saved.streams.length);
  if (!fits)
    throw new CheckpointError(
      'Expected the learner of a checkpoint to have options, counters and streams of different names',
    );
  return saved;
}

function areFlags(list: unknown, length: number): boolean {
  return (
    list === undefined || (Array.isArray(list) && list.length === length && list.every(one => typeof one === 'boolean'))
  );
}

/** The room of windows is made before the first step, so a few bytes of k2 could ask for all of the memory. */
function checkWindow(config: ModelConfig, { k2 = 1, replay }: TrainerOptions, limit: number): void {
  const windows = 1 + (replay?.windows ?? 0);
  // Those of the newest steps are kept beside the windows that are run again.
  const rows = activationsSize(config, 1, k2, true) + activationsSize(config, windows, windows * k2, true);
  const needed = 4 * rows;
  if (needed <= limit) return;
  throw new CheckpointError(
    `Expected the windows of an update to take at most ${limit} bytes, got ${needed} with k2 = ${String(k2)}: ` +
      'raise maxWindowBytes to load them',
  );
}

function readMoments(trainer: Trainer, tensors: ReadonlyMap<string, Tensor>): void {
  const { model, optimizer } = trainer;
  const known = new Set<string>();
  for (const [moment, numbers] of momentsOf(trainer)) {
    for (const { name, shape, places } of model.network.parameters.tensors) {
      const full = momentName(moment, name);
      known.add(full);
      const values = floats(tensors.get(full), full, shape);
      const bad = values.findIndex(Number.isNaN);
      if (bad >= 0) throw new CheckpointError(`Expected tensor ${quote(full)} to have numbers, got NaN at ${bad}`);
      for (let i = 0; i < values.length; i++) numbers[places[i]] = values[i];
    }
  }
  for (const [name, { dtype, shape }] of tensors) {
    if (!name.startsWith(`${trainerPrefix}moments.`) || known.has(name)) continue;
    throw new CheckpointError(
      `Expected the moments of ${optimizer.config().kind} alone, got ${quote(name)}, ${describe(dtype, shape)}`,
    );
  }
}

function readCounters(trainer: Trainer, names: readonly string[], tensors: ReadonlyMap<string, Tensor>): void {
  const values = doubles(tensors.get(countersName), countersName, [names.length]);
  const counters = Object.fromEntries(names.map((name, i) => [name, values[i]]));
  checkCounters(trainer, counters);
  trainer.restore(counters);
}

/** @throws CheckpointError if they are not those of such a trainer */
export function checkCounters(trainer: Trainer, counters: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(trainer.counters())) {
    const value = Object.hasOwn(counters, name) ? counters[name] : Number.NaN;
    // A loss, and so its average, may lie below 0.
    const least = name.startsWith('guard.') ? Number.NEGATIVE_INFINITY : 0;
    if (typeof value !== 'number' || !(value >= least && Number.isFinite(value)))
      throw new CheckpointError(`Expected the counter ${quote(name)} to be a number from 0, got ${String(value)}`);
  }
}

/** What is wrong with the parts of a file is wrong with the file. */
function inCheckpoint<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(
      `Expected the checkpoint of a learner to hold together, got parts that do not. ${reason}`,
      { cause },
    );
  }
}
