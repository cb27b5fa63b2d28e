// Updates of weights. Byte addresses; n a multiple of 4; formulas in ../kernels.ts.

import { flush4, magnitude } from './functions';

/** Moments below 2⁻¹²⁰ in magnitude are +0; NaN stays. */
// @ts-ignore: decorator
@inline
function flushMoment(x: v128, limit: v128): v128 {
  return v128.andnot(x, f32x4.lt(magnitude(x), limit));
}

// @ts-ignore: decorator
@inline
function momentLimit(): v128 {
  return f32x4.splat(reinterpret<f32>(7 << 23)); // 2^(7 − 127)
}

export function sgdStep(w: usize, g: usize, m: usize, n: i32, scale: f32, rate: f32, momentum: f32): void {
  const s = f32x4.splat(scale);
  const r = f32x4.splat(rate);
  const u = f32x4.splat(momentum);
  const limit = momentLimit();
  const end = w + (<usize>n << 2);
  while (w < end) {
    let move = f32x4.mul(flush4(v128.load(g)), s);
    if (momentum != 0) {
      move = flushMoment(f32x4.add(f32x4.mul(u, v128.load(m)), move), limit);
      v128.store(m, move);
    }
    v128.store(w, f32x4.sub(v128.load(w), f32x4.mul(r, move)));
    w += 16;
    g += 16;
    m += 16;
  }
}

export function adamStep(w: usize, g: usize, m: usize, v: usize, n: i32, scale: f32, rate: f32, beta1: f64, beta2: f64, root: f32, epsilon: f32, keep: f32): void {
  if (beta1 != 0) adamLoop(true, w, g, m, v, n, scale, rate, beta1, beta2, root, epsilon, keep);
  else adamLoop(false, w, g, m, v, n, scale, rate, beta1, beta2, root, epsilon, keep);
}

// The test at the end and no branch between: so V8 takes the splats out of the loop.
// @ts-ignore: decorator
@inline
function adamLoop(withFirst: bool, w: usize, g: usize, m: usize, v: usize, n: i32, scale: f32, rate: f32, beta1: f64, beta2: f64, root: f32, epsilon: f32, keep: f32): void {
  const s = f32x4.splat(scale);
  const r = f32x4.splat(rate);
  const b1 = f32x4.splat(<f32>beta1);
  const b2 = f32x4.splat(<f32>beta2);
  const c1 = f32x4.splat(<f32>(1 - beta1));
  const c2 = f32x4.splat(<f32>(1 - beta2));
  const k = f32x4.splat(root);
  const e = f32x4.splat(epsilon);
  const kept = f32x4.splat(keep);
  const limit = momentLimit();
  const end = w + (<usize>n << 2);
  if (w == end) return;
  do {
    const slope = f32x4.mul(flush4(v128.load(g)), s);
    let first = slope;
    if (withFirst) {
      first = flushMoment(f32x4.add(f32x4.mul(b1, v128.load(m)), f32x4.mul(c1, slope)), limit);
      v128.store(m, first);
      m += 16;
    }
    const second = flushMoment(f32x4.add(f32x4.mul(b2, v128.load(v)), f32x4.mul(c2, f32x4.mul(slope, slope))), limit);
    v128.store(v, second);
    const scaled = f32x4.add(f32x4.mul(f32x4.sqrt(second), k), e);
    v128.store(w, f32x4.sub(f32x4.mul(v128.load(w), kept), f32x4.div(f32x4.mul(r, first), scaled)));
    w += 16;
    g += 16;
    v += 16;
  } while (w < end);
}

export function adagradStep(w: usize, g: usize, v: usize, n: i32, scale: f32, rate: f32, epsilon: f32): void {
  const s = f32x4.splat(scale);
  const r = f32x4.splat(rate);
  const e = f32x4.splat(epsilon);
  const end = w + (<usize>n << 2);
  while (w < end) {
    const slope = f32x4.mul(flush4(v128.load(g)), s);
    const second = f32x4.add(v128.load(v), f32x4.mul(slope, slope));
    v128.store(v, second);
    v128.store(w, f32x4.sub(v128.load(w), f32x4.div(f32x4.mul(r, slope), f32x4.add(f32x4.sqrt(second), e))));
    w += 16;
    g += 16;
    v += 16;
  }
}
