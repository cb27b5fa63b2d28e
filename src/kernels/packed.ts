import type { Address } from './kernels.js';

/** The widths that the columns of a packed matrix are cut into: as many of the first as fit, at most one of each other. */
const widths = [32, 16, 8, 4] as const;

/** The panels of a packed (k × n) matrix: `visit(start, width, at)` for each, in order, `at` counted from the matrix. */
export function eachPanel(k: number, n: number, visit: (start: number, width: number, at: Address) => void): void {
  let start = 0;
  for (const width of widths) {
    for (; n - start >= width; start += width) visit(start, width, start * k);
  }
}

/**
 * The places of a packed (k × n) matrix, counted from its start: `places[column]` is that of row 0, and one row further is
 * `strides[column]` further.
 */
export function packedColumns(k: number, n: number): { places: Int32Array; strides: Int32Array } {
  const places = new Int32Array(n);
  const strides = new Int32Array(n);
  eachPanel(k, n, (start, width, at) => {
    for (let j = 0; j < width; j++) {
      places[start + j] = at + j;
      strides[start + j] = width;
    }
  });
  return { places, strides };
}
