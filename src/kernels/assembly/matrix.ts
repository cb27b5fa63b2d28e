// Rows of packed matrices, and their transposed copies. Byte addresses; strides in bytes.

import { panelWidth } from './panels';

/** y += row `index` of W. */
export function addMatrixRow(w: usize, index: i32, y: usize, k: i32, n: i32): void {
  for (let start = 0; start < n; ) {
    const width = panelWidth(n - start);
    const row = w + ((<usize>start * k + <usize>index * width) << 2);
    const out = y + (<usize>start << 2);
    for (let j = 0; j < width; j += 4) {
      v128.store(out + (j << 2), f32x4.add(v128.load(out + (j << 2)), v128.load(row + (j << 2))));
    }
    start += width;
  }
}

/** Row `index` of W += d. */
export function addToMatrixRow(d: usize, w: usize, index: i32, k: i32, n: i32): void {
  for (let start = 0; start < n; ) {
    const width = panelWidth(n - start);
    const row = w + ((<usize>start * k + <usize>index * width) << 2);
    const from = d + (<usize>start << 2);
    for (let j = 0; j < width; j += 4) {
      v128.store(row + (j << 2), f32x4.add(v128.load(row + (j << 2)), v128.load(from + (j << 2))));
    }
    start += width;
  }
}

/** Wᵀ (n × k rounded up to 4) from W (k × n), in blocks of 4 × 4. */
export function transposeMatrix(w: usize, wt: usize, k: i32, n: i32): void {
  const columns = (k + 3) & ~3;
  for (let start = 0; start < n; ) {
    const width = panelWidth(n - start);
    const panel = w + ((<usize>start * k) << 2);
    const wStride = <usize>width << 2;
    for (let startT = 0; startT < columns; ) {
      const widthT = panelWidth(columns - startT);
      const panelT = wt + ((<usize>startT * n) << 2);
      const tStride = <usize>widthT << 2;
      for (let j = 0; j < width; j += 4) {
        let from = panel + <usize>startT * wStride + (j << 2);
        let to = panelT + <usize>(start + j) * tStride;
        const end = to + tStride;
        for (let left = k - startT; to < end; left -= 4) {
          const zero = i32x4.splat(0);
          const r0 = v128.load(from);
          const r1 = left > 1 ? v128.load(from + wStride) : zero;
          const r2 = left > 2 ? v128.load(from + 2 * wStride) : zero;
          const r3 = left > 3 ? v128.load(from + 3 * wStride) : zero;
          const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
          const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
          const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
          const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
          v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
          v128.store(to + tStride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
          v128.store(to + 2 * tStride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
          v128.store(to + 3 * tStride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
          from += 4 * wStride;
          to += 16;
        }
      }
      startT += widthT;
    }
    start += width;
  }
}
