import { CheckpointError, expect, InputError } from '../errors.js';
import type { Encoder } from './encoder.js';
import { isPending, parseLine, splitRecords } from './json-lines.js';
import { momentOf } from './moment.js';
import { checkReadings, type ReadingsConfig } from './readings-config.js';
import { deviation, isStatistics, isWithin, limit, noStatistics, observe, type Statistics } from './statistics.js';

export type { ReadingColumn, ReadingsConfig } from './readings-config.js';

/** What stands in a column: a number, a category, or, missing, null, NaN or nothing. */
export type ReadingCell = number | string | null | undefined;

/** A row, by name or in the order of the columns, the time after them. */
export type Reading = Readonly<Record<string, ReadingCell>> | ArrayLike<ReadingCell>;

/** Plain data. */
export interface ReadingsState {
  /** Of each column of numbers. */
  readonly columns: readonly Statistics[];
  /** Where there is a time: that of the newest row, null before the first, and the statistics of the time between two. */
  readonly time?: { readonly last: number | null; readonly elapsed: Statistics };
  /** Of rows that come as text: the line that is not complete yet. */
  readonly pending?: string;
}

/** Mean and unit of each column of numbers as of one moment: targets and predictions of that moment's forecast are in these. */
export interface Scale {
  readonly means: readonly number[];
  readonly units: readonly number[];
}

export interface ReadingsEncoder extends Encoder<Reading | string, ReadingsState, Float32Array> {
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
 * Rows of readings to features, in this order:
 *
 * - each column of numbers less its running mean, in running deviations, brought within ±clamp; each column of categories as
 *   one feature a category, 1 for the one that it is, and one more for any other;
 * - for each nullable column, 1 where it is missing and 0 where it is not (a missing value itself is 0);
 * - with `time`, the time since the row before, standardised in the same way; 0 for the first row.
 *
 * Text is rows too: one of JSON a line, by name or in order, cut anywhere. The statistics take a row in before it is standardised,
 * with values clamped; they are float64, the features float32.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function createReadings(config: ReadingsConfig): ReadingsEncoder {
  expect(typeof config === 'object' && config !== null, 'encoder', 'an object', config);
  const checked = checkReadings(config);
  const { columns, time, clamp = defaultClamp, span = Number.POSITIVE_INFINITY, statistics } = checked;
  const measured = columns.flatMap(({ categories }, i) => (categories ? [] : [i]));
  const masked = columns.flatMap(({ nullable }, i) => (nullable ? [i] : []));
  /** The first feature of each column. */
  const places = columns.map((_, i) => columns.slice(0, i).reduce((sum, column) => sum + widthOf(column), 0));
  const shown = columns.reduce((sum, column) => sum + widthOf(column), 0);
  const size = shown + masked.length + (time === undefined ? 0 : 1);
  const names = [...columns.map(({ name }) => name), ...(time === undefined ? [] : [time])];

  /** The cells of a row in the order of the names. */
  const cellsOf = (reading: unknown): ReadingCell[] => {
    if (typeof reading !== 'object' || reading === null)
      throw new InputError(
        `Expected a reading to be a row of numbers, got ${reading === null ? 'null' : typeof reading}`,
      );
    if (isList(reading)) {
      if (reading.length !== names.length)
        throw new InputError(`Expected a reading to have ${names.length} numbers, got ${reading.length}`);
      return Array.from(reading);
    }
    return names.map(name => (Object.hasOwn(reading, name) ? (reading as Record<string, ReadingCell>)[name] : null));
  };

  /** The number in column `i`; NaN where it is missing. */
  const numberIn = (cells: readonly ReadingCell[], i: number): number => {
    const value = cells[i] ?? Number.NaN;
    const { name } = columns[i];
    if (typeof value !== 'number')
      throw new InputError(`Expected ${JSON.stringify(name)} to be a number, got a ${typeof value}`, i);
    // What no float64 square can hold is no reading.
    if (!Number.isNaN(value) && !(Math.abs(value) <= largest))
      throw new InputError(`Expected ${JSON.stringify(name)} to be a number up to ±1e150, got ${value}`, i);
    return value;
  };

  /** Which category column `i` has, the last one for any other; −1 where it is missing. */
  const categoryIn = (cells: readonly ReadingCell[], i: number): number => {
    const value = cells[i];
    if (value === null || value === undefined || Number.isNaN(value)) return -1;
    const { name, categories } = columns[i];
    if (typeof value !== 'string' && typeof value !== 'number')
      throw new InputError(`Expected ${JSON.stringify(name)} to be a category, got a ${typeof value}`, i);
    const place = categories!.indexOf(String(value));
    return place < 0 ? categories!.length : place;
  };

  const timeIn = (cells: readonly ReadingCell[], last: number | null): number => {
    const cell = cells[columns.length];
    const moment = typeof cell === 'string' ? momentOf(cell) : cell;
    if (typeof moment !== 'number' || !(Math.abs(moment) <= largest))
      throw new InputError(
        `Expected ${JSON.stringify(time)} to be a time, a number or as 2024-05-31T12:00:00Z, got ${JSON.stringify(cell ?? null)}`,
        columns.length,
      );
    if (last !== null && moment < last)
      throw new InputError(
        `Expected ${JSON.stringify(time)} not to go back, got ${moment} after ${last}`,
        columns.length,
      );
    return moment;
  };

  const encodeRow = (state: ReadingsState, reading: unknown): { state: ReadingsState; inputs: Float32Array[] } => {
    const cells = cellsOf(reading);
    const features = new Float32Array(size);
    const missing = (i: number): void => {
      const at = masked.indexOf(i);
      if (at < 0)
        throw new InputError(
          `Expected ${JSON.stringify(columns[i].name)} to be a ${columns[i].categories ? 'category' : 'finite number'}, got none: declare the column nullable if it may be missing`,
          i,
        );
      features[shown + at] = 1;
    };
    const standardized = (now: Statistics, value: number): number =>
      limit((value - now.mean) / deviation(now), -clamp, clamp);

    const after = measured.map((i, at) => {
      const value = numberIn(cells, i);
      const before = state.columns[at];
      if (Number.isNaN(value)) {
        missing(i);
        return before;
      }
      const now = observe(before, value, clamp, span);
      features[places[i]] = standardized(now, value);
      return now;
    });
    columns.forEach(({ categories }, i) => {
      if (!categories) return;
      const place = categoryIn(cells, i);
      if (place < 0) missing(i);
      else features[places[i] + place] = 1;
    });
    if (state.time === undefined) return { state: { columns: after }, inputs: [features] };

    const { last, elapsed } = state.time;
    const moment = timeIn(cells, last);
    const known = last === null ? elapsed : observe(elapsed, moment - last, clamp, span);
    if (last !== null) features[size - 1] = standardized(known, moment - last);
    return { state: { columns: after, time: { last: moment, elapsed: known } }, inputs: [features] };
  };

  const encodeRows = (state: ReadingsState, rows: readonly unknown[]) => {
    let current: ReadingsState = state;
    const inputs = rows.flatMap(row => {
      const encoded = encodeRow(current, row);
      current = encoded.state;
      return encoded.inputs;
    });
    return { state: current, inputs };
  };

  return {
    config: checked,
    input: { kind: 'features', size },
    initial: () => ({
      columns: statistics ?? measured.map(() => noStatistics),
      ...(time === undefined ? {} : { time: { last: null, elapsed: noStatistics } }),
    }),

    encode(before, raw) {
      const { pending = '', ...state } = before;
      if (typeof raw !== 'string') {
        const { state: after, inputs } = encodeRow(state, raw);
        return { state: waiting(after, pending), inputs };
      }
      const split = splitRecords(pending, raw);
      const { state: after, inputs } = encodeRows(state, split.records);
      return { state: waiting(after, split.pending), inputs };
    },

    finish: ({ pending = '', ...state }) => encodeRows(state, parseLine(pending)).inputs,

    restore(saved) {
      const { columns: found, time: clock, pending = '' } = (saved ?? {}) as Partial<ReadingsState>;
      const fits = isStatistics(found, measured.length) && isPending(pending) && (time === undefined || isClock(clock));
      if (!fits)
        throw new CheckpointError(
          `Expected the state of readings to be { columns${time === undefined ? '' : ', time'} }, ${measured.length} statistics`,
        );
      return waiting({ columns: found, ...(time === undefined ? {} : { time: clock }) }, pending);
    },

    scale: state => ({ means: state.columns.map(column => column.mean), units: state.columns.map(deviation) }),

    standardize({ means, units }, reading) {
      const cells = cellsOf(reading);
      const values = measured.map(i => numberIn(cells, i));
      if (values.some(Number.isNaN)) return null;
      return Float32Array.from(values, (value, i) => limit((value - means[i]) / units[i], -farthest, farthest));
    },

    unscale: ({ means, units }, values) =>
      Float64Array.from({ length: measured.length }, (_, i) => means[i] + units[i] * values[i]),
  };
}

const largest = 1e150;
/** In units: its square is a float32. */
const farthest = 1e9;

function widthOf({ categories }: ReadingsConfig['columns'][number]): number {
  return categories ? categories.length + 1 : 1;
}

function isClock(found: ReadingsState['time']): boolean {
  return (
    isStatistics([found?.elapsed ?? null], 1) && (found!.last === null || isWithin(found!.last, -largest, largest))
  );
}

function waiting(state: ReadingsState, pending: string): ReadingsState {
  return pending === '' ? state : { ...state, pending };
}

function isList(reading: object): reading is ArrayLike<ReadingCell> {
  return Array.isArray(reading) || ArrayBuffer.isView(reading);
}
