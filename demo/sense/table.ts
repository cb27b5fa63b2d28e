/** A file of rows: the cells of each as text. */
export interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Rows that are read at most. */
const mostRows = 200_000;

/**
 * CSV as RFC 4180 has it, between commas, semicolons or tabs, whichever the first line has most of. A first line with a number in it
 * is a row, and the columns are c1, c2, ... A name that stands there again is told apart: the second a is a.2. Lines with another
 * number of cells are left out.
 *
 * @throws Error in words, if there are no two rows
 */
export function readTable(text: string): Table {
  const first = /^[^\n]*/.exec(text.replace(/^\uFEFF/, ''))![0];
  const count = (character: string): number => first.split(character).length;
  const delimiter = [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best));
  const lines = splitCells(text.replace(/^\uFEFF/, ''), delimiter);
  const [head = []] = lines;
  const named = head.length > 0 && !head.some(cell => cell !== '' && Number.isFinite(numberOf(cell)));
  const names = toldApart(head.map((cell, i) => (named && cell !== '' ? cell : `c${i + 1}`)));
  const rows = (named ? lines.slice(1) : lines).filter(({ length }) => length === names.length);
  if (rows.length < 2) throw new Error('Expected a table with at least two rows of numbers, as CSV');
  return { names, rows };
}

function toldApart(names: readonly string[]): string[] {
  return names.map((name, i) => {
    const before = names.slice(0, i).filter(one => one === name).length;
    return before === 0 ? name : `${name}.${before + 1}`;
  });
}

/** The number that a cell says: NaN where it says none, or is missing. */
export function numberOf(cell: string): number {
  const text = cell.trim();
  if (/^[+-]?\d+,\d+$/.test(text)) return Number(text.replace(',', '.'));
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function splitCells(text: string, delimiter: string): string[][] {
  const lines: string[][] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  const endLine = (): void => {
    cells.push(cell.trim());
    if (cells.length > 1 || cells[0] !== '') lines.push(cells);
    cells = [];
    cell = '';
  };
  for (let i = 0; i < text.length && lines.length <= mostRows; i++) {
    const character = text[i];
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (character === '"' && cell.trim() === '') {
      quoted = true;
      cell = '';
    } else if (character === delimiter) {
      cells.push(cell.trim());
      cell = '';
    } else if (character === '\n') endLine();
    else if (character !== '\r') cell += character;
  }
  endLine();
  return lines.slice(0, mostRows + 1);
}
