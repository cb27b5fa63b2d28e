import { CsvError, parse } from 'csv-parse/sync';
import { counted } from '../numbers.js';
import { type Malformed, numbered, numberOf, type Row, type RowFormat } from './format.js';
import { createLines, isTooLong, type Line, longestLine } from './lines.js';

/** Of equals the first: where a semicolon stands, a comma may be a decimal one. */
const delimiters = [';', '\t', ','] as const;

/** The delimiter that stands most often in a line, or undefined if none does. */
export function delimiterOf(line: string): string | undefined {
  const counts = delimiters.map(delimiter => line.split(delimiter).length - 1);
  const most = Math.max(...counts);
  return most === 0 ? undefined : delimiters[counts.indexOf(most)];
}

/** A record, and the line that it begins on. */
interface Whole {
  readonly line: number;
  readonly text: string;
}

/**
 * Comma-separated values (RFC 4180; semicolons and tabs too). A first line without any number names the columns; where the first row has
 * one cell more, which is quoted and comes first, the others, as R writes them. Where another character separates, `2,5` is a number.
 *
 * A record leaves as soon as its line has ended; one with a line end between quotes goes on.
 *
 * @param given one character; without it, the delimiter that stands most often in the first line
 */
export function createCsv(given?: string): RowFormat {
  const lines = createLines();
  let delimiter = given;
  let columns: readonly string[] | undefined;
  let unnamed: string | undefined;
  /** The heading, until the first row is there. */
  let heading: readonly string[] | undefined;
  let open: Whole | undefined;

  /** Lines to records. */
  const gather = (some: readonly Line[]): (Whole | Malformed)[] =>
    some.flatMap((one): (Whole | Malformed)[] => {
      if (isTooLong(one)) return [{ line: one.line, malformed: 'the line is too long' }];
      if (one.text.trim() === '' && !open) return [];
      delimiter ??= delimiterOf(one.text) ?? ',';
      const whole = open ? { line: open.line, text: `${open.text}\n${one.text}` } : one;
      open = undefined;
      if (!endsInQuotes(whole.text, delimiter)) return [whole];
      if (whole.text.length > longestLine) return [{ line: whole.line, malformed: 'the quotes do not end' }];
      open = whole;
      return [];
    });

  const convert = (found: readonly string[], { line, text }: Whole): Row | Malformed | undefined => {
    const cells = delimiter === ',' ? found : found.map(cell => cell.replace(decimalComma, '$1.$2'));
    if (columns === undefined) {
      const named = cells.every(cell => Number.isNaN(numberOf(cell) ?? Number.NaN)) && cells.some(cell => cell !== '');
      columns = named ? unique(cells) : numbered(cells.length);
      if (named) {
        heading = cells;
        return undefined;
      }
    }
    if (heading && cells.length === heading.length + 1 && text.trimStart().startsWith('"')) {
      columns = unique(['', ...heading]);
      unnamed = columns[0];
    }
    heading = undefined;
    if (cells.length === columns.length) return { line, cells };
    return { line, malformed: `expected ${counted(columns.length, 'cell')}, got ${cells.length}` };
  };

  const take = (some: readonly Line[]): (Row | Malformed)[] => {
    const found = gather(some);
    const wholes = found.filter(one => 'text' in one);
    const rows = found.filter(one => 'malformed' in one) as (Row | Malformed)[];
    for (const { cells, whole } of parseRecords(wholes, delimiter ?? ',')) {
      const row = typeof cells === 'string' ? { line: whole.line, malformed: cells } : convert(cells, whole);
      if (row) rows.push(row);
    }
    return rows.sort((a, b) => a.line - b.line);
  };

  return {
    get columns() {
      return columns;
    },
    get unnamed() {
      return unnamed;
    },
    read: chunk => take(lines.read(chunk)),
    end() {
      const rows = take(lines.end());
      return open ? [...rows, { line: open.line, malformed: 'the quotes do not end' }] : rows;
    },
  };
}

/** The cells of each record, or what is wrong with it. */
function parseRecords(wholes: readonly Whole[], delimiter: string): { cells: string[] | string; whole: Whole }[] {
  // A carriage return inside a line is part of a cell: taken for the end of records, they would not be as many as the lines.
  const options = { delimiter, record_delimiter: '\n', bom: true, relax_column_count: true, trim: true } as const;
  const all = (some: readonly Whole[]): { cells: string[]; whole: Whole }[] => {
    const records = parse(some.map(one => one.text).join('\n'), options) as string[][];
    return records.map((cells, i) => ({ cells, whole: some[i] }));
  };
  if (wholes.length === 0) return [];
  try {
    return all(wholes);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    if (wholes.length === 1) return [{ cells: error.message.replace(/ at line \d+/, ''), whole: wholes[0] }];
    // One of them is wrong: the halves tell which.
    const half = wholes.length >> 1;
    return [...parseRecords(wholes.slice(0, half), delimiter), ...parseRecords(wholes.slice(half), delimiter)];
  }
}

/** A cell that began with a quote has not ended. */
function endsInQuotes(text: string, delimiter: string): boolean {
  if (!text.includes('"')) return false;
  let quoted = false;
  let fresh = true;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character !== '"') continue;
      if (text[i + 1] === '"') i++;
      else quoted = false;
    } else if (character === '"' && fresh) quoted = true;
    else fresh = character === delimiter || character === '\n' || (fresh && character.trim() === '');
  }
  return quoted;
}

const decimalComma = /^([+-]?\d+),(\d+)$/;

/** Names of columns, each its own: a second `id` is `id.2`. */
export function unique(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name, i) => {
    const base = name === '' ? `c${i + 1}` : name;
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    return count === 1 ? base : `${base}.${count}`;
  });
}
