import { CsvError, parse } from 'csv-parse';
import { type Malformed, numbered, numberOf, type Row, type RowFormat } from './format.js';
import { longestLine } from './lines.js';

export const delimiters = [',', ';', '\t'] as const;

/** The delimiter that stands most often in a line, or undefined if none does. */
export function delimiterOf(line: string): string | undefined {
  const counts = delimiters.map(delimiter => line.split(delimiter).length - 1);
  const most = Math.max(...counts);
  return most === 0 ? undefined : delimiters[counts.indexOf(most)];
}

/**
 * Comma-separated values (RFC 4180; semicolons and tabs too). A first line without any number names the columns.
 *
 * @param delimiter one character; without it, the one that stands most often in the first line
 */
export function createCsv(delimiter?: string): RowFormat {
  let columns: readonly string[] | undefined;
  let parser: ReturnType<typeof parse> | undefined;
  let held = Buffer.alloc(0);
  let failures: Malformed[] = [];

  const open = (known: string): ReturnType<typeof parse> =>
    parse({
      delimiter: known,
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      max_record_size: longestLine,
      trim: true,
      on_skip: error => {
        if (error instanceof CsvError) failures.push({ line: Number(error.lines ?? 0), malformed: error.message });
        return undefined;
      },
    });

  /** The parser is a stream whose transform runs at once: what was written can be read. */
  const drain = (): (Row | Malformed)[] => {
    const rows: (Row | Malformed)[] = failures;
    failures = [];
    for (let next = parser!.read(); next !== null; next = parser!.read()) {
      const cells = next.record as string[];
      const line = next.info.lines as number;
      if (columns === undefined) {
        const named =
          cells.every(cell => Number.isNaN(numberOf(cell) ?? Number.NaN)) && cells.some(cell => cell !== '');
        columns = named ? unique(cells) : numbered(cells.length);
        if (named) continue;
      }
      if (cells.length !== columns.length) {
        rows.push({ line, malformed: `expected ${columns.length} cells, got ${cells.length}` });
      } else rows.push({ line, cells });
    }
    return rows.sort((a, b) => a.line - b.line);
  };

  const begin = (known: string): void => {
    parser = open(known);
    parser.on('error', error => failures.push({ line: parser!.info.lines, malformed: error.message }));
    parser.write(held);
    held = Buffer.alloc(0);
  };

  return {
    get columns() {
      return columns;
    },
    read(chunk) {
      if (parser) parser.write(chunk);
      else {
        held = Buffer.concat([held, chunk]);
        const end = held.indexOf(10);
        if (delimiter === undefined && end < 0 && held.length < longestLine) return [];
        begin(delimiter ?? delimiterOf(held.toString('utf8', 0, end)) ?? ',');
      }
      return drain();
    },
    end() {
      if (!parser) begin(delimiter ?? delimiterOf(held.toString('utf8')) ?? ',');
      parser!.end();
      return drain();
    },
  };
}

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
