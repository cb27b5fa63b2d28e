// Copies and sums over rows. Arguments named as in ../kernels.ts; here `a`, `b`, ... are byte addresses.

import { flushSize, magnitude } from './functions';

/** −1 in the lanes below r (0 to 3), at byte offset 16 − 4r. */
const laneMask = memory.data<i32>([-1, -1, -1, -1, 0, 0, 0, 0], 16);

/** The first r lanes (0 to 3) set, the others zero. */
// @ts-ignore: decorator
@inline
export function firstLanes(r: i32): v128 {
  return v128.load(laneMask + ((4 - r) << 2));
}

/** Copies n numbers flushed, pads with +0 to a multiple of 4; the first that is not finite, or −1. */
export function loadRow(from: usize, to: usize, n: i32): i32 {
  const infinity = f32x4.splat(Infinity);
  let finite = i32x4.splat(-1);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const x = v128.load(from + (i << 2));
    const size = magnitude(x);
    finite = v128.and(finite, f32x4.lt(size, infinity));
    v128.store(to + (i << 2), flushSize(x, size));
  }
  if (i < n) {
    const r = n - i;
    let x = i32x4.splat(0);
    x = f32x4.replace_lane(x, 0, load<f32>(from + (i << 2)));
    if (r > 1) x = f32x4.replace_lane(x, 1, load<f32>(from + ((i + 1) << 2)));
    if (r > 2) x = f32x4.replace_lane(x, 2, load<f32>(from + ((i + 2) << 2)));
    const size = magnitude(x);
    finite = v128.and(finite, f32x4.lt(size, infinity));
    v128.store(to + (i << 2), flushSize(x, size));
  }
  if (i32x4.all_true(finite)) return -1;
  for (let j = 0; j < n; j++) {
    const x = load<f32>(from + (j << 2));
    if (x - x != 0) return j;
  }
  return -1;
}

export function timesInto(a: usize, b: usize, y: usize, n: i32): void {
  for (const end = a + (<usize>n << 2); a < end; a += 16, b += 16, y += 16)
    v128.store(y, f32x4.mul(v128.load(a), v128.load(b)));
}

export function addTimesInto(a: usize, b: usize, y: usize, n: i32): void {
  for (const end = a + (<usize>n << 2); a < end; a += 16, b += 16, y += 16)
    v128.store(y, f32x4.add(v128.load(y), f32x4.mul(v128.load(a), v128.load(b))));
}

/** Brings n numbers within ±limit; NaN stays. Whether one was beyond. */
export function clampTo(a: usize, n: i32, limit: f32): i32 {
  const most = f32x4.splat(limit);
  let beyond = i32x4.splat(0);
  const end = a + (<usize>n << 2);
  for (; a + 16 <= end; a += 16) {
    const x = v128.load(a);
    beyond = v128.or(beyond, f32x4.gt(f32x4.abs(x), most));
    v128.store(a, within(x, most));
  }
  for (; a < end; a += 4) {
    const x = f32x4.splat(load<f32>(a));
    beyond = v128.or(beyond, f32x4.gt(f32x4.abs(x), most));
    store<f32>(a, f32x4.extract_lane(within(x, most), 0));
  }
  return v128.any_true(beyond) ? 1 : 0;
}

/** x within ±most; NaN stays. */
// @ts-ignore: decorator
@inline
export function within(x: v128, most: v128): v128 {
  return f32x4.pmax(f32x4.pmin(x, most), f32x4.neg(most));
}

export function setRowsTo(y: usize, yStride: i32, rows: i32, from: usize, n: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i += 4) v128.store(y + (i << 2), v128.load(from + (i << 2)));
    y += <usize>yStride << 2;
  }
}

export function sumRowsInto(d: usize, dStride: i32, b: usize, rows: i32, n: i32): void {
  const stride = <usize>dStride << 2;
  let i = 0;
  // Sixteen columns are one line of the cache.
  for (; i + 16 <= n; i += 16) {
    let s0 = i32x4.splat(0);
    let s1 = i32x4.splat(0);
    let s2 = i32x4.splat(0);
    let s3 = i32x4.splat(0);
    let at = d;
    for (let row = 0; row < rows; row++) {
      s0 = f32x4.add(s0, v128.load(at));
      s1 = f32x4.add(s1, v128.load(at, 16));
      s2 = f32x4.add(s2, v128.load(at, 32));
      s3 = f32x4.add(s3, v128.load(at, 48));
      at += stride;
    }
    v128.store(b, s0);
    v128.store(b, s1, 16);
    v128.store(b, s2, 32);
    v128.store(b, s3, 48);
    b += 64;
    d += 64;
  }
  for (; i < n; i += 4) {
    let sum = i32x4.splat(0);
    let at = d;
    for (let row = 0; row < rows; row++) {
      sum = f32x4.add(sum, v128.load(at));
      at += stride;
    }
    v128.store(b, sum);
    b += 16;
    d += 16;
  }
}

/** The sixteen partial sums in order. */
// @ts-ignore: decorator
@inline
export function foldPartials(a: v128, b: v128, c: v128, d: v128): f32 {
  return addLanes(addLanes(addLanes(addLanes(0, a), b), c), d);
}

// @ts-ignore: decorator
@inline
function addLanes(total: f32, a: v128): f32 {
  total += f32x4.extract_lane(a, 0);
  total += f32x4.extract_lane(a, 1);
  total += f32x4.extract_lane(a, 2);
  return total + f32x4.extract_lane(a, 3);
}
