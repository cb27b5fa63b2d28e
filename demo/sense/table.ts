import { createCsv } from '../../src/cli/formats/csv.js';

/** A file of rows: the cells of each as text. */
export interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Lines that cannot be read. */
  readonly unreadable: number;
  /** There are further rows, which are not read. */
  readonly cut: boolean;
}

/** Rows that are read at most. */
const mostRows = 200_000;
/** Bytes that are read at a time. */
const portion = 1 << 16;

/**
 * CSV as `eddy pipe` reads it.
 *
 * @throws Error in words, if there are no two rows
 */
export function readTable(bytes: Uint8Array): Table {
  const csv = createCsv();
  const rows: (readonly string[])[] = [];
  let [unreadable, cut] = [0, false];
  const take = (found: ReturnType<typeof csv.read>): void => {
    for (const row of found) {
      if (rows.length === mostRows) cut = true;
      else if ('cells' in row) rows.push(row.cells as string[]);
      else unreadable++;
    }
  };
  for (let at = 0; at < bytes.length && !cut; at += portion) take(csv.read(bytes.subarray(at, at + portion)));
  take(csv.end());
  if (rows.length < 2) throw new Error('Expected a table with at least two rows of numbers, as CSV');
  // As R writes them: the first one names the rows.
  const from = csv.unnamed === undefined ? 0 : 1;
  return { names: csv.columns!.slice(from), rows: rows.map(row => row.slice(from)), unreadable, cut };
}
