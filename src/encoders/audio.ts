import { CheckpointError, ConfigError, InputError } from '../errors.js';
import type { Encoder } from './encoder.js';
import { createLogMel, type SoundFeatures, soundFeatures } from './log-mel.js';
import { type MelScale, melScales } from './mel.js';
import { createResampler, type Resampler, type ResampleState } from './resample.js';
import { expectSettings } from './settings.js';
import { shown } from './shown.js';
import { deviation, isStatistics, isWithin, limit, noStatistics, observe, type Statistics } from './statistics.js';

export type AudioConfig = {
  readonly kind: 'audio';
  /** Default log-mel. */
  readonly features?: SoundFeatures;
  /** Samples a second of the frames: sound of another rate is resampled. */
  readonly rate: number;
  /** Samples of a frame. Default 25 ms of them. */
  readonly frame?: number;
  /** Samples from one frame to the next. Default 10 ms of them. */
  readonly hop?: number;
  /** Mel bands. Default 40. */
  readonly bands?: number;
  /** Of mfcc. Default 13. */
  readonly coefficients?: number;
  /** Where the lowest band begins, in hertz. Default 20. */
  readonly low?: number;
  /** Where the highest band ends, in hertz. Default half the rate. */
  readonly high?: number;
  /** Default htk. */
  readonly scale?: MelScale;
  /** The least power of a band, of samples in ±1. Default 1e-8. */
  readonly floor?: number;
  /** Deviations from the mean beyond which a feature is brought in. Default 6. */
  readonly clamp?: number;
  /** Frames that the statistics remember. Default 1000. */
  readonly span?: number;
  /** What to begin with, a feature each; default nothing known. */
  readonly statistics?: readonly Statistics[];
};

/** One channel: samples in ±1, or 16-bit ones; at the encoder's rate, or at that which stands with them. */
export type Sound = Float32Array | Int16Array | { readonly rate: number; readonly samples: Float32Array | Int16Array };

/** Plain data. */
export interface AudioState {
  /** Samples a second that came; 0 before the first. */
  readonly rate: number;
  /** Where the rate is another than the encoder's. */
  readonly resampling: ResampleState | null;
  /** Those of the next frame that are there already. */
  readonly samples: readonly number[];
  /** A feature each. */
  readonly columns: readonly Statistics[];
}

export interface AudioEncoder extends Encoder<Sound, AudioState, Float32Array> {
  readonly config: Required<Omit<AudioConfig, 'statistics'>> & Pick<AudioConfig, 'statistics'>;
  /** Whole frames in this many samples at the encoder's rate. */
  framesIn(samples: number): number;
}

/** Rates of sound that is taken, in hertz. */
const rates = { least: 1000, most: 400_000 };
/** Somewhat beyond the largest float32: resampling may go past the samples. */
const loudest = 1e40;
/** Resamplers that are kept. */
const mostResamplers = 16;

/**
 * Sound to overlapping frames of log-mel or MFCC features: each less its running mean, in running deviations, brought within ±clamp.
 *
 * Causal: frame t is made of samples t·hop to t·hop + frame − 1 and of no later ones, and the statistics have taken in frames up to
 * t. Frames are computed in float64 and leave as float32.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function createAudio(given: AudioConfig): AudioEncoder {
  const config = checkConfig(given);
  const { rate, frame, hop, clamp, span, statistics } = config;
  const mel = createLogMel(config);
  const features = new Float64Array(mel.size);
  const resamplers = new Map<number, Resampler>();

  const resamplerOf = (from: number): Resampler => {
    const known = resamplers.get(from);
    if (known) return known;
    const made = createResampler(from, rate);
    if (resamplers.size === mostResamplers) resamplers.clear();
    resamplers.set(from, made);
    return made;
  };

  const isResampling = (from: number, saved: unknown): boolean => {
    try {
      return resamplerOf(from).fits(saved);
    } catch {
      return false;
    }
  };

  /** Cuts samples at the encoder's rate into frames. */
  const framesOf = (state: AudioState, samples: ArrayLike<number>) => {
    const known = state.samples.length;
    const all = new Float64Array(known + samples.length);
    all.set(state.samples);
    for (let i = 0; i < samples.length; i++) all[known + i] = samples[i];
    let columns = state.columns;
    let first = 0;
    const inputs: Float32Array[] = [];
    for (; first + frame <= all.length; first += hop) {
      mel.features(all, first, features);
      const row = new Float32Array(mel.size);
      columns = columns.map((before, i) => {
        const column = observe(before, features[i], clamp, span);
        row[i] = limit((features[i] - column.mean) / deviation(column), -clamp, clamp);
        return column;
      });
      inputs.push(row);
    }
    return { samples: Array.from(all.subarray(first)), columns, inputs };
  };

  return {
    config,
    input: { kind: 'features', size: mel.size },
    initial: () => ({
      rate: 0,
      resampling: null,
      samples: [],
      columns: statistics ?? Array.from(features, () => noStatistics),
    }),

    encode(before, raw) {
      const sound = samplesOf(raw, rate);
      if (before.rate !== 0 && before.rate !== sound.rate)
        throw new InputError(`Expected sound of ${before.rate} hertz, as it began, got ${sound.rate}`);
      if (sound.rate === rate) {
        const { inputs, ...rest } = framesOf(before, sound.samples);
        return { state: { rate, resampling: null, ...rest }, inputs };
      }
      const resampler = resamplerOf(sound.rate);
      const resampled = resampler.resample(before.resampling ?? resampler.initial(), sound.samples);
      const { inputs, ...rest } = framesOf(before, resampled.samples);
      return { state: { rate: sound.rate, resampling: resampled.state, ...rest }, inputs };
    },

    finish: state => (state.resampling ? framesOf(state, resamplerOf(state.rate).finish(state.resampling)).inputs : []),

    restore(saved) {
      const { rate: from, resampling, samples, columns } = (saved ?? {}) as Partial<AudioState>;
      const wrong = new CheckpointError(
        `Expected the state of audio to be { rate, resampling, samples, columns } of ${mel.size} features`,
      );
      if (from !== 0 && !isRate(from)) throw wrong;
      const resampled = from !== 0 && from !== rate;
      if (resampled ? !isResampling(from!, resampling) : resampling !== null) throw wrong;
      const fits = Array.isArray(samples) && samples.length < frame && samples.every(isSample);
      if (!fits || !isStatistics(columns, mel.size)) throw wrong;
      return { rate: from!, resampling: resampling!, samples, columns };
    },

    framesIn: samples => Math.max(0, Math.floor((samples - frame) / hop) + 1),
  };
}

/** Mean and variance of each feature over some sounds, with the weight of as many frames as an encoder remembers: what it begins with. */
export function statisticsOf(config: AudioConfig, sounds: readonly Sound[]): Statistics[] {
  const plain = createAudio({ ...config, statistics: undefined });
  const { span } = plain.config;
  // As they are: nothing is subtracted, and nothing brought in.
  const none = plain.initial().columns.map(() => ({ count: 1e15, mean: 0, variance: 1 }));
  const bare = createAudio({ ...config, clamp: 1e9, span: 1e15, statistics: none });
  const sums = none.map(() => ({ count: 0, sum: 0, squares: 0 }));
  for (const sound of sounds) {
    const { inputs, state } = bare.encode(bare.initial(), sound);
    for (const row of [...inputs, ...bare.finish(state)]) {
      row.forEach((value, i) => {
        sums[i].count++;
        sums[i].sum += value;
        sums[i].squares += value * value;
      });
    }
  }
  return sums.map(({ count, sum, squares }) => {
    const mean = count === 0 ? 0 : sum / count;
    return {
      count: Math.min(count, span),
      mean,
      variance: count === 0 ? 0 : Math.max(0, squares / count - mean * mean),
    };
  });
}

/** @throws InputError */
function samplesOf(raw: Sound, usual: number): { rate: number; samples: ArrayLike<number> } {
  const bare = ArrayBuffer.isView(raw);
  const samples = bare ? raw : raw?.samples;
  const rate = bare ? usual : raw?.rate;
  if (samples instanceof Int16Array) {
    if (!isRate(rate)) throw wrongRate(rate);
    return { rate, samples: Float64Array.from(samples, sample => sample / 32768) };
  }
  if (!(samples instanceof Float32Array)) {
    throw new InputError(
      'Expected sound to be a Float32Array or an Int16Array of samples, or { rate, samples } with one, got another',
    );
  }
  if (!isRate(rate)) throw wrongRate(rate);
  const bad = samples.findIndex(sample => !Number.isFinite(sample));
  if (bad >= 0) throw new InputError(`Expected samples to be finite numbers, got ${samples[bad]}`, bad);
  return { rate, samples };
}

function wrongRate(rate: unknown): InputError {
  return new InputError(
    `Expected rate to be a whole number of hertz from ${rates.least} to ${rates.most}, got ${rate}`,
  );
}

function isSample(sample: unknown): sample is number {
  return isWithin(sample, -loudest, loudest);
}

function isRate(rate: unknown): rate is number {
  return Number.isInteger(rate) && (rate as number) >= rates.least && (rate as number) <= rates.most;
}

const settings = [
  'kind',
  'features',
  'rate',
  'frame',
  'hop',
  'bands',
  'coefficients',
  'low',
  'high',
  'scale',
  'floor',
  'clamp',
  'span',
  'statistics',
] satisfies (keyof AudioConfig)[];

function checkConfig(given: AudioConfig): AudioEncoder['config'] {
  const expect = (fits: boolean, name: keyof AudioConfig, wanted: string, found: unknown): void => {
    if (!fits) throw new ConfigError(`Expected encoder.${name} to be ${wanted}, got ${shown(found)}`);
  };
  const count = (name: keyof AudioConfig, found: number, least: number, most: number): void =>
    expect(
      Number.isInteger(found) && found >= least && found <= most,
      name,
      `an integer from ${least} to ${most}`,
      found,
    );
  expectSettings(given, settings);
  const { rate, bands = 40 } = given;
  expect(isRate(rate), 'rate', `a whole number of hertz from ${rates.least} to ${rates.most}`, rate);
  count('bands', bands, 1, 512);
  const config = {
    kind: 'audio' as const,
    features: given.features ?? 'log-mel',
    rate,
    frame: given.frame ?? Math.round(rate / 40),
    hop: given.hop ?? Math.round(rate / 100),
    bands,
    coefficients: given.coefficients ?? Math.min(13, bands),
    low: given.low ?? 20,
    high: given.high ?? rate / 2,
    scale: given.scale ?? 'htk',
    floor: given.floor ?? 1e-8,
    clamp: given.clamp ?? 6,
    span: given.span ?? 1000,
    ...(given.statistics === undefined ? {} : { statistics: given.statistics }),
  };
  const { features, frame, low, high, scale, clamp, span, floor, statistics } = config;
  expect(soundFeatures.includes(features), 'features', "'log-mel' or 'mfcc'", features);
  expect(melScales.includes(scale), 'scale', "'htk' or 'slaney'", scale);
  count('frame', frame, 4, 65_536);
  count('hop', config.hop, 1, frame);
  count('coefficients', config.coefficients, 1, bands);
  const half = rate / 2;
  expect(Number.isFinite(low) && low >= 0 && low < half, 'low', 'from 0 hertz to below half the rate', low);
  expect(Number.isFinite(high) && high > low && high <= half, 'high', 'above low, up to half the rate', high);
  expect(Number.isFinite(floor) && floor > 0, 'floor', 'a positive number', floor);
  expect(Number.isFinite(clamp) && clamp > 0, 'clamp', 'a positive number', clamp);
  expect(Number.isSafeInteger(span) && span >= 2, 'span', 'a whole number of frames from 2', span);
  const size = features === 'mfcc' ? config.coefficients : bands;
  const fits = statistics === undefined || isStatistics(statistics, size);
  expect(fits, 'statistics', `statistics of ${size} features`, statistics);
  return config;
}
