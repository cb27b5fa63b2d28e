// Outer products: the gradient of a packed matrix. Byte addresses; strides in bytes.

import { madd, panelWidth } from './panels';

/** Rows of d that pass over all of W at a time. */
// @ts-ignore: decorator
@inline
const run = 32;

/** Eight columns of d: where they lie, a power of 2 apart, all rows may fall into the same few places of the first cache. */
const strip = memory.data(run << 5, 16);

/** W = xᵀ · d, rows ascending; or W += where `add` is true. */
export function outerRows(add: bool, x: usize, xStride: usize, d: usize, dStride: usize, w: usize, rows: i32, k: i32, n: i32): void {
  for (let start = 0; start < n; ) {
    const width = panelWidth(n - start);
    const panel = w + ((<usize>start * k) << 2);
    const wStride = <usize>width << 2;
    const whole = k & ~3;
    if (width >= 8) {
      for (let column = 0; column < width; column += 8) {
        const out = panel + (column << 2);
        for (let from = 0; from < rows; from += run) {
          const count = min(run, rows - from);
          const xs = x + <usize>from * xStride;
          let delta = d + <usize>from * dStride + ((start + column) << 2);
          for (let to = strip, end = strip + (<usize>count << 5); to < end; to += 32) {
            v128.store(to, v128.load(delta));
            v128.store(to, v128.load(delta, 16), 16);
            delta += dStride;
          }
          const on = add || from > 0;
          let i = 0;
          for (; i < whole; i += 4) outer4x8(on, xs + (i << 2), xStride, strip, out + <usize>i * wStride, wStride, count);
          for (; i < k; i++) outer1x8(on, xs + (i << 2), xStride, strip, out + <usize>i * wStride, count);
        }
      }
    } else {
      const delta = d + (start << 2);
      for (let i = 0; i < k; i++) outer1x4(add, x + (i << 2), xStride, delta, dStride, panel + <usize>i * wStride, rows);
    }
    start += width;
  }
}

// Its pace is that of decoding: so d itself counts the rows, of which there is at least one.
function outer4x8(add: bool, x: usize, xStride: usize, d: usize, w: usize, wStride: usize, rows: i32): void {
  const w1 = w + wStride;
  const w2 = w1 + wStride;
  const w3 = w2 + wStride;
  let a0 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  let a1 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let a2 = i32x4.splat(0);
  let b2 = i32x4.splat(0);
  let a3 = i32x4.splat(0);
  let b3 = i32x4.splat(0);
  if (add) {
    a0 = v128.load(w);
    b0 = v128.load(w, 16);
    a1 = v128.load(w1);
    b1 = v128.load(w1, 16);
    a2 = v128.load(w2);
    b2 = v128.load(w2, 16);
    a3 = v128.load(w3);
    b3 = v128.load(w3, 16);
  }
  const end = d + (<usize>rows << 5);
  do {
    const da = v128.load(d);
    const db = v128.load(d, 16);
    let v = v128.load32_splat(x);
    a0 = madd(a0, v, da);
    b0 = madd(b0, v, db);
    v = v128.load32_splat(x, 4);
    a1 = madd(a1, v, da);
    b1 = madd(b1, v, db);
    v = v128.load32_splat(x, 8);
    a2 = madd(a2, v, da);
    b2 = madd(b2, v, db);
    v = v128.load32_splat(x, 12);
    a3 = madd(a3, v, da);
    b3 = madd(b3, v, db);
    x += xStride;
    d += 32;
  } while (d < end);
  v128.store(w, a0);
  v128.store(w, b0, 16);
  v128.store(w1, a1);
  v128.store(w1, b1, 16);
  v128.store(w2, a2);
  v128.store(w2, b2, 16);
  v128.store(w3, a3);
  v128.store(w3, b3, 16);
}

function outer1x8(add: bool, x: usize, xStride: usize, d: usize, w: usize, rows: i32): void {
  let a0 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  if (add) {
    a0 = v128.load(w);
    b0 = v128.load(w, 16);
  }
  for (let row = 0; row < rows; row++) {
    const v = v128.load32_splat(x);
    a0 = madd(a0, v, v128.load(d));
    b0 = madd(b0, v, v128.load(d, 16));
    x += xStride;
    d += 32;
  }
  v128.store(w, a0);
  v128.store(w, b0, 16);
}

function outer1x4(add: bool, x: usize, xStride: usize, d: usize, dStride: usize, w: usize, rows: i32): void {
  let a0 = add ? v128.load(w) : i32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    a0 = madd(a0, v128.load32_splat(x), v128.load(d));
    x += xStride;
    d += dStride;
  }
  v128.store(w, a0);
}
