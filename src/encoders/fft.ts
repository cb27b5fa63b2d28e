import { cosine, sine } from '../kernels/double.js';

/** The power spectrum of real samples. */
export interface Fft {
  /** Samples: a power of two. */
  readonly size: number;
  /** Numbers of a spectrum, size/2 + 1: from a frequency of 0 to half the rate. */
  readonly bins: number;
  /** |X(k)|² with X(k) = Σ x(n) e^(−2πi kn/size), of (size) samples into (bins) numbers. */
  power(samples: Float64Array, into: Float64Array): void;
}

/**
 * Cooley and Tukey 1965, radix 2, in float64: a complex transform of half the size, since the samples are real. Tables of our own
 * cosine, sums in a fixed order: the same bits everywhere.
 *
 * @param size a power of two from 4
 */
export function createFft(size: number): Fft {
  const half = size / 2;
  const cosines = Float64Array.from({ length: half }, (_, k) => cosine(k, size));
  const sines = Float64Array.from({ length: half }, (_, k) => sine(k, size));
  const places = new Uint32Array(half);
  for (let i = 1; i < half; i++) places[i] = (places[i >> 1] >> 1) | (i & 1 ? half >> 1 : 0);
  const re = new Float64Array(half);
  const im = new Float64Array(half);

  /** In place, of re + i im. */
  const transform = (): void => {
    for (let span = 1; span < half; span *= 2) {
      const step = half / span;
      for (let first = 0; first < half; first += 2 * span) {
        for (let j = 0; j < span; j++) {
          const c = cosines[j * step];
          const s = sines[j * step];
          const a = first + j;
          const b = a + span;
          const x = re[b] * c + im[b] * s;
          const y = im[b] * c - re[b] * s;
          re[b] = re[a] - x;
          im[b] = im[a] - y;
          re[a] += x;
          im[a] += y;
        }
      }
    }
  };

  return {
    size,
    bins: half + 1,
    power(samples, into) {
      for (let i = 0; i < half; i++) {
        re[places[i]] = samples[2 * i];
        im[places[i]] = samples[2 * i + 1];
      }
      transform();
      into[0] = (re[0] + im[0]) * (re[0] + im[0]);
      into[half] = (re[0] - im[0]) * (re[0] - im[0]);
      // The even samples' spectrum E and the odd ones' O are in one: X = E + e^(−2πi k/size) O.
      for (let k = 1; k < half; k++) {
        const evenRe = 0.5 * (re[k] + re[half - k]);
        const evenIm = 0.5 * (im[k] - im[half - k]);
        const oddRe = 0.5 * (im[k] + im[half - k]);
        const oddIm = 0.5 * (re[half - k] - re[k]);
        const x = evenRe + oddRe * cosines[k] + oddIm * sines[k];
        const y = evenIm + oddIm * cosines[k] - oddRe * sines[k];
        into[k] = x * x + y * y;
      }
    },
  };
}
