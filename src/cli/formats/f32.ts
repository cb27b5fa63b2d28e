import { type Malformed, numbered, type Row, type RowFormat } from './format.js';

/** Rows of little-endian float32, one after the other, with nothing between them; NaN is a missing value. */
export function createF32(features: number): RowFormat {
  const size = 4 * features;
  const columns = numbered(features);
  let rest = new Uint8Array(0);
  let line = 0;
  return {
    columns,
    read(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const rows: Row[] = [];
      let at = 0;
      for (; at + size <= bytes.length; at += size) {
        line++;
        const from = at;
        rows.push({ line, cells: Array.from(columns, (_, i) => view.getFloat32(from + 4 * i, true)) });
      }
      rest = bytes.slice(at);
      return rows;
    },
    end(): Malformed[] {
      if (rest.length === 0) return [];
      return [{ line: line + 1, malformed: `expected ${size} bytes in a row, got ${rest.length}` }];
    },
  };
}
