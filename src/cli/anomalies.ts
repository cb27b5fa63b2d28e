import { createSurprise, type SurpriseScore, type SurpriseState } from '../training/surprise.js';
import { brief, withNaNs } from './numbers.js';
import type { ThreadForecast } from './thread.js';

/** Of each stream that has been judged: plain data. */
export type SavedAnomalies = Readonly<Record<string, SurpriseState>>;

/**
 * Which readings of many streams are unusual: how far each lay from its forecast, beside how far those of its stream usually do.
 *
 * @param threshold deviations above the usual from which one is unusual
 */
export function createAnomalies(threshold: number | undefined, saved: SavedAnomalies = {}) {
  const scores = new Map<string, SurpriseScore>();
  for (const [key, state] of Object.entries(saved)) scores.set(key, createSurprise({ threshold }, withNaNs(state)));
  return {
    /** In deviations that were foretold, or in units of its scale; of nothing where no value came. */
    judge(key: string, actual: ArrayLike<number>, { value, scale, deviation }: ThreadForecast) {
      const distances = value!
        .map((foretold, i) => (actual[i] - foretold) / (deviation ?? scale.units)[i])
        .filter(distance => !Number.isNaN(distance));
      if (distances.length === 0) return {};
      const score = scores.get(key) ?? createSurprise({ threshold });
      scores.set(key, score);
      const { deviations, unusual } = score.add(Math.sqrt(distances.reduce((sum, one) => sum + one * one, 0)));
      return { surprise: brief(deviations), unusual };
    },
    /** Undefined where none has been judged. */
    save: (): SavedAnomalies | undefined =>
      scores.size > 0 ? Object.fromEntries([...scores].map(([key, score]) => [key, score.state()])) : undefined,
  };
}
