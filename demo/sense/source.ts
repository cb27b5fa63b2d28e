import { createRandom, type ReadingColumn } from 'eddy';
import { concat, concatMap, first, from, interval, map, NEVER, type Observable, of } from 'rxjs';
import { isMissing, numberOf } from '../../src/cli/formats/format.js';
import { count } from '../parts/numbers.js';
import { serverEvents } from '../parts/server-events.js';
import type { Table } from './table.js';

/** One column of numbers, and how a person reads it. */
export interface Column {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly format: (value: number) => string;
  readonly formatError: (value: number) => string;
  /** The least height of the picture, in units of the data: noise is not blown up beyond it. */
  readonly span: number;
  /** No value is below or above it. */
  readonly least?: number;
  readonly most?: number;
  /** What the network sees of it, and back; left out: the number itself. */
  readonly view?: { see(value: number): number; tell(seen: number): number };
}

/** A row by name; null where a cell is missing. */
export type Row = Readonly<Record<string, number | string | null>>;

/** Where readings come from. */
export interface Source {
  readonly title: string;
  /** One reading, as in "averaged over some 100 readings". */
  readonly noun: string;
  /** What is foretold. */
  readonly columns: readonly Column[];
  /** What the network sees besides: categories. */
  readonly others: readonly ReadingColumn[];
  /** The column that says when a row was taken. */
  readonly time?: string;
  /** @param room whether there is room for another, for which what can wait waits; default always */
  readonly rows: (room?: () => boolean) => Observable<Row>;
  /** They come from the server, and error with a `LostError` when it is gone. */
  readonly served?: boolean;
  /** Rows of a file, which has an end. */
  readonly length?: number;
  /** In words, what of a file is left out; empty if nothing is. */
  readonly omitted: string;
}

const precise = (digits: number, of: number, unit: string) => {
  const format = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value: number): string => `${format.format(of * value)}${unit && `\u00A0${unit}`}`;
};

/** Delays by their order of magnitude, since a few are a hundred times the usual one. */
const least = 0.5;
const magnitudes = {
  see: (delay: number): number => Math.log(delay + least),
  tell: (seen: number): number => Math.exp(seen) - least,
};

/** What the server measures of itself, four times a second. */
export const machine: Source = {
  title: 'This machine',
  noun: 'reading',
  columns: [
    {
      name: 'cpu',
      title: 'Processor',
      about: 'busy',
      format: precise(0, 100, '%'),
      formatError: precise(1, 100, '%'),
      span: 0.2,
      least: 0,
      most: 1,
    },
    {
      name: 'memory',
      title: 'Memory',
      about: 'in use',
      format: precise(2, 100, '%'),
      formatError: precise(3, 100, '%'),
      span: 0.002,
      least: 0,
      most: 1,
    },
    {
      name: 'delay',
      title: 'Event loop',
      about: 'late by, at worst',
      format: precise(1, 1, 'ms'),
      formatError: precise(1, 1, 'ms'),
      span: 2,
      least: 0,
      view: magnitudes,
    },
  ],
  others: [],
  rows: () => serverEvents<Row>('./load'),
  served: true,
  omitted: '',
};

/** Readings of motion a second. */
const motionRate = 10;

/**
 * How a phone is moved: acceleration along its axes, gravity included.
 *
 * @param motions what the device says, as it comes
 */
export function motionSource(motions: Observable<DeviceMotionEvent>): Source {
  const axis = (name: string): Column => ({
    name,
    title: `${name} axis`,
    about: 'm/s²',
    format: precise(1, 1, ''),
    formatError: precise(2, 1, ''),
    span: 2,
  });
  return {
    title: 'This device’s motion',
    noun: 'reading',
    columns: ['x', 'y', 'z'].map(axis),
    others: [],
    omitted: '',
    rows: () =>
      sampled(motions, 1000 / motionRate).pipe(
        map(({ accelerationIncludingGravity: moved }) => ({
          x: moved?.x ?? null,
          y: moved?.y ?? null,
          z: moved?.z ?? null,
        })),
      ),
  };
}

/** The first of each so many milliseconds. */
function sampled<T>(source: Observable<T>, milliseconds: number): Observable<T> {
  return source.pipe(
    concatMap(
      (() => {
        let last = Number.NEGATIVE_INFINITY;
        return (item: T) => {
          const now = performance.now();
          if (now - last < milliseconds) return from([] as T[]);
          last = now;
          return of(item);
        };
      })(),
    ),
  );
}

/** Columns of a file that are shown, and kinds of a column of categories. */
const mostColumns = 6;
const mostCategories = 12;
const timeName = /^(date|time|timestamp|datetime|when|ts|at)$/i;

/**
 * The rows of a file, one after the other.
 *
 * @param pause milliseconds between two of them, as they are now
 * @throws Error in words, if it has no column of numbers
 */
export function fileSource(title: string, table: Table, pause: () => number): Source {
  const { names, rows } = table;
  const cells = names.map((_, i) => rows.map(row => row[i]));
  const isTime = (i: number): boolean =>
    timeName.test(names[i]) && cells[i].every(cell => momentOf(cell) !== undefined);
  const time = names.findIndex((_, i) => isTime(i) && ascending(cells[i].map(cell => momentOf(cell)!)));
  const numeric = names.flatMap((_, i) => (i !== time && !timeName.test(names[i]) && isNumeric(cells[i]) ? [i] : []));
  if (numeric.length === 0) throw new Error(`Expected a column of numbers, got ${names.join(', ')}`);
  const foretold = numeric.slice(0, mostColumns);
  const others = names.flatMap((name, i): ReadingColumn[] => {
    const kinds = [...new Set(cells[i])].filter(cell => cell !== '');
    const few = kinds.length >= 2 && kinds.length <= mostCategories;
    return i === time || numeric.includes(i) || !few ? [] : [{ name, nullable: true, categories: kinds }];
  });
  const columns = foretold.map((i): Column => {
    const values = cells[i].flatMap(cell => present(cell) ?? []);
    const format = formatOf(values);
    return { name: names[i], title: names[i], about: '', format, formatError: format, span: 0 };
  });
  const rowOf = (row: readonly string[]): Row => ({
    ...Object.fromEntries(foretold.map(i => [names[i], present(row[i])])),
    ...Object.fromEntries(others.map(({ name }) => [name, row[names.indexOf(name)] || null])),
    ...(time < 0 ? {} : { [names[time]]: momentOf(row[time])! }),
  });
  return {
    title,
    noun: 'row',
    length: rows.length,
    columns,
    others,
    omitted: omitted(table, foretold.length, numeric.length - foretold.length),
    ...(time < 0 ? {} : { time: names[time] }),
    rows: (room = () => true) =>
      concat(
        from(rows).pipe(
          concatMap(row =>
            interval(pause()).pipe(
              first(room),
              map(() => rowOf(row)),
            ),
          ),
        ),
        NEVER,
      ),
  };
}

function omitted({ rows, unreadable, beyond }: Table, foretold: number, others: number): string {
  const said = [
    others > 0 ? `The first ${foretold} columns of numbers: the network sees none of the other ${others}.` : '',
    beyond > 0
      ? `The first ${count(rows.length)} rows are read. Lines that follow, and are left out: ${count(beyond)}.`
      : '',
    unreadable > 0 ? `Lines that cannot be read, and are left out: ${count(unreadable)}.` : '',
  ];
  return said.filter(sentence => sentence !== '').join(' ');
}

/** Tides at two piers, made up: the second follows the first, and the gauge of the first is stuck for a while. */
export function exampleTable(): Table {
  const random = createRandom(7);
  const tide = (t: number): number => 2 + 1.1 * Math.sin(t / 2.3) + 0.4 * Math.sin(t / 1.15 + 1);
  const stuck = 700;
  const rows = Array.from({ length: 1400 }, (_, t) => {
    const at = t >= stuck && t < stuck + 6 ? stuck - 1 : t;
    const north = tide(at) + 0.04 * random.normal();
    const south = 0.8 * tide(t - 2) + 0.04 * random.normal();
    const minute = new Date(Date.UTC(2024, 0, 1, 0, 15 * t)).toISOString();
    return [minute, north.toFixed(2), south.toFixed(2), tide(t) > tide(t - 1) ? 'flood' : 'ebb'];
  });
  return { names: ['time', 'north', 'south', 'water'], rows, unreadable: 0, beyond: 0 };
}

function momentOf(cell: string): number | undefined {
  const number = present(cell);
  if (number !== null) return number;
  const moment = /^\d{4}-\d\d-\d\d/.test(cell)
    ? Date.parse(cell.includes('T') ? cell : `${cell.replace(' ', 'T')}`)
    : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

function ascending(moments: readonly number[]): boolean {
  return moments.every((moment, i) => i === 0 || moment >= moments[i - 1]);
}

function isNumeric(cells: readonly string[]): boolean {
  const said = cells.filter(cell => !isMissing(cell));
  return said.length > 0 && said.every(cell => numberOf(cell) !== undefined);
}

/** The number that a cell says; null where it says none. */
function present(cell: string): number | null {
  const value = numberOf(cell);
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Numbers so large, or so small, are told with their power of ten. */
const [greatest, smallest] = [1e12, 1e-4];

function formatOf(values: readonly number[]): (value: number) => string {
  const most = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const low = values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
  const size = Math.max(Math.abs(most), Math.abs(low));
  const far = size >= greatest || (size > 0 && size < smallest);
  const spread = far ? (most - low) / 10 ** Math.floor(Math.log10(size)) : most - low;
  const digits = spread > 0 ? Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(spread)))) : 2;
  const format = new Intl.NumberFormat('en', {
    notation: far ? 'scientific' : 'standard',
    maximumFractionDigits: digits,
  });
  return value => format.format(value);
}
