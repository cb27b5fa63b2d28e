import { CheckpointError } from '../errors.js';
import type { Average } from '../training/average.js';
import type { Metrics } from '../training/judge.js';
import { createMetrics, type MetricsOptions, type MetricsState, type RunningMetrics } from '../training/metrics.js';
import { brief } from './numbers.js';

/** How well things went so far, as a checkpoint has it: plain data. */
export interface SavedMetrics {
  readonly season: number | null;
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
): RunningMetrics & { save(): SavedMetrics } {
  const season = options.season ?? null;
  const goesOn = saved !== undefined && saved.season === season;
  let metrics: RunningMetrics;
  try {
    metrics = createMetrics(options, goesOn ? saved.state : undefined);
  } catch (cause) {
    if (!goesOn) throw cause;
    throw new CheckpointError('Expected the checkpoint to have metrics that eddy pipe saved, got others', { cause });
  }
  if (!goesOn) begin(metrics);
  return { ...metrics, save: () => ({ season, state: metrics.state() }) };
}

/**
 * How well a stream was foretold, as lines for a person: each measure over all steps, over the newest and fading, beside those of the
 * trivial predictors.
 */
export function measureLines(metrics: Metrics, width: number): string[] {
  const rows: [string, Average][] = [];
  if (metrics.kind === 'classes') {
    const { bits, accuracy, kappa, kappaTemporal, noChange, majority, season } = metrics;
    rows.push(
      ['bits', bits],
      ['accuracy', accuracy],
      ['  no change', noChange.accuracy],
      ['  majority', majority.accuracy],
    );
    if (season) rows.push(['  last season', season.accuracy]);
    rows.push(['kappa', kappa], ['kappa-temporal', kappaTemporal]);
  } else if (metrics.kind === 'values' || metrics.kind === 'gaussian') {
    const { persistence, mean, season } = metrics;
    for (const measure of ['mae', 'rmse', 'mape'] as const) {
      rows.push(
        [measure, metrics[measure]],
        ['  persistence', persistence[measure]],
        ['  running mean', mean[measure]],
      );
      if (season) rows.push(['  last season', season[measure]]);
    }
    if (metrics.kind === 'gaussian') {
      const { coverage, pinball, width: wide } = metrics.band;
      rows.push(['band: coverage', coverage], ['band: pinball', pinball], ['band: width', wide]);
    }
  }
  const cell = (value: number): string => String(brief(Number(value.toPrecision(4))) ?? '-').padStart(14);
  return [
    `${`of ${metrics.count} steps`.padEnd(16)}${'all'.padStart(14)}${`newest ${width}`.padStart(14)}${'fading'.padStart(14)}`,
    ...rows.map(([name, { mean, window, fading }]) => name.padEnd(16) + cell(mean) + cell(window) + cell(fading)),
  ];
}
