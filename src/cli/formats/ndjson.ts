import { counted } from '../numbers.js';
import { hasNumber, type Malformed, numbered, type Row, type RowFormat, show } from './format.js';
import { type Line, readLines } from './lines.js';

/**
 * One JSON value a line: an object whose keys are columns, a list of cells, or a single number. The first record with a
 * number says which columns there are; those before it, as words of greeting, cannot be read.
 *
 * @param asked further columns: a record may have them though the first one has not
 */
export function createNdjson(asked: readonly string[] = []): RowFormat {
  let columns: readonly string[] | undefined;

  const convert = ({ line, text }: Line): Row | Malformed | undefined => {
    if (text.trim() === '') return undefined;
    let value: unknown;
    try {
      value = JSON.parse(line === 1 ? text.replace(/^\uFEFF/, '') : text);
    } catch {
      return { line, malformed: `expected JSON, got ${show(text)}` };
    }
    if (typeof value === 'number') value = [value];
    if (typeof value !== 'object' || value === null) {
      return { line, malformed: `expected an object, a list or a number, got ${show(value)}` };
    }
    if (columns === undefined && !hasNumber(Object.values(value)))
      return { line, malformed: 'expected numbers, got none' };
    if (Array.isArray(value)) {
      columns ??= numbered(value.length);
      if (value.length === columns.length) return { line, cells: value };
      return { line, malformed: `expected ${counted(columns.length, 'cell')}, got ${value.length}` };
    }
    const record = value as Record<string, unknown>;
    columns ??= [...new Set([...Object.keys(record), ...asked])];
    return { line, cells: columns.map(name => (Object.hasOwn(record, name) ? record[name] : undefined)) };
  };

  return {
    get columns() {
      return columns;
    },
    ...readLines(convert),
  };
}
