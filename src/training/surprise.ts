import { expect, expectOptions } from '../errors.js';

export interface SurpriseOptions {
  /** Deviations above the usual from which a surprise is unusual. Default 5. */
  readonly threshold?: number;
  /** α of what is usual. Default 0.995, some 200 steps. */
  readonly fading?: number;
  /** Steps before anything is called unusual. Default 60. */
  readonly settling?: number;
}

/** Plain data, so that it can go on from a file. */
export interface SurpriseState {
  readonly seen: number;
  readonly weight: number;
  readonly mean: number;
  readonly variance: number;
}

/** How surprising something was, beside how surprising things are. */
export interface Surprise {
  /** Deviations above the usual surprise; 0 for the first two, which make up what is usual. */
  readonly deviations: number;
  readonly unusual: boolean;
}

export interface SurpriseScore {
  /** @param loss of a prediction, before it is learned from */
  add(loss: number): Surprise;
  state(): SurpriseState;
}

const nothing: SurpriseState = { seen: 0, weight: 0, mean: 0, variance: 0 };
/** Of a variance: what has never surprised is not surprised by rounding. */
const least = 1e-12;
/** No loss counts as farther from 0: the square of a difference stays finite. */
const largest = 1e150;

/**
 * Scores prequential losses against their own past: a fading mean and variance (Gama, Sebastião and Rodrigues 2013), as they were
 * before this one came. What is unusual moves them no further than the threshold, so that one fault does not hide the next, and
 * one that stays becomes usual.
 *
 * @throws ConfigError naming the option that is wrong
 *
 * @example
 * const score = createSurprise();
 * losses.map(loss => score.add(loss).unusual);
 */
export function createSurprise(options: SurpriseOptions = {}, from: SurpriseState = nothing): SurpriseScore {
  expectOptions(options, ['threshold', 'fading', 'settling']);
  const { threshold = 5, fading = 0.995, settling = 60 } = options;
  expect(threshold > 0 && Number.isFinite(threshold), 'threshold', 'a positive number', threshold);
  expect(fading > 0 && fading < 1, 'fading', 'a number between 0 and 1', fading);
  expect(Number.isInteger(settling) && settling >= 2, 'settling', 'an integer from 2', settling);
  let { seen, weight, mean, variance } = from;
  return {
    add(loss) {
      const deviation = Math.sqrt(Math.max(variance, least));
      const deviations = seen < 2 ? 0 : (loss - mean) / deviation;
      const unusual = seen >= settling && deviations > threshold;
      // What is no number moves nothing.
      if (Number.isFinite(loss)) {
        const near = seen < 2 ? loss : Math.min(loss, mean + threshold * deviation);
        const taken = Math.max(-largest, Math.min(near, largest));
        weight = 1 + fading * weight;
        const difference = taken - mean;
        mean += difference / weight;
        variance += (difference * (taken - mean) - variance) / weight;
        seen++;
      }
      return { deviations, unusual };
    },
    state: () => ({ seen, weight, mean, variance }),
  };
}
