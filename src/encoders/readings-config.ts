import { ConfigError } from '../errors.js';
import { expectSettings } from './settings.js';
import { shown } from './shown.js';
import { isStatistics, type Statistics } from './statistics.js';

export interface ReadingColumn {
  readonly name: string;
  /** It may be missing. */
  readonly nullable?: boolean;
  /** It holds one of these, or any other text, and no number to reckon with. */
  readonly categories?: readonly string[];
}

export type ReadingsConfig = {
  readonly kind: 'readings';
  readonly columns: readonly ReadingColumn[];
  /**
   * The column that says when a row was taken, a number in any unit or ISO 8601 text: the time since the row before is an input.
   * It never goes back.
   */
  readonly time?: string;
  /** Deviations from the mean beyond which a value is brought in. Default 6. */
  readonly clamp?: number;
  /** Rows that the statistics remember; default all of them, with equal weight. */
  readonly span?: number;
  /** What to begin with, for each column of numbers; default nothing known. */
  readonly statistics?: readonly Statistics[];
};

/**
 * The configuration as it is used.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function checkReadings(config: ReadingsConfig): ReadingsConfig {
  expectSettings(config, ['kind', 'columns', 'time', 'clamp', 'span', 'statistics']);
  const { columns, time, clamp, span, statistics } = config;
  const expect = (fits: boolean, name: string, wanted: string): void => {
    if (!fits) throw new ConfigError(`Expected encoder.${name} to be ${wanted}, got ${shown(config[name as 'kind'])}`);
  };
  expect(Array.isArray(columns) && columns.length > 0 && columns.every(isNamed), 'columns', 'one or more { name }');
  for (const column of columns) expectSettings(column, ['name', 'nullable', 'categories']);
  expect(
    columns.every(({ categories }) => categories === undefined || areCategories(categories)),
    'columns',
    'columns whose categories are one or more different texts',
  );
  const names = columns.map(({ name }) => name);
  expect(new Set(names).size === names.length, 'columns', 'columns of different names');
  expect(
    time === undefined || (typeof time === 'string' && !names.includes(time)),
    'time',
    'the name of a column besides the others',
  );
  expect(clamp === undefined || (Number.isFinite(clamp) && clamp > 0), 'clamp', 'a positive number');
  expect(span === undefined || (Number.isFinite(span) && span >= 2), 'span', 'a number of rows from 2');
  const measured = columns.filter(({ categories }) => categories === undefined).length;
  expect(
    statistics === undefined || isStatistics(statistics, measured),
    'statistics',
    'statistics of each column of numbers',
  );
  return {
    kind: 'readings',
    columns: columns.map(({ name, nullable, categories }) => ({
      name,
      ...(nullable ? { nullable: true } : {}),
      ...(categories ? { categories: [...categories] } : {}),
    })),
    ...(time === undefined ? {} : { time }),
    ...(clamp === undefined ? {} : { clamp }),
    ...(span === undefined ? {} : { span }),
    ...(statistics === undefined ? {} : { statistics }),
  };
}

function isNamed(column: unknown): boolean {
  return typeof (column as { name?: unknown } | null)?.name === 'string';
}

function areCategories(found: unknown): boolean {
  return (
    Array.isArray(found) &&
    found.length > 0 &&
    found.every(one => typeof one === 'string') &&
    new Set(found).size === found.length
  );
}
