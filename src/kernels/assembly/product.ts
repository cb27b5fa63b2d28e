// Products with packed matrices. Byte addresses; strides in bytes.

import { madd, panelWidth } from './panels';

/** Rows of a panel that stay in the first cache while all rows of x pass over them. */
// @ts-ignore: decorator
@inline
const slice = 256;

/** A matrix with more numbers does not stay in the first cache: what a product with one row needs soon is fetched on the way. */
// @ts-ignore: decorator
@inline
const nearCache = 8192;
/** One with more does not stay in the second either, and more loads would wait longer. */
// @ts-ignore: decorator
@inline
const farCache = 262144;

/** How soon, in bytes. WebAssembly has no prefetch, so this is a load whose result is dropped. */
// @ts-ignore: decorator
@inline
const readAhead = 1024;

/** From so many rows on, a matrix that lies far is fetched a slice ahead, on the way as well: with fewer, there is no time for it. */
// @ts-ignore: decorator
@inline
const rowsAhead = 24;

/** y += x · W. */
export function multiplyRows(x: usize, xStride: usize, w: usize, y: usize, yStride: usize, rows: i32, k: i32, n: i32): void {
  if (rows == 1) {
    multiplyRow(x, w, y, k, n);
    return;
  }
  const far = rows >= rowsAhead && k * n > farCache;
  const end = w + ((<usize>k * n) << 2);
  for (let start = 0; start < n; ) {
    const width = panelWidth(n - start);
    const panel = w + ((<usize>start * k) << 2);
    const out = y + (<usize>start << 2);
    let row = 0;
    if (rows >= 4) {
      const whole = rows & ~3;
      if (width >= 8) {
        for (let from = 0; from < k; from += slice) {
          const length = min(slice, k - from);
          const part = panel + <usize>from * (<usize>width << 2);
          const size = <usize>length * (<usize>width << 2);
          let ahead = part + size;
          const share = far ? (size / ((width >> 3) * (whole >> 2)) + 63) & ~63 : 0;
          for (let column = 0; column < width; column += 8) {
            for (row = 0; row < whole; row += 4) {
              if (far) {
                const until = min(ahead + share, end);
                for (; ahead < until; ahead += 64) load<i32>(ahead);
              }
              tile4x8(x + <usize>row * xStride + (from << 2), xStride, part + (column << 2), <usize>width << 2, out + <usize>row * yStride + (column << 2), yStride, length);
            }
          }
        }
      } else {
        for (row = 0; row < whole; row += 4) tile4x4(x + <usize>row * xStride, xStride, panel, out + <usize>row * yStride, yStride, k);
      }
      row = whole;
    }
    if (rows - row >= 2 && width >= 16) {
      for (let column = 0; column < width; column += 16) {
        tile2x16(x + <usize>row * xStride, xStride, panel + (column << 2), <usize>width << 2, out + <usize>row * yStride + (column << 2), yStride, k);
      }
      row += 2;
    }
    for (; row < rows; row++) rowOfPanel(width, x + <usize>row * xStride, panel, out + <usize>row * yStride, k);
    start += width;
  }
}

function multiplyRow(x: usize, w: usize, y: usize, k: i32, n: i32): void {
  const soon = k * n > nearCache && k * n <= farCache;
  for (let start = 0; start < n; ) {
    const width = panelWidth(n - start);
    const panel = w + ((<usize>start * k) << 2);
    const out = y + (<usize>start << 2);
    // Only where so much of the matrix follows: a load behind the memory would be a fault.
    if (soon && width == 32 && ((n - start - 32) * k) << 2 >= readAhead) row32Ahead(x, panel, out, k);
    else rowOfPanel(width, x, panel, out, k);
    start += width;
  }
}

// @ts-ignore: decorator
@inline
function rowOfPanel(width: i32, x: usize, w: usize, y: usize, k: i32): void {
  if (width == 32) row32Near(x, w, y, k);
  else if (width == 16) row16(x, w, y, k);
  else if (width == 8) row8(x, w, y, k);
  else row4(x, w, y, k);
}

function row32Near(x: usize, w: usize, y: usize, k: i32): void {
  row32(false, x, w, y, k);
}

function row32Ahead(x: usize, w: usize, y: usize, k: i32): void {
  row32(true, x, w, y, k);
}

// Two k in a turn. V8 gathers the loads of a block at its top; eight of them would push a sum out of its register, onto the way from
// each k to the next. So each k is cut in two by a test: the loop's end does it once, the end of x twice, and one (x is not w) is never true.
// @ts-ignore: decorator
@inline
function row32(ahead: bool, x: usize, w: usize, y: usize, k: i32): void {
  if (k == 0) return;
  const last = x + (<usize>(k - 1) << 2);
  let a0 = v128.load(y);
  let a1 = v128.load(y, 16);
  let a2 = v128.load(y, 32);
  let a3 = v128.load(y, 48);
  let a4 = v128.load(y, 64);
  let a5 = v128.load(y, 80);
  let a6 = v128.load(y, 96);
  let a7 = v128.load(y, 112);
  let v = v128.load32_splat(x);
  a0 = madd(a0, v, v128.load(w));
  a1 = madd(a1, v, v128.load(w, 16));
  a2 = madd(a2, v, v128.load(w, 32));
  a3 = madd(a3, v, v128.load(w, 48));
  while (true) {
    if (ahead) load<i32>(w, readAhead);
    a4 = madd(a4, v, v128.load(w, 64));
    a5 = madd(a5, v, v128.load(w, 80));
    a6 = madd(a6, v, v128.load(w, 96));
    a7 = madd(a7, v, v128.load(w, 112));
    if (x == last) break;
    if (ahead) load<i32>(w, readAhead + 64);
    x += 4;
    v = v128.load32_splat(x);
    a0 = madd(a0, v, v128.load(w, 128));
    a1 = madd(a1, v, v128.load(w, 144));
    a2 = madd(a2, v, v128.load(w, 160));
    a3 = madd(a3, v, v128.load(w, 176));
    if (x == w) break;
    if (ahead) load<i32>(w, readAhead + 128);
    a4 = madd(a4, v, v128.load(w, 192));
    a5 = madd(a5, v, v128.load(w, 208));
    a6 = madd(a6, v, v128.load(w, 224));
    a7 = madd(a7, v, v128.load(w, 240));
    if (x == last) break;
    x += 4;
    w += 256;
    if (ahead) load<i32>(w, readAhead - 64);
    v = v128.load32_splat(x);
    a0 = madd(a0, v, v128.load(w));
    a1 = madd(a1, v, v128.load(w, 16));
    a2 = madd(a2, v, v128.load(w, 32));
    a3 = madd(a3, v, v128.load(w, 48));
  }
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
  v128.store(y, a4, 64);
  v128.store(y, a5, 80);
  v128.store(y, a6, 96);
  v128.store(y, a7, 112);
}

function row16(x: usize, w: usize, y: usize, k: i32): void {
  let a0 = v128.load(y, 0);
  let a1 = v128.load(y, 16);
  let a2 = v128.load(y, 32);
  let a3 = v128.load(y, 48);
  const end = x + (<usize>k << 2);
  while (x < end) {
    const v = v128.load32_splat(x);
    a0 = madd(a0, v, v128.load(w, 0));
    a1 = madd(a1, v, v128.load(w, 16));
    a2 = madd(a2, v, v128.load(w, 32));
    a3 = madd(a3, v, v128.load(w, 48));
    x += 4;
    w += 64;
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
}

function row8(x: usize, w: usize, y: usize, k: i32): void {
  let a0 = v128.load(y, 0);
  let a1 = v128.load(y, 16);
  const end = x + (<usize>k << 2);
  while (x < end) {
    const v = v128.load32_splat(x);
    a0 = madd(a0, v, v128.load(w, 0));
    a1 = madd(a1, v, v128.load(w, 16));
    x += 4;
    w += 32;
  }
  v128.store(y, a0, 0);
  v128.store(y, a1, 16);
}

function row4(x: usize, w: usize, y: usize, k: i32): void {
  let a0 = v128.load(y);
  const end = x + (<usize>k << 2);
  while (x < end) {
    a0 = madd(a0, v128.load32_splat(x), v128.load(w));
    x += 4;
    w += 16;
  }
  v128.store(y, a0);
}

function tile4x8(x: usize, xStride: usize, w: usize, wStride: usize, y: usize, yStride: usize, k: i32): void {
  const y1 = y + yStride;
  const y2 = y1 + yStride;
  const y3 = y2 + yStride;
  let a0 = v128.load(y);
  let b0 = v128.load(y, 16);
  let a1 = v128.load(y1);
  let b1 = v128.load(y1, 16);
  let a2 = v128.load(y2);
  let b2 = v128.load(y2, 16);
  let a3 = v128.load(y3);
  let b3 = v128.load(y3, 16);
  let x0 = x;
  let x1 = x0 + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  const end = x0 + (<usize>k << 2);
  while (x0 < end) {
    const wa = v128.load(w);
    const wb = v128.load(w, 16);
    let v = v128.load32_splat(x0);
    a0 = madd(a0, v, wa);
    b0 = madd(b0, v, wb);
    v = v128.load32_splat(x1);
    a1 = madd(a1, v, wa);
    b1 = madd(b1, v, wb);
    v = v128.load32_splat(x2);
    a2 = madd(a2, v, wa);
    b2 = madd(b2, v, wb);
    v = v128.load32_splat(x3);
    a3 = madd(a3, v, wa);
    b3 = madd(b3, v, wb);
    x0 += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
    w += wStride;
  }
  v128.store(y, a0);
  v128.store(y, b0, 16);
  v128.store(y1, a1);
  v128.store(y1, b1, 16);
  v128.store(y2, a2);
  v128.store(y2, b2, 16);
  v128.store(y3, a3);
  v128.store(y3, b3, 16);
}

function tile4x4(x: usize, xStride: usize, w: usize, y: usize, yStride: usize, k: i32): void {
  const y1 = y + yStride;
  const y2 = y1 + yStride;
  const y3 = y2 + yStride;
  let a0 = v128.load(y);
  let a1 = v128.load(y1);
  let a2 = v128.load(y2);
  let a3 = v128.load(y3);
  let x0 = x;
  let x1 = x0 + xStride;
  let x2 = x1 + xStride;
  let x3 = x2 + xStride;
  const end = x0 + (<usize>k << 2);
  while (x0 < end) {
    const wa = v128.load(w);
    a0 = madd(a0, v128.load32_splat(x0), wa);
    a1 = madd(a1, v128.load32_splat(x1), wa);
    a2 = madd(a2, v128.load32_splat(x2), wa);
    a3 = madd(a3, v128.load32_splat(x3), wa);
    x0 += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
    w += 16;
  }
  v128.store(y, a0);
  v128.store(y1, a1);
  v128.store(y2, a2);
  v128.store(y3, a3);
}

function tile2x16(x: usize, xStride: usize, w: usize, wStride: usize, y: usize, yStride: usize, k: i32): void {
  const y1 = y + yStride;
  let a0 = v128.load(y);
  let b0 = v128.load(y, 16);
  let c0 = v128.load(y, 32);
  let d0 = v128.load(y, 48);
  let a1 = v128.load(y1);
  let b1 = v128.load(y1, 16);
  let c1 = v128.load(y1, 32);
  let d1 = v128.load(y1, 48);
  let x0 = x;
  let x1 = x0 + xStride;
  const end = x0 + (<usize>k << 2);
  while (x0 < end) {
    const v0 = v128.load32_splat(x0);
    const v1 = v128.load32_splat(x1);
    let u = v128.load(w);
    a0 = madd(a0, v0, u);
    a1 = madd(a1, v1, u);
    u = v128.load(w, 16);
    b0 = madd(b0, v0, u);
    b1 = madd(b1, v1, u);
    u = v128.load(w, 32);
    c0 = madd(c0, v0, u);
    c1 = madd(c1, v1, u);
    u = v128.load(w, 48);
    d0 = madd(d0, v0, u);
    d1 = madd(d1, v1, u);
    x0 += 4;
    x1 += 4;
    w += wStride;
  }
  v128.store(y, a0);
  v128.store(y, b0, 16);
  v128.store(y, c0, 32);
  v128.store(y, d0, 48);
  v128.store(y1, a1);
  v128.store(y1, b1, 16);
  v128.store(y1, c1, 32);
  v128.store(y1, d1, 48);
}
