import { CheckpointError, ConfigError, InputError } from '../errors.js';
import type { Encoder } from './encoder.js';
import { deviation, isStatistics, limit, noStatistics, observe, type Statistics } from './statistics.js';

export interface ReadingsConfig {
  readonly kind: 'readings';
  /** The numbers of a row, by name; `nullable` ones may be missing. */
  readonly columns: readonly { readonly name: string; readonly nullable?: boolean }[];
  /** Deviations from the mean beyond which a value is brought in. Default 6. */
  readonly clamp?: number;
  /** Rows that the statistics remember; default all of them, with equal weight. */
  readonly span?: number;
  /** What to begin with, a column each; default nothing known. */
  readonly statistics?: readonly Statistics[];
}

/** A row of numbers, by name or in the order of the columns. Missing: null, NaN or not there. */
export type Reading = Readonly<Record<string, number | null | undefined>> | ArrayLike<number | null | undefined>;

/** A column each. Plain data. */
export interface ReadingsState {
  readonly columns: readonly Statistics[];
}

/** Mean and unit of each column as of one moment: targets and predictions of that moment's forecast are in these. */
export interface Scale {
  readonly means: readonly number[];
  readonly units: readonly number[];
}

export interface ReadingsEncoder extends Encoder<Reading, ReadingsState, Float32Array> {
  readonly config: ReadingsConfig;
  /** The scale of the forecasts that are made in this state. */
  scale(state: ReadingsState): Scale;
  /** Raw numbers as standardised ones, brought within ±10⁹ and no nearer; null where one is missing: a target. */
  standardize(scale: Scale, reading: Reading): Float32Array | null;
  /** Standardised numbers, such as a prediction, in the units of the data. */
  unscale(scale: Scale, values: ArrayLike<number>): Float64Array;
}

const defaultClamp = 6;

/**
 * Rows of numbers to features: each column less its running mean, in running deviations, brought within ±clamp; then, for each
 * nullable column, 1 where it is missing and 0 where it is not (a missing value itself is 0). Features: columns + nullable columns.
 *
 * The statistics take a row in before it is standardised, with values clamped; they are float64, the features float32.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function createReadings(config: ReadingsConfig): ReadingsEncoder {
  const checked = checkConfig(config);
  const { columns, clamp = defaultClamp, span = Number.POSITIVE_INFINITY, statistics } = checked;
  const masked = columns.flatMap(({ nullable }, i) => (nullable ? [i] : []));
  const size = columns.length + masked.length;

  /** The numbers of a row in the order of the columns; NaN where one is missing. */
  const numbers = (reading: Reading): number[] => {
    if (typeof reading !== 'object' || reading === null)
      throw new InputError(
        `Expected a reading to be a row of numbers, got ${reading === null ? 'null' : typeof reading}`,
      );
    const list = isList(reading);
    if (list && reading.length !== columns.length)
      throw new InputError(`Expected a reading to have ${columns.length} numbers, got ${reading.length}`);
    return columns.map(({ name }, i) => {
      const value = (list ? reading[i] : Object.hasOwn(reading, name) ? reading[name] : null) ?? Number.NaN;
      if (typeof value !== 'number')
        throw new InputError(`Expected ${JSON.stringify(name)} to be a number, got a ${typeof value}`, i);
      // What no float64 square can hold is no reading.
      if (!Number.isNaN(value) && !(Math.abs(value) <= largest))
        throw new InputError(`Expected ${JSON.stringify(name)} to be a number up to ±1e150, got ${value}`, i);
      return value;
    });
  };

  return {
    config: checked,
    input: { kind: 'features', size },
    initial: () => ({ columns: statistics ?? columns.map(() => noStatistics) }),

    encode(state, reading) {
      const values = numbers(reading);
      const features = new Float32Array(size);
      const after = values.map((value, i) => {
        const before = state.columns[i];
        if (Number.isNaN(value)) {
          if (columns[i].nullable) return before;
          throw new InputError(
            `Expected ${JSON.stringify(columns[i].name)} to be a finite number, got none: declare the column nullable if it may be missing`,
            i,
          );
        }
        const now = observe(before, value, clamp, span);
        features[i] = limit((value - now.mean) / deviation(now), -clamp, clamp);
        return now;
      });
      masked.forEach((column, i) => {
        features[columns.length + i] = Number.isNaN(values[column]) ? 1 : 0;
      });
      return { state: { columns: after }, inputs: [features] };
    },

    finish: () => [],

    restore(saved) {
      const found = (saved as ReadingsState | null)?.columns;
      if (!isStatistics(found, columns.length))
        throw new CheckpointError(`Expected the state of readings to be { columns }, ${columns.length} statistics`);
      return { columns: found };
    },

    scale: state => ({ means: state.columns.map(column => column.mean), units: state.columns.map(deviation) }),

    standardize({ means, units }, reading) {
      const values = numbers(reading);
      if (values.some(Number.isNaN)) return null;
      return Float32Array.from(values, (value, i) => limit((value - means[i]) / units[i], -farthest, farthest));
    },

    unscale: ({ means, units }, values) =>
      Float64Array.from({ length: columns.length }, (_, i) => means[i] + units[i] * values[i]),
  };
}

const largest = 1e150;
/** In units: its square is a float32. */
const farthest = 1e9;

function isList(reading: Reading): reading is ArrayLike<number | null | undefined> {
  return Array.isArray(reading) || ArrayBuffer.isView(reading);
}

function checkConfig(config: ReadingsConfig): ReadingsConfig {
  const { columns, clamp, span, statistics } = config;
  const expect = (fits: boolean, name: string, wanted: string): void => {
    if (!fits)
      throw new ConfigError(`Expected encoder.${name} to be ${wanted}, got ${JSON.stringify(config[name as 'kind'])}`);
  };
  const named = (column: unknown): boolean => typeof (column as { name?: unknown } | null)?.name === 'string';
  expect(Array.isArray(columns) && columns.length > 0 && columns.every(named), 'columns', 'one or more { name }');
  expect(new Set(columns.map(({ name }) => name)).size === columns.length, 'columns', 'columns of different names');
  expect(clamp === undefined || (clamp > 0 && Number.isFinite(clamp)), 'clamp', 'a positive number');
  expect(span === undefined || (span >= 2 && Number.isFinite(span)), 'span', 'a number of rows from 2');
  expect(
    statistics === undefined || isStatistics(statistics, columns.length),
    'statistics',
    'statistics of each column',
  );
  return {
    kind: 'readings',
    columns: columns.map(({ name, nullable }) => ({ name, ...(nullable ? { nullable: true } : {}) })),
    ...(clamp === undefined ? {} : { clamp }),
    ...(span === undefined ? {} : { span }),
    ...(statistics === undefined ? {} : { statistics }),
  };
}
