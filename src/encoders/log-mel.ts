import { cosine, log } from '../kernels/double.js';
import { createFft } from './fft.js';
import { createMelFilters, type MelScale } from './mel.js';

export const soundFeatures = ['log-mel', 'mfcc'] as const;
/** `log-mel`: the logarithm of the power in each band; `mfcc`: the first coefficients of its cosine transform. */
export type SoundFeatures = (typeof soundFeatures)[number];

export interface LogMelSettings {
  readonly features: SoundFeatures;
  /** Samples a second. */
  readonly rate: number;
  /** Samples of a frame. */
  readonly frame: number;
  readonly bands: number;
  /** Of `mfcc`. */
  readonly coefficients: number;
  /** Where the lowest band begins and the highest ends, in hertz. */
  readonly low: number;
  readonly high: number;
  readonly scale: MelScale;
  /** The least power of a band, of samples in ±1: silence has a logarithm too. */
  readonly floor: number;
}

/** One frame of sound to its features. */
export interface LogMel {
  /** Numbers that leave. */
  readonly size: number;
  /** Of (frame) samples from `first` on; into (size) numbers. */
  features(samples: Float64Array, first: number, into: Float64Array): void;
}

/**
 * A frame under a Hann window, with zeros up to a power of two, its power spectrum, mel bands, natural logarithms; and for `mfcc` their
 * orthonormal DCT-II (Davis and Mermelstein 1980). As librosa has it, but for decibels: those are 4.34 times as much.
 */
export function createLogMel(settings: LogMelSettings): LogMel {
  const { features, rate, frame, bands, coefficients, low, high, scale, floor } = settings;
  let length = 4;
  while (length < frame) length *= 2;
  const fft = createFft(length);
  const window = Float64Array.from({ length: frame }, (_, n) => 0.5 - 0.5 * cosine(n, frame));
  const filters = createMelFilters({ rate, bins: fft.bins, bands, low, high, scale });
  const waves = Array.from({ length: features === 'mfcc' ? coefficients : 0 }, (_, j) =>
    Float64Array.from(
      { length: bands },
      (_, i) => Math.sqrt((j === 0 ? 1 : 2) / bands) * cosine(j * (2 * i + 1), 4 * bands),
    ),
  );
  const windowed = new Float64Array(length);
  const power = new Float64Array(fft.bins);
  const logs = new Float64Array(bands);

  return {
    size: features === 'mfcc' ? coefficients : bands,
    features(samples, first, into) {
      for (let n = 0; n < frame; n++) windowed[n] = samples[first + n] * window[n];
      fft.power(windowed, power);
      const bandsInto = features === 'mfcc' ? logs : into;
      filters.forEach((filter, band) => {
        let sum = 0;
        for (let k = 0; k < filter.weights.length; k++) sum += filter.weights[k] * power[filter.first + k];
        bandsInto[band] = log(Math.max(sum, floor));
      });
      waves.forEach((wave, j) => {
        let sum = 0;
        for (let i = 0; i < bands; i++) sum += wave[i] * logs[i];
        into[j] = sum;
      });
    },
  };
}
