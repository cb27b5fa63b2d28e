import { InputError } from '../errors.js';
import { cosine, sine } from '../kernels/double.js';
import { isWithin } from './statistics.js';

/** What a resampler remembers. Plain data. */
export interface ResampleState {
  /** The newest samples that still count. */
  readonly waiting: readonly number[];
  /** Where the next sample falls: its place in `waiting`, times the resampler's `up`. */
  readonly place: number;
}

/** Samples of one rate as samples of another, a few at a time: cuts change nothing. */
export interface Resampler {
  initial(): ResampleState;
  resample(
    state: ResampleState,
    samples: ArrayLike<number>,
  ): { readonly state: ResampleState; readonly samples: number[] };
  /** The samples whose neighbours would still have come: with zeros in their place. */
  finish(state: ResampleState): number[];
  fits(saved: unknown): saved is ResampleState;
}

/** Zeros of the sinc on each side. */
const zeros = 16;
/** Where it lets nothing pass, of the lower of the two Nyquist frequencies. */
const rolloff = { of: 15, in: 16 };
/** The largest float32, about. */
const loudest = 3.5e38;
/** Numbers of a table. */
const mostTaps = 1 << 20;

/**
 * A sinc under a Hann window (J. O. Smith, "Digital Audio Resampling", 1984), one row of taps for each place that a sample may have
 * between two others: `to / from` reduced to `up / down` has `up` of them. A sample comes out half a window after it has gone in (2 ms at
 * 8 kHz).
 *
 * @throws InputError if the rates' ratio needs too large a table
 */
export function createResampler(from: number, to: number): Resampler {
  const divisor = greatestDivisor(from, to);
  const up = to / divisor;
  const down = from / divisor;
  // The cutoff, in Nyquist frequencies of the input, is cut / (rolloff.in · longer).
  const longer = Math.max(up, down);
  const cut = rolloff.of * up;
  const reach = Math.ceil((zeros * rolloff.in * longer) / cut);
  const taps = 2 * reach;
  if (up * taps > mostTaps)
    throw new InputError(
      `Expected a rate near a simple ratio to ${to} hertz, such as 8000, 16000, 44100 or 48000, got ${from}`,
    );
  const rows = new Array<Float64Array | undefined>(up);

  /** The taps of a phase, made when it is needed: a few samples need few of many. */
  const rowOf = (phase: number): Float64Array => {
    const known = rows[phase];
    if (known) return known;
    const row = new Float64Array(taps);
    let sum = 0;
    for (let j = 0; j < taps; j++) {
      // Samples of the input from the middle to this tap, times up.
      const distance = (j - reach + 1) * up - phase;
      const window = 0.5 + 0.5 * cosine(distance, 2 * reach * up);
      const angle = (Math.PI * cut * distance) / (rolloff.in * longer * up);
      const value = distance === 0 ? 1 : sine(cut * distance, 2 * rolloff.in * longer * up) / angle;
      row[j] = value * window;
      sum += value * window;
    }
    for (let j = 0; j < taps; j++) row[j] /= sum;
    rows[phase] = row;
    return row;
  };

  const resample: Resampler['resample'] = ({ waiting, place }, samples) => {
    const known = waiting.length;
    const all = new Float64Array(known + samples.length);
    all.set(waiting);
    for (let i = 0; i < samples.length; i++) all[known + i] = samples[i];
    const out: number[] = [];
    let at = place;
    for (; ; at += down) {
      const phase = at % up;
      const first = (at - phase) / up - reach + 1;
      if (first + taps > all.length) break;
      const row = rowOf(phase);
      let sum = 0;
      for (let j = 0; j < taps; j++) sum += all[first + j] * row[j];
      out.push(sum);
    }
    const done = Math.min(all.length, (at - (at % up)) / up - reach + 1);
    return { state: { waiting: Array.from(all.subarray(done)), place: at - done * up }, samples: out };
  };

  return {
    initial: () => ({ waiting: new Array(reach - 1).fill(0), place: (reach - 1) * up }),
    resample,
    finish: state => resample(state, new Float64Array(reach)).samples,
    fits(saved): saved is ResampleState {
      const { waiting, place } = (saved ?? {}) as Partial<ResampleState>;
      return (
        Array.isArray(waiting) &&
        waiting.length < taps &&
        waiting.every(sample => isWithin(sample, -loudest, loudest)) &&
        Number.isSafeInteger(place) &&
        place! >= (reach - 1) * up &&
        place! < (reach - 1) * up + Math.max(up, down) + up
      );
    },
  };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
