import { type AudioConfig, createAudio, statisticsOf } from '../encoders/audio.js';
import type { EncoderConfig } from '../encoders/encoders.js';
import { createReadings, type ReadingsConfig } from '../encoders/readings.js';
import { deviation, type Statistics } from '../encoders/statistics.js';
import { ConfigError, InputError } from '../errors.js';
import type { ModelConfig, OutputKind } from '../model/config.js';
import type { Input } from '../model/input.js';
import type { Weights } from '../model/parameters.js';
import type { Sequence } from '../training/evaluate.js';
import type { Target } from '../training/loss.js';
import { numberOf, show } from './formats/format.js';
import { counted } from './numbers.js';
import type { Raw, RawFile } from './sequences.js';

/** What a network takes and says: all that its configuration has besides its layers. */
export type Lesson = Pick<ModelConfig, 'input' | 'output' | 'labels'> & {
  readonly encoder?: EncoderConfig;
  /** Of value targets: they are learned in deviations from their mean. */
  readonly scale?: readonly Statistics[];
};

/**
 * What there is to learn in the sequences of the training part: its statistics and labels.
 *
 * @param known all sequences whose classes and tokens the network has outputs for
 * @throws ConfigError if the sequences are of several kinds
 */
export function makeLesson(
  { kind, columns }: RawFile,
  training: readonly Raw[],
  asked?: OutputKind,
  known = training,
): Lesson {
  const said = training.flatMap(({ targets }) => targets.filter(target => target !== null));
  if (said.length === 0) throw new ConfigError('Expected a sequence with a target to learn from, got none');
  const output = asked ?? (training.some(({ named }) => named) ? 'classes' : 'values');
  const encoder: EncoderConfig | undefined =
    kind === 'text'
      ? { kind: 'bytes' }
      : kind === 'rows'
        ? readings(columns, training)
        : kind === 'sound'
          ? hearing(training)
          : undefined;
  const tokens = kind === 'text' ? 256 : kind === 'tokens' ? mostToken(known) + 1 : 0;
  const input =
    encoder?.kind === 'readings'
      ? createReadings(encoder).input
      : encoder?.kind === 'audio'
        ? createAudio(encoder).input
        : { kind: 'token' as const, size: tokens };
  if (output === 'classes') {
    const following =
      kind !== 'rows' && kind !== 'sound' && training.every(({ targets }) => targets.every(Number.isInteger));
    if (following) return { input, output: { kind: output, size: tokens }, ...(encoder ? { encoder } : {}) };
    const all = known.flatMap(({ targets, from }) =>
      targets.filter(target => target !== null).map(target => classOf(target, from)),
    );
    const names = [...new Set(all)].sort(naturally);
    // A class without a name says nothing.
    if (training.some(({ unaligned }) => unaligned)) names.push('');
    return { input, output: { kind: output, size: names.length }, labels: names, ...(encoder ? { encoder } : {}) };
  }
  const rows = said.map(target => numbers(target, 'a target'));
  const size = rows[0].length;
  const scale = output === 'values' ? statistics(rows, size) : undefined;
  return { input, output: { kind: output, size }, ...(encoder ? { encoder } : {}), ...(scale ? { scale } : {}) };
}

/** A sequence as the network takes it. @throws InputError naming where the sequence stands */
export function encodeSequence(lesson: Lesson, raw: Raw): Sequence {
  const targets = raw.targets.map(target => encodeTarget(lesson, target, raw.from));
  if (!raw.sound) return { inputs: encodeInputs(lesson, raw), targets };
  const inputs = encodeSound(lesson, raw);
  const first = raw.unaligned ? 0 : inputs.length - 1;
  if (first < 0 || inputs.length < targets.length)
    throw new InputError(
      `Expected ${raw.from} to be as long as a frame for each label, got ${counted(inputs.length, 'frame')}`,
    );
  return { inputs, targets: inputs.map((_, t) => targets[t - first] ?? null) };
}

function encodeSound({ encoder }: Lesson, { sound, from }: Raw): Input[] {
  if (encoder?.kind !== 'audio') throw new InputError(`Expected a network that hears for ${from}, got another`);
  const hears = createAudio(encoder);
  const { inputs, state } = hears.encode(hears.initial(), sound!);
  return [...inputs, ...hears.finish(state)];
}

/** Sound at the lowest rate of the recordings, 16 kHz at most, with the statistics of their frames. */
function hearing(training: readonly Raw[]): AudioConfig {
  const sounds = training.map(({ sound }) => sound as { rate: number; samples: Int16Array });
  const rate = Math.min(16_000, ...sounds.map(sound => sound.rate));
  const { config } = createAudio({ kind: 'audio', features: 'mfcc', rate });
  return { ...config, statistics: statisticsOf(config, sounds) };
}

function encodeInputs({ input, encoder }: Lesson, { inputs, from }: Raw): Input[] {
  if (encoder?.kind !== 'readings') {
    for (const token of inputs) {
      if (typeof token !== 'number' || token >= input.size)
        throw new InputError(`Expected ${from} to have tokens from 0 to ${input.size - 1}, got ${show(token)}`);
    }
    return inputs as number[];
  }
  const known = createReadings(encoder);
  let state = known.initial();
  return inputs.map(row => {
    const cells = typeof row === 'number' ? [row] : row.map(cell => numberOf(cell) ?? show(cell));
    try {
      const encoded = known.encode(state, cells as number[]);
      state = encoded.state;
      return encoded.inputs[0];
    } catch (error) {
      if (error instanceof InputError) throw new InputError(`${error.message}, in ${from}`, error.index);
      throw error;
    }
  });
}

function encodeTarget({ output, labels, scale }: Lesson, target: unknown, from: string): Target {
  if (target === null) return null;
  if (output.kind === 'classes') {
    const place = labels ? labels.indexOf(classOf(target, from)) : Number(target);
    if (place < 0 || !(place < output.size))
      throw new InputError(`Expected the targets of ${from} to be among those learned, got ${show(target)}`);
    return place;
  }
  const row = numbers(target, `a target of ${from}`);
  if (row.length !== output.size)
    throw new InputError(
      `Expected the targets of ${from} to be ${counted(output.size, 'number')}, got ${show(target)}`,
    );
  return Float32Array.from(row, (value, i) => (scale ? (value - scale[i].mean) / deviation(scale[i]) : value));
}

/** The weights of a network that says its values in the unit of the data: its readout takes mean and deviation in. */
export function inUnits({ scale }: Lesson, weights: Weights): Weights {
  if (!scale) return weights;
  const matrix = weights['readout.weight'];
  const width = matrix.length / scale.length;
  return {
    ...weights,
    'readout.weight': matrix.map((value, i) => value * deviation(scale[Math.floor(i / width)])),
    'readout.bias': weights['readout.bias'].map((value, i) => value * deviation(scale[i]) + scale[i].mean),
  };
}

function readings(columns: readonly string[], training: readonly Raw[]): ReadingsConfig {
  const rows = training.flatMap(({ inputs }) => inputs as readonly unknown[][]);
  const cells = columns.map((_, i) => rows.map(row => numberOf(row[i]) ?? Number.NaN));
  return {
    kind: 'readings',
    columns: columns.map((name, i) => ({ name, ...(cells[i].some(Number.isNaN) ? { nullable: true } : {}) })),
    statistics: cells.flatMap(column =>
      statistics(
        column.filter(value => !Number.isNaN(value)).map(value => [value]),
        1,
      ),
    ),
  };
}

function statistics(rows: readonly (readonly number[])[], size: number): Statistics[] {
  const count = rows.length;
  return Array.from({ length: size }, (_, i) => {
    const mean = count === 0 ? 0 : rows.reduce((sum, row) => sum + row[i], 0) / count;
    const variance = count === 0 ? 0 : rows.reduce((sum, row) => sum + (row[i] - mean) * (row[i] - mean), 0) / count;
    return { count, mean, variance };
  });
}

function classOf(target: unknown, from: string): string {
  if (typeof target !== 'object') return String(target);
  throw new InputError(`Expected the class of ${from} to be a word or a number, got ${show(target)}`);
}

function numbers(target: unknown, what: string): number[] {
  return (Array.isArray(target) ? target : [target]).map(one => {
    const value = numberOf(one);
    if (value === undefined || Number.isNaN(value))
      throw new InputError(`Expected ${what} to be numbers, got ${show(target)}: names of classes are labels`);
    return value;
  });
}

function mostToken(training: readonly Raw[]): number {
  let most = 0;
  for (const { inputs, targets } of training)
    for (const token of [...inputs, ...targets]) if (typeof token === 'number' && token > most) most = token;
  return most;
}

/** Numbers by size, and before what is none. */
function naturally(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}
