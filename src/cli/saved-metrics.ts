import { CheckpointError } from '../errors.js';
import { createMetrics, type MetricsOptions, type MetricsState, type RunningMetrics } from '../training/metrics.js';
import { withNaNs } from './numbers.js';

/** How well things went so far, as a checkpoint has it: plain data. */
export interface SavedMetrics {
  readonly season: number | null;
  /** Steps whose targets were dropped, if any. */
  readonly partial?: number;
  readonly state: MetricsState;
}

/**
 * Metrics that go on from a checkpoint; they begin anew where it has none, or those of another season.
 *
 * @param begin tells new metrics of the steps whose targets may still come
 * @throws CheckpointError if what was saved is not that
 */
export function resumeMetrics(
  options: MetricsOptions,
  saved: SavedMetrics | undefined,
  begin: (metrics: RunningMetrics) => void,
): RunningMetrics & { partial(): number; save(): SavedMetrics } {
  const season = options.season ?? null;
  const goesOn = saved !== undefined && saved.season === season;
  let metrics: RunningMetrics;
  try {
    metrics = createMetrics(options, goesOn ? withNaNs(saved.state) : undefined);
  } catch (cause) {
    if (!goesOn) throw cause;
    throw new CheckpointError('Expected the checkpoint to have metrics that eddy pipe saved, got others', { cause });
  }
  if (!goesOn) begin(metrics);
  let partial = (goesOn && saved.partial) || 0;
  return {
    ...metrics,
    dropped(number, key) {
      partial++;
      metrics.dropped(number, key);
    },
    partial: () => partial,
    save: () => ({ season, ...(partial > 0 && { partial }), state: metrics.state() }),
  };
}
