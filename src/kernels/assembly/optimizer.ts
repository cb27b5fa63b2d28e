// Updates of weights. Byte addresses; n a multiple of 4, for Adam of 16; formulas in ../kernels.ts.

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
  if (keep != 1) {
    const kept = f32x4.splat(keep);
    for (let at = w, end = w + (<usize>n << 2); at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), kept));
  }
  if (scale != 1) {
    if (beta1 != 0) adamLoop(true, true, w, g, m, v, n, scale, rate, beta1, beta2, root, epsilon);
    else adamLoop(false, true, w, g, m, v, n, scale, rate, beta1, beta2, root, epsilon);
  } else if (beta1 != 0) adamLoop(true, false, w, g, m, v, n, scale, rate, beta1, beta2, root, epsilon);
  else adamLoop(false, false, w, g, m, v, n, scale, rate, beta1, beta2, root, epsilon);
}

// Four vectors side by side, as in ./functions.ts. The test at the end and no branch between: so V8 takes the splats out of the loop.
// Products share their ports with √ and ÷: most often the gradient is not scaled, and then that one is spared.
// @ts-ignore: decorator
@inline
function adamLoop(withFirst: bool, scaled: bool, w: usize, g: usize, m: usize, v: usize, n: i32, scale: f32, rate: f32, beta1: f64, beta2: f64, root: f32, epsilon: f32): void {
  const s = f32x4.splat(scale);
  const r = f32x4.splat(rate);
  const b1 = f32x4.splat(<f32>beta1);
  const b2 = f32x4.splat(<f32>beta2);
  const c1 = f32x4.splat(<f32>(1 - beta1));
  const c2 = f32x4.splat(<f32>(1 - beta2));
  const k = f32x4.splat(root);
  const e = f32x4.splat(epsilon);
  const limit = momentLimit();
  const end = w + (<usize>n << 2);
  if (w == end) return;
  do {
    const slope0 = slopeOf(scaled, v128.load(g), s);
    const slope1 = slopeOf(scaled, v128.load(g, 16), s);
    const slope2 = slopeOf(scaled, v128.load(g, 32), s);
    const slope3 = slopeOf(scaled, v128.load(g, 48), s);
    let first0 = slope0;
    let first1 = slope1;
    let first2 = slope2;
    let first3 = slope3;
    if (withFirst) {
      first0 = nextFirst(v128.load(m), slope0, b1, c1, limit);
      v128.store(m, first0);
      first1 = nextFirst(v128.load(m, 16), slope1, b1, c1, limit);
      v128.store(m, first1, 16);
      first2 = nextFirst(v128.load(m, 32), slope2, b1, c1, limit);
      v128.store(m, first2, 32);
      first3 = nextFirst(v128.load(m, 48), slope3, b1, c1, limit);
      v128.store(m, first3, 48);
      m += 64;
    }
    const second0 = nextSecond(v128.load(v), slope0, b2, c2, limit);
    v128.store(v, second0);
    const second1 = nextSecond(v128.load(v, 16), slope1, b2, c2, limit);
    v128.store(v, second1, 16);
    const second2 = nextSecond(v128.load(v, 32), slope2, b2, c2, limit);
    v128.store(v, second2, 32);
    const second3 = nextSecond(v128.load(v, 48), slope3, b2, c2, limit);
    v128.store(v, second3, 48);
    v128.store(w, moved(v128.load(w), first0, second0, r, k, e));
    v128.store(w, moved(v128.load(w, 16), first1, second1, r, k, e), 16);
    v128.store(w, moved(v128.load(w, 32), first2, second2, r, k, e), 32);
    v128.store(w, moved(v128.load(w, 48), first3, second3, r, k, e), 48);
    w += 64;
    g += 64;
    v += 64;
  } while (w < end);
}

// @ts-ignore: decorator
@inline
function slopeOf(scaled: bool, gradient: v128, s: v128): v128 {
  return scaled ? f32x4.mul(flush4(gradient), s) : flush4(gradient);
}

// @ts-ignore: decorator
@inline
function nextFirst(first: v128, slope: v128, b1: v128, c1: v128, limit: v128): v128 {
  return flushMoment(f32x4.add(f32x4.mul(b1, first), f32x4.mul(c1, slope)), limit);
}

// @ts-ignore: decorator
@inline
function nextSecond(second: v128, slope: v128, b2: v128, c2: v128, limit: v128): v128 {
  const next = f32x4.add(f32x4.mul(b2, second), f32x4.mul(c2, f32x4.mul(slope, slope)));
  return v128.andnot(next, f32x4.lt(next, limit));
}

// @ts-ignore: decorator
@inline
function moved(weight: v128, first: v128, second: v128, r: v128, k: v128, e: v128): v128 {
  const scaled = f32x4.add(f32x4.mul(f32x4.sqrt(second), k), e);
  return f32x4.sub(weight, f32x4.div(f32x4.mul(r, first), scaled));
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
