import { createCsv } from '../../src/cli/formats/csv.js';

/** A file of rows: the cells of each as text. */
export interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Lines that cannot be read. */
  readonly unreadable: number;
  /** Lines that follow, and are not read. */
  readonly beyond: number;
}

/** Rows that are read at most. */
const mostRows = 200_000;
/** Bytes that are read at a time. */
const portion = 1 << 16;
const newline = 10;

/**
 * CSV as `eddy pipe` reads it.
 *
 * @throws Error in words, if there are no two rows
 */
export function readTable(bytes: Uint8Array): Table {
  const csv = createCsv();
  const rows: (readonly string[])[] = [];
  let [unreadable, beyond, at] = [0, 0, 0];
  const take = (found: ReturnType<typeof csv.read>): void => {
    for (const row of found) {
      if (rows.length === mostRows) beyond++;
      else if ('cells' in row) rows.push(row.cells as string[]);
      else unreadable++;
    }
  };
  for (; at < bytes.length && beyond === 0; at += portion) take(csv.read(bytes.subarray(at, at + portion)));
  if (at < bytes.length) beyond += linesOf(bytes.subarray(at));
  else take(csv.end());
  if (rows.length < 2) throw new Error('Expected a table with at least two rows of numbers, as CSV');
  // As R writes them: the first one names the rows.
  const from = csv.unnamed === undefined ? 0 : 1;
  return { names: csv.columns!.slice(from), rows: rows.map(row => row.slice(from)), unreadable, beyond };
}

function linesOf(bytes: Uint8Array): number {
  let lines = bytes[bytes.length - 1] === newline ? 0 : 1;
  for (const byte of bytes) if (byte === newline) lines++;
  return lines;
}
