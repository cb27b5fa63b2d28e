/** A row of a table or one record: its cells, in the order of the format's columns. */
export interface Row {
  /** Where it stands in the input, counted from 1. */
  readonly line: number;
  /** Numbers, or what a file says in place of one; undefined where the row has no such column. */
  readonly cells: readonly unknown[];
}

/** A line that cannot be read. */
export interface Malformed {
  readonly line: number;
  readonly malformed: string;
}

/** Reads rows out of chunks of bytes that are cut anywhere. */
export interface RowFormat {
  /** Names of the columns: known once the first row is there. */
  readonly columns: readonly string[] | undefined;
  /** Where the heading names one column less than the rows have: what the first one is called, which names the rows, as R writes them. */
  readonly unnamed?: string;
  read(chunk: Uint8Array): (Row | Malformed)[];
  /** What is left when the input ends. */
  end(): (Row | Malformed)[];
}

export const formats = ['text', 'bytes', 'csv', 'table', 'ndjson', 'f32', 'wav', 'pcm16'] as const;
export type FormatName = (typeof formats)[number];

/** Names for columns that have none: `c1`, `c2`, ... */
export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${i + 1}`);
}

/** A cell that says there is no value. */
export function isMissing(cell: unknown): boolean {
  if (cell === undefined || cell === null) return true;
  if (typeof cell === 'number') return Number.isNaN(cell);
  return typeof cell === 'string' && missingWords.has(cell.trim().toLowerCase());
}

const missingWords = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '-', '?']);

/** The number that a cell says, or undefined if it says none. A missing value is NaN. */
export function numberOf(cell: unknown): number | undefined {
  if (typeof cell === 'number') return Number.isFinite(cell) || Number.isNaN(cell) ? cell : undefined;
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (isMissing(cell)) return Number.NaN;
  if (typeof cell !== 'string') return undefined;
  const text = cell.trim();
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** There is a number among the cells, and not only words and gaps. */
export function hasNumber(cells: readonly unknown[]): boolean {
  return cells.some(cell => !Number.isNaN(numberOf(cell) ?? Number.NaN));
}

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** A cell as a message shows it, cut short. */
export function show(cell: unknown): string {
  const isNone = typeof cell === 'number' && !Number.isFinite(cell);
  const text = isNone ? String(cell) : (jsonOf(cell) ?? String(cell));
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** What can be read need not be written again: that goes as deep as the stack does. */
function jsonOf(cell: unknown): string | undefined {
  try {
    return JSON.stringify(cell);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `${Array.isArray(cell) ? 'a list' : 'an object'} that is nested very deeply`;
  }
}
