import { momentOf } from '../encoders/moment.js';
import { ConfigError } from '../errors.js';
import { isMissing, type Malformed, numberOf, type Row, show } from './formats/format.js';

/** What the columns of a table are for. Names, in the order of the network's inputs and outputs. */
export interface Columns {
  /** Whose values tell the streams apart. */
  readonly key?: string;
  readonly inputs: readonly string[];
  readonly targets: readonly string[];
  /** Columns that hold no plain numbers: moments, read as milliseconds, or categories, read as their places, any other as the last one. */
  readonly kinds?: Readonly<Record<string, 'time' | readonly string[]>>;
}

export interface ColumnChoice {
  readonly key?: string;
  readonly columns?: readonly string[];
  readonly ignore?: readonly string[];
  readonly target?: readonly string[];
  /** The column of the names of rows: left out, unless it is asked for. */
  readonly unnamed?: string;
  /** 0: the targets of a row are not among its inputs. */
  readonly horizon: number;
}

/** The frame that a row is: numbers, NaN where one is missing. */
export interface RowFrame {
  readonly key: string;
  readonly inputs: Float64Array;
  readonly targets: Float64Array;
}

/**
 * What the columns are for, as asked, and as the first row shows: a column whose first cell is no number is left out, unless it was
 * asked for.
 *
 * @returns with `leftOut`: columns that nobody named, with no number in the first row
 * @throws ConfigError if a named column is not there, or nothing is left
 */
export function chooseColumns(
  names: readonly string[],
  first: Row,
  choice: ColumnChoice,
): Columns & { readonly leftOut: readonly string[] } {
  const { key, columns, ignore = [], target, horizon, unnamed } = choice;
  for (const [option, asked] of Object.entries({ key: key === undefined ? [] : [key], columns, ignore, target })) {
    for (const name of asked ?? []) {
      if (!names.includes(name)) {
        throw new ConfigError(`Expected --${option} to name a column (${listed(names)}), got ${show(name)}`);
      }
    }
  }
  const both = ignore.find(name => columns?.includes(name) || target?.includes(name) || name === key);
  if (both !== undefined) {
    throw new ConfigError(
      `Expected --ignore to name other columns than --columns, --target and --key, got ${show(both)}`,
    );
  }
  const free = names.filter(name => name !== key && name !== unnamed && !ignore.includes(name));
  const numeric = free.filter(name => numberOf(first.cells[names.indexOf(name)]) !== undefined);
  const seen = (columns ?? numeric).filter(name => name !== key);
  const targets = target ?? seen;
  const inputs = seen.filter(name => horizon > 0 || !targets.includes(name));
  if (inputs.length === 0 || targets.length === 0) {
    const wanted = horizon === 0 ? 'a column of numbers besides the target' : 'a column of numbers';
    throw new ConfigError(`Expected ${wanted}, got ${listed(names)} with ${listed(first.cells.map(show))}`);
  }
  const used = new Set([...inputs, ...targets, ...ignore, ...(key === undefined ? [] : [key])]);
  const leftOut = free.filter(name => !used.has(name) && !numeric.includes(name));
  return { ...(key === undefined ? {} : { key }), inputs, targets, leftOut };
}

/**
 * Makes the function from rows to frames.
 *
 * @param names the columns of the input
 * @param named those of them that somebody named: any other may be left out
 * @throws ConfigError if a column that is needed is not there
 */
export function readColumns(
  names: readonly string[],
  columns: Columns,
  named: readonly string[] = names,
): (row: Row) => RowFrame | Malformed {
  const placeOf = (name: string): number => {
    const place = names.indexOf(name);
    if (place < 0) throw new ConfigError(`Expected a column ${show(name)}, got ${listed(names)}`);
    return place;
  };
  const inputs = columns.inputs.map(placeOf);
  const targets = columns.targets.map(placeOf);
  const key = columns.key === undefined ? undefined : placeOf(columns.key);
  /** Where no number has come so far, and which may be left out. */
  const unseen = new Set([...inputs, ...targets].filter(place => !named.includes(names[place])));
  const valueIn = (place: number, cell: unknown): number | undefined => {
    const kind = columns.kinds?.[names[place]];
    const value = numberOf(cell);
    if (kind === undefined) return value;
    if (kind === 'time') return Number.isNaN(value) ? undefined : (value ?? momentOf(String(cell)));
    if (isMissing(cell)) return Number.NaN;
    const category = kind.indexOf(String(cell).trim());
    return category < 0 ? kind.length : category;
  };

  return ({ line, cells }) => {
    if (key !== undefined && isMissing(cells[key])) return { line, malformed: `expected a ${columns.key}, got none` };
    if (key !== undefined && typeof cells[key] === 'object')
      return { line, malformed: `expected ${columns.key} to be a word or a number, got ${show(cells[key])}` };
    for (const place of [...inputs, ...targets]) {
      const value = valueIn(place, cells[place]);
      if (value === undefined || Math.abs(value) > largest) {
        const wanted = columns.kinds?.[names[place]] === 'time' ? 'time' : 'number';
        const way = unseen.delete(place) ? ', and no number before: --ignore leaves out a column of words' : '';
        return { line, malformed: `expected ${names[place]} to be a ${wanted}, got ${show(cells[place])}${way}` };
      }
    }
    for (const place of unseen) if (!Number.isNaN(valueIn(place, cells[place])!)) unseen.delete(place);
    const numbers = (places: readonly number[]) => Float64Array.from(places, place => valueIn(place, cells[place])!);
    return { key: key === undefined ? '' : String(cells[key]), inputs: numbers(inputs), targets: numbers(targets) };
  };
}

/** What no float64 square can hold is no reading. */
const largest = 1e150;

/** Names, of very many the first ones. */
export function listed(names: readonly string[]): string {
  if (names.length <= mostListed + 1) return names.join(', ');
  return `${names.slice(0, mostListed).join(', ')} and ${(names.length - mostListed).toLocaleString('en')} more`;
}

const mostListed = 30;
