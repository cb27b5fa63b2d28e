import type { Metrics } from '../training/judge.js';
import type { RunningMetrics } from '../training/metrics.js';
import type { RowFrame } from './columns.js';
import { resumeMetrics, type SavedMetrics } from './saved-metrics.js';
import type { Thread, ThreadForecast } from './thread.js';

/**
 * Measures forecasts of many streams, beside those of the trivial forecasters.
 *
 * @param threads of the streams as they stand: rows may still answer their open forecasts
 * @throws CheckpointError if what was saved is not that
 */
export function createMeasured(
  { horizon, band, season }: { readonly horizon: number; readonly band?: boolean; readonly season?: number },
  threads: ReadonlyMap<string, Thread>,
  saved?: SavedMetrics,
) {
  /** Persistence knows what the network knows, also of rows that answer no forecast. */
  const know = (metrics: RunningMetrics, number: number, targets: ArrayLike<number>, key: string): void => {
    const row = Float32Array.from(targets);
    if (!row.some(Number.isNaN)) metrics.known(number, row, key);
  };
  const metrics = resumeMetrics({ kind: band ? 'gaussian' : 'values', season }, saved, fresh => {
    for (const [key, { steps, open }] of threads)
      open.list().forEach(({ last }, i) => {
        const number = steps - open.size + 1 + i;
        know(fresh, number - horizon, last, key);
        fresh.predicted(number, undefined, key);
      });
  });
  let measured: Metrics | undefined;
  return {
    /** A row of a stream, by its number, has made its forecast, and answered `met`. */
    add({ key, targets }: RowFrame, number: number, met: ThreadForecast | undefined): void {
      if (horizon === 0) metrics.predicted(number, undefined, key);
      if (met && !targets.some(Number.isNaN) && !met.value!.some(Number.isNaN)) {
        const said = [...met.value!, ...(met.deviation ?? [])];
        // What is foretold is in the units of the data, a loss is not: it is left out.
        measured = metrics.scored(number - horizon, said, Float32Array.from(targets), null, key) ?? measured;
      } else {
        if (met) metrics.dropped(number - horizon, key);
        if (horizon > 0) know(metrics, number - horizon, targets, key);
      }
      if (horizon > 0) metrics.predicted(number, undefined, key);
    },
    metrics: () => measured,
    partial: metrics.partial,
    save: metrics.save,
  };
}
