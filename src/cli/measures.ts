import type { Average } from '../training/average.js';
import type { Metrics } from '../training/judge.js';
import { brief, counted, countedLong } from './numbers.js';

/**
 * How well a stream was foretold, as lines for a person: each measure over all steps, over the newest and fading, beside those of the
 * trivial predictors.
 *
 * @param metrics undefined where nothing was measured
 * @param partial rows that are not measured, as not all of their targets can be
 */
export function measureLines(metrics: Metrics | undefined, partial: number, width: number): string[] {
  const left =
    partial === 0
      ? []
      : [
          `${countedLong(partial, 'row')} not measured, as a target or what it is foretold from is missing: --target names fewer`,
        ];
  if (metrics === undefined) return left;
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
    `${`of ${counted(metrics.count, 'step')}`.padEnd(16)}${'all'.padStart(14)}${`newest ${width}`.padStart(14)}${'fading'.padStart(14)}`,
    ...rows.map(([name, { mean, window, fading }]) => name.padEnd(16) + cell(mean) + cell(window) + cell(fading)),
    ...left,
  ];
}
