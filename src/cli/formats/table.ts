import { counted } from '../numbers.js';
import { unique } from './csv.js';
import { type Malformed, numbered, numberOf, type Row, type RowFormat } from './format.js';
import { type Line, readLines } from './lines.js';

/**
 * Columns between blanks, as `vmstat -n 1` and `iostat` print them. Lines without any number before the first row are headings;
 * the last of them that has as many words as the row has cells names the columns. A heading that comes again is passed over.
 */
export function createTable(): RowFormat {
  const headings: string[][] = [];
  let columns: readonly string[] | undefined;

  const convert = ({ line, text }: Line): Row | Malformed | undefined => {
    const cells = text.trim().split(/\s+/);
    if (cells[0] === '') return undefined;
    const worded = cells.every(cell => !isNumber(cell));
    if (columns === undefined) {
      if (worded) {
        headings.push(cells);
        return undefined;
      }
      const named = headings.filter(heading => heading.length === cells.length).pop();
      columns = named ? unique(named) : numbered(cells.length);
    } else if (worded && headings.some(heading => heading.join(' ') === cells.join(' '))) return undefined;
    if (cells.length !== columns.length) {
      return { line, malformed: `expected ${counted(columns.length, 'cell')}, got ${cells.length}` };
    }
    return { line, cells };
  };

  return {
    get columns() {
      return columns;
    },
    ...readLines(convert),
  };
}

export function isNumber(cell: string): boolean {
  return !Number.isNaN(numberOf(cell) ?? Number.NaN);
}
