// Readouts and losses. Byte addresses; strides in bytes; n is any number here, rows are padded to a multiple of 4.

import { exp4, flush4, log1, log4, sigmoid4 } from './functions';
import { firstLanes, foldPartials, within } from './rows';

function largest(o: usize, n: i32): f32 {
  let max4 = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4) max4 = f32x4.pmax(max4, v128.load(o + (i << 2)));
  let max = f32x4.extract_lane(max4, 0);
  for (let lane = 1; lane < 4; lane++) {
    const x = lane == 1 ? f32x4.extract_lane(max4, 1) : lane == 2 ? f32x4.extract_lane(max4, 2) : f32x4.extract_lane(max4, 3);
    if (x > max) max = x;
  }
  for (; i < n; i++) {
    const x = load<f32>(o + (i << 2));
    if (x > max) max = x;
  }
  return max;
}

export function softmaxRows(o: usize, p: usize, stride: usize, rows: i32, n: i32): void {
  for (let row = 0; row < rows; row++) {
    const max = f32x4.splat(largest(o, n));
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (let i = 0; i < n; i += 4) {
      let e = exp4(f32x4.sub(v128.load(o + (i << 2)), max));
      if (i + 4 > n) e = v128.and(e, firstLanes(n - i));
      v128.store(p + (i << 2), e);
      const turn = (i >> 2) & 3;
      if (turn == 0) s0 = f32x4.add(s0, e);
      else if (turn == 1) s1 = f32x4.add(s1, e);
      else if (turn == 2) s2 = f32x4.add(s2, e);
      else s3 = f32x4.add(s3, e);
    }
    const total = f32x4.splat(foldPartials(s0, s1, s2, s3));
    for (let i = 0; i < n; i += 4) {
      let q = f32x4.div(v128.load(p + (i << 2)), total);
      if (i + 4 > n) q = v128.and(q, firstLanes(n - i));
      v128.store(p + (i << 2), q);
    }
    o += stride;
    p += stride;
  }
}

export function sigmoidRows(o: usize, p: usize, stride: usize, rows: i32, n: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i += 4) {
      let s = sigmoid4(v128.load(o + (i << 2)));
      if (i + 4 > n) s = v128.and(s, firstLanes(n - i));
      v128.store(p + (i << 2), s);
    }
    o += stride;
    p += stride;
  }
}

/** A term of a whole-tensor sum. */
// @ts-ignore: decorator
@inline
function exponential(o: usize, y: usize, extra: v128): v128 {
  return exp4(f32x4.sub(v128.load(o), extra));
}

// @ts-ignore: decorator
@inline
function softSum(o: usize, y: usize, extra: v128): v128 {
  const x = v128.load(o);
  const positive = v128.andnot(x, f32x4.lt(x, f32x4.splat(0)));
  const soft = log4(f32x4.add(f32x4.splat(1), exp4(f32x4.neg(f32x4.abs(x)))));
  return f32x4.add(f32x4.sub(positive, f32x4.mul(x, v128.load(y))), soft);
}

// @ts-ignore: decorator
@inline
function squareOfDifference(o: usize, y: usize, extra: v128): v128 {
  const x = f32x4.sub(v128.load(o), v128.load(y));
  return f32x4.mul(x, x);
}

// @ts-ignore: decorator
@inline
function huberOfDifference(o: usize, y: usize, delta: v128): v128 {
  const a = f32x4.abs(f32x4.sub(v128.load(o), v128.load(y)));
  const c = f32x4.pmin(a, delta);
  return f32x4.mul(c, f32x4.sub(a, f32x4.mul(f32x4.splat(0.5), c)));
}

// @ts-ignore: decorator
@inline
function squareOfOne(o: usize, y: usize, extra: v128): v128 {
  const x = flush4(v128.load(o));
  return f32x4.mul(x, x);
}

// @ts-ignore: decorator
@inline
function term(which: i32, o: usize, y: usize, extra: v128): v128 {
  if (which == 0) return exponential(o, y, extra);
  if (which == 1) return softSum(o, y, extra);
  if (which == 2) return squareOfDifference(o, y, extra);
  if (which == 4) return huberOfDifference(o, y, extra);
  return squareOfOne(o, y, extra);
}

/** Σ over n terms: 16 interleaved partial sums, then in order. */
// @ts-ignore: decorator
@inline
function sumTerms(which: i32, o: usize, y: usize, extra: v128, n: i32): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let i = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = f32x4.add(s0, term(which, o, y, extra));
    s1 = f32x4.add(s1, term(which, o + 16, y + 16, extra));
    s2 = f32x4.add(s2, term(which, o + 32, y + 32, extra));
    s3 = f32x4.add(s3, term(which, o + 48, y + 48, extra));
    o += 64;
    y += 64;
  }
  for (let turn = 0; i < n; i += 4, turn++) {
    let t = term(which, o, y, extra);
    if (i + 4 > n) t = v128.and(t, firstLanes(n - i));
    if (turn == 0) s0 = f32x4.add(s0, t);
    else if (turn == 1) s1 = f32x4.add(s1, t);
    else if (turn == 2) s2 = f32x4.add(s2, t);
    else s3 = f32x4.add(s3, t);
    o += 16;
    y += 16;
  }
  return foldPartials(s0, s1, s2, s3);
}

export function crossEntropyRow(o: usize, target: i32, n: i32): f32 {
  const max = largest(o, n);
  const total = sumTerms(0, o, o, f32x4.splat(max), n);
  return log1(total) + (max - load<f32>(o + (target << 2)));
}

export function binaryCrossEntropyRow(o: usize, y: usize, n: i32): f32 {
  return sumTerms(1, o, y, f32x4.splat(0), n);
}

export function squaredErrorRow(o: usize, y: usize, n: i32): f32 {
  return <f32>0.5 * sumTerms(2, o, y, f32x4.splat(0), n);
}

export function huberRow(o: usize, y: usize, n: i32, delta: f32): f32 {
  return sumTerms(4, o, y, f32x4.splat(delta), n);
}

export function huberBackwardRow(o: usize, y: usize, d: usize, n: i32, delta: f32, scale: f32): void {
  const most = f32x4.splat(delta);
  const factor = f32x4.splat(scale);
  for (let i = 0; i < n; i += 4) {
    const error = within(f32x4.sub(v128.load(o + (i << 2)), v128.load(y + (i << 2))), most);
    let t = flush4(f32x4.mul(error, factor));
    if (i + 4 > n) t = v128.and(t, firstLanes(n - i));
    v128.store(d + (i << 2), t);
  }
}

export function sumSquaresOf(a: usize, n: i32): f32 {
  return sumTerms(3, a, a, f32x4.splat(0), n);
}

export function differenceRow(p: usize, y: usize, d: usize, n: i32, scale: f32): void {
  const factor = f32x4.splat(scale);
  for (let i = 0; i < n; i += 4) {
    let t = flush4(f32x4.mul(f32x4.sub(v128.load(p + (i << 2)), v128.load(y + (i << 2))), factor));
    if (i + 4 > n) t = v128.and(t, firstLanes(n - i));
    v128.store(d + (i << 2), t);
  }
}
