import { counted } from '../numbers.js';
import { readCells, type Unended } from './cells.js';
import { type Malformed, numbered, numberOf, type Row, type RowFormat } from './format.js';
import { createLines, type Line, tooLong } from './lines.js';

/** Of equals the first: where a semicolon stands, a comma may be a decimal one. */
const delimiters = [';', '\t', ','] as const;

/** The delimiter that stands most often in a line, or undefined if none does. */
export function delimiterOf(line: string): string | undefined {
  const counts = delimiters.map(delimiter => line.split(delimiter).length - 1);
  const most = Math.max(...counts);
  return most === 0 ? undefined : delimiters[counts.indexOf(most)];
}

/** What quotes may hold of a live stream until they count as a stray one: lines, and characters. */
const mostLines = 100;
const mostCharacters = 1 << 16;

const unended = 'the quotes do not end';

/**
 * Comma-separated values (RFC 4180; semicolons and tabs too). A first line without any number names the columns; where the first row has
 * one cell more, which is quoted and comes first, the others, as R writes them. Where another character separates, `2,5` is a number.
 *
 * A record leaves as soon as its line has ended; one with a line end between quotes goes on. Where it comes to nothing, its first line is
 * wrong, and those after it are read as lines of their own.
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
  /** The lines of a record that has not ended, and what has been read of it. */
  let held: Line[] = [];
  let begun: Unended | undefined;

  const convert = (found: readonly string[], { line, text }: Line): Row | Malformed | undefined => {
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

  const read = (one: Line): (Row | Malformed)[] => {
    if (one.tooLong) return [...close(), tooLong(one)];
    if (!begun && one.text.trim() === '') return [];
    delimiter ??= delimiterOf(one.text) ?? ',';
    held.push(one);
    const found = readCells(one.text, delimiter, begun);
    if (typeof found === 'string') return giveUp(found);
    if ('cell' in found) {
      begun = found;
      const characters = held.reduce((sum, { text }) => sum + text.length, 0);
      return held.length >= mostLines || characters > mostCharacters ? giveUp(unended) : [];
    }
    const [first] = held;
    held = [];
    begun = undefined;
    const row = convert(found, first);
    return row ? [row] : [];
  };

  const giveUp = (malformed: string): (Row | Malformed)[] => {
    const [first, ...others] = held;
    held = [];
    begun = undefined;
    return first ? [{ line: first.line, malformed }, ...others.flatMap(read)] : [];
  };

  const close = (): (Row | Malformed)[] => {
    const rows: (Row | Malformed)[] = [];
    while (begun) rows.push(...giveUp(unended));
    return rows;
  };

  return {
    get columns() {
      return columns;
    },
    get unnamed() {
      return unnamed;
    },
    read: chunk => lines.read(chunk).flatMap(read),
    end: () => [...lines.end().flatMap(read), ...close()],
  };
}

const decimalComma = /^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$/;

/** Names of columns, each its own: a second `id` is `id.2`, or the next number that is free. */
export function unique(names: readonly string[]): string[] {
  const given = new Set(names);
  const counts = new Map<string, number>();
  return names.map((name, i) => {
    const base = name === '' ? `c${i + 1}` : name;
    let count = (counts.get(base) ?? 0) + 1;
    while (count > 1 && given.has(`${base}.${count}`)) count++;
    counts.set(base, count);
    return count === 1 ? base : `${base}.${count}`;
  });
}
