// Means and deviations. Byte addresses; n is any number here, so the deviations behind the means are seldom aligned.

import { halfLogTwoPi, leastDeviation } from '../density';
import { flush4, log4, sigmoid4, softplus4 } from './functions';
import { firstLanes, foldPartials } from './rows';

/** σ of s */
// @ts-ignore: decorator
@inline
function deviation(s: v128): v128 {
  return f32x4.add(softplus4(s), f32x4.splat(<f32>leastDeviation));
}

/** Stores the first r lanes (1 or more) and no more. */
function storeLanes(to: usize, x: v128, r: i32): void {
  if (r >= 4) {
    v128.store(to, x);
    return;
  }
  store<f32>(to, f32x4.extract_lane(x, 0));
  if (r > 1) store<f32>(to + 4, f32x4.extract_lane(x, 1));
  if (r > 2) store<f32>(to + 8, f32x4.extract_lane(x, 2));
}

/** +0 behind a row of 2n numbers, to a multiple of 4. */
// @ts-ignore: decorator
@inline
function pad(row: usize, n: i32): void {
  for (let i = 2 * n; (i & 3) != 0; i++) store<f32>(row + (i << 2), 0);
}

export function gaussianRows(o: usize, p: usize, stride: usize, rows: i32, n: i32): void {
  const second = <usize>n << 2;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i += 4) {
      const at = <usize>i << 2;
      storeLanes(p + at, v128.load(o + at), n - i);
      storeLanes(p + second + at, deviation(v128.load(o + second + at)), n - i);
    }
    pad(p, n);
    o += stride;
    p += stride;
  }
}

export function gaussianLossRow(o: usize, y: usize, n: i32): f32 {
  const second = <usize>n << 2;
  const constant = f32x4.splat(<f32>halfLogTwoPi);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const sigma = deviation(v128.load(o + second + at));
    const z = f32x4.div(f32x4.sub(v128.load(o + at), v128.load(y + at)), sigma);
    let t = f32x4.add(f32x4.add(log4(sigma), constant), f32x4.mul(f32x4.splat(0.5), f32x4.mul(z, z)));
    if (i + 4 > n) t = v128.and(t, firstLanes(n - i));
    const turn = (i >> 2) & 3;
    if (turn == 0) s0 = f32x4.add(s0, t);
    else if (turn == 1) s1 = f32x4.add(s1, t);
    else if (turn == 2) s2 = f32x4.add(s2, t);
    else s3 = f32x4.add(s3, t);
  }
  return foldPartials(s0, s1, s2, s3);
}

export function gaussianBackwardRow(o: usize, p: usize, y: usize, d: usize, n: i32, scale: f32): void {
  const second = <usize>n << 2;
  const factor = f32x4.splat(scale);
  const one = f32x4.splat(1);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const sigma = v128.load(p + second + at);
    const z = f32x4.div(f32x4.sub(v128.load(p + at), v128.load(y + at)), sigma);
    const slope = f32x4.div(f32x4.sub(one, f32x4.mul(z, z)), sigma);
    const soft = sigmoid4(v128.load(o + second + at));
    storeLanes(d + at, flush4(f32x4.mul(f32x4.div(z, sigma), factor)), n - i);
    storeLanes(d + second + at, flush4(f32x4.mul(f32x4.mul(slope, soft), factor)), n - i);
  }
  pad(d, n);
}
