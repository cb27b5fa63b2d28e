import { delimiterOf } from './csv.js';
import type { FormatName } from './format.js';
import { lineEndOf } from './lines.js';
import { isNumber } from './table.js';

/** What is looked at, at most: lines, and characters where there are no lines. */
const mostLines = 4;
const mostCharacters = 1 << 16;

/**
 * Which format the beginning of an input is in: JSON lines, comma-separated values, a table of numbers between blanks, or
 * else text. Undefined while more must be seen.
 *
 * @param ended nothing follows
 */
export function detectFormat(beginning: string, ended: boolean): FormatName | undefined {
  const whole = beginning.replace(/^\uFEFF/, '').split(lineEndOf(beginning) === '\r' ? '\r' : /\r?\n/);
  if (!ended && beginning.length < mostCharacters) whole.pop();
  const lines = whole.filter(line => line.trim() !== '').slice(0, mostLines);
  if (lines.length === 0) return ended ? 'text' : undefined;
  if (isJson(lines[0])) return 'ndjson';
  const decided = ended || lines.length === mostLines || beginning.length >= mostCharacters;

  const delimiter = delimiterOf(lines[0]);
  if (delimiter !== undefined) {
    const cells = lines.map(line => line.split(delimiter).map(cell => cell.trim().replace(/^"(.*)"$/, '$1')));
    const first = cells.findIndex(row => row.some(isNumber));
    // The names and the first row, or two rows, are of one length; what comes after may be malformed.
    const seen = cells.slice(0, Math.max(first, 1) + 1);
    const even = seen.every(row => row.length === cells[0].length);
    if (first >= 0 && even && (ended || cells.length > 1)) return 'csv';
    if (first >= 0 && namesRows(lines, cells)) {
      if (decided) return 'csv';
      return undefined;
    }
    if (even && !decided) return undefined;
  }
  const words = lines.map(line => line.trim().split(/\s+/));
  const first = words.findIndex(row => row.some(isNumber));
  if (first < 0) return decided ? 'text' : undefined;
  if (!words[first].every(isNumber)) return 'text';
  if (first > 0) return words.slice(0, first).some(row => row.length === words[first].length) ? 'table' : 'text';
  if (words.length > 1) return words[1].length === words[0].length && words[1].every(isNumber) ? 'table' : 'text';
  return decided ? 'text' : undefined;
}

/** Rows that all have one cell more than the heading has names, quoted and at the beginning: it names the row, as R writes them. */
function namesRows([, ...lines]: readonly string[], [heading, ...rows]: readonly (readonly string[])[]): boolean {
  const { length } = heading;
  const fits = (row: readonly string[], i: number): boolean =>
    row.length === length + 1 && row.some(isNumber) && lines[i].trimStart().startsWith('"');
  return length > 1 && !heading.some(isNumber) && rows.length > 0 && rows.every(fits);
}

function isJson(line: string): boolean {
  if (!/^\s*[[{]/.test(line)) return false;
  try {
    const value: unknown = JSON.parse(line);
    const cells = Object.values(value as object);
    return cells.some(cell => typeof cell === 'number');
  } catch {
    return false;
  }
}
