// The functions of ../functions.ts, four numbers at a time: the same operations in the same order, so the same bits.

import * as c from '../coefficients';

// A v128 constant costs three instructions in V8, a load that repeats one number costs one: so constants lie in memory.
const exponential = memory.data<f32>(
  [
    // exp: the coefficients doubled, 2^(n − 1) beside them
    -87.25,
    89.0,
    c.log2e as f32,
    (c.roundToInteger + 126) as f32,
    c.ln2High as f32,
    c.ln2Low as f32,
    (2 * c.exp6) as f32,
    (2 * c.exp5) as f32,
    (2 * c.exp4) as f32,
    (2 * c.exp3) as f32,
    (2 * c.exp2) as f32,
    2.0,
    // sigmoid: the coefficients of e^−r, a quarter of them, 2^(n + 2) beside them
    -87.25,
    80.0,
    -c.log2e as f32,
    (c.roundToInteger + 129) as f32,
    c.ln2High as f32,
    c.ln2Low as f32,
    (0.25 * c.exp6) as f32,
    (-0.25 * c.exp5) as f32,
    (0.25 * c.exp4) as f32,
    (-0.25 * c.exp3) as f32,
    (0.25 * c.exp2) as f32,
    -0.25,
    0.25,
    1.0,
  ],
  16,
);

const hyperbolic = memory.data<f32>(
  [
    -c.tanhLimit as f32,
    c.tanhLimit as f32,
    9.313225746154785e-10, // 2⁻³⁰
    c.tanhP0 as f32,
    c.tanhP1 as f32,
    c.tanhP2 as f32,
    c.tanhP3 as f32,
    c.tanhP4 as f32,
    c.tanhQ1 as f32,
    c.tanhQ2 as f32,
    c.tanhQ3 as f32,
  ],
  16,
);

// 2⁻⁶⁰, and the sign bit
const smallest = memory.data<f32>([8.673617379884035e-19, -0.0], 16);

/** e^x */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  x = f32x4.pmax(x, v128.load32_splat(exponential, 0));
  x = f32x4.pmin(x, v128.load32_splat(exponential, 4));
  const t = f32x4.add(f32x4.mul(x, v128.load32_splat(exponential, 8)), v128.load32_splat(exponential, 12));
  const n = f32x4.sub(t, v128.load32_splat(exponential, 12));
  let r = f32x4.sub(x, f32x4.mul(n, v128.load32_splat(exponential, 16)));
  r = f32x4.sub(r, f32x4.mul(n, v128.load32_splat(exponential, 20)));
  let p = f32x4.add(f32x4.mul(r, v128.load32_splat(exponential, 24)), v128.load32_splat(exponential, 28));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 32));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 36));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 40));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 44));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 44));
  return f32x4.mul(p, i32x4.shl(t, 23));
}

/** 1 / (1 + e^−x) */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  x = f32x4.pmax(x, v128.load32_splat(exponential, 48));
  x = f32x4.pmin(x, v128.load32_splat(exponential, 52));
  const t = f32x4.add(f32x4.mul(x, v128.load32_splat(exponential, 56)), v128.load32_splat(exponential, 60));
  const n = f32x4.sub(t, v128.load32_splat(exponential, 60));
  let r = f32x4.add(x, f32x4.mul(n, v128.load32_splat(exponential, 64)));
  r = f32x4.add(r, f32x4.mul(n, v128.load32_splat(exponential, 68)));
  let p = f32x4.add(f32x4.mul(r, v128.load32_splat(exponential, 72)), v128.load32_splat(exponential, 76));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 80));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 84));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 88));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 92));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(exponential, 96));
  const one = v128.load32_splat(exponential, 100);
  return f32x4.div(one, f32x4.add(one, f32x4.mul(p, i32x4.shl(t, 23))));
}

/** tanh x */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  x = f32x4.pmax(x, v128.load32_splat(hyperbolic, 0));
  x = f32x4.pmin(x, v128.load32_splat(hyperbolic, 4));
  const v = f32x4.pmax(f32x4.abs(x), v128.load32_splat(hyperbolic, 8));
  const u = f32x4.mul(v, v);
  const w = f32x4.mul(u, u);
  const constant = v128.load32_splat(hyperbolic, 12);
  let p = f32x4.add(v128.load32_splat(hyperbolic, 24), f32x4.mul(u, v128.load32_splat(hyperbolic, 28)));
  p = f32x4.add(v128.load32_splat(hyperbolic, 20), f32x4.mul(u, p));
  p = f32x4.add(f32x4.mul(u, v128.load32_splat(hyperbolic, 16)), f32x4.mul(w, p));
  p = f32x4.add(constant, p);
  let q = f32x4.add(v128.load32_splat(hyperbolic, 40), u);
  q = f32x4.add(v128.load32_splat(hyperbolic, 36), f32x4.mul(u, q));
  q = f32x4.add(f32x4.mul(u, v128.load32_splat(hyperbolic, 32)), f32x4.mul(w, q));
  q = f32x4.add(constant, q);
  return f32x4.div(f32x4.mul(x, p), q);
}

// Over a row, four vectors at a time: a function is one chain of dependent operations, and a core that looks ahead through one
// chain after the other is not kept busy; four that lie side by side keep it so.

/** a = σ(a + b), n bytes of each. */
export function sigmoidOfSums(a: usize, b: usize, n: usize): void {
  let j: usize = 0;
  for (; j + 64 <= n; j += 64) {
    const y0 = sigmoid4(f32x4.add(v128.load(a + j), v128.load(b + j)));
    const y1 = sigmoid4(f32x4.add(v128.load(a + j, 16), v128.load(b + j, 16)));
    const y2 = sigmoid4(f32x4.add(v128.load(a + j, 32), v128.load(b + j, 32)));
    const y3 = sigmoid4(f32x4.add(v128.load(a + j, 48), v128.load(b + j, 48)));
    v128.store(a + j, y0);
    v128.store(a + j, y1, 16);
    v128.store(a + j, y2, 32);
    v128.store(a + j, y3, 48);
  }
  for (; j < n; j += 16) v128.store(a + j, sigmoid4(f32x4.add(v128.load(a + j), v128.load(b + j))));
}

/** y = tanh(a + b), n bytes of each. */
export function tanhOfSums(a: usize, b: usize, y: usize, n: usize): void {
  tanhRow(a, b, y, n, true, false);
}

/** y = tanh(a + b), flushed, n bytes of each. */
export function flushedTanhOfSums(a: usize, b: usize, y: usize, n: usize): void {
  tanhRow(a, b, y, n, true, true);
}

/** y = tanh a, n bytes of each. */
export function tanhOf(a: usize, y: usize, n: usize): void {
  tanhRow(a, a, y, n, false, false);
}

// @ts-ignore: decorator
@inline
function tanhRow(a: usize, b: usize, y: usize, n: usize, biased: bool, flushed: bool): void {
  let j: usize = 0;
  for (; j + 64 <= n; j += 64) {
    const y0 = tanhOfOne(a + j, b + j, biased, flushed);
    const y1 = tanhOfOne(a + j + 16, b + j + 16, biased, flushed);
    const y2 = tanhOfOne(a + j + 32, b + j + 32, biased, flushed);
    const y3 = tanhOfOne(a + j + 48, b + j + 48, biased, flushed);
    v128.store(y + j, y0);
    v128.store(y + j, y1, 16);
    v128.store(y + j, y2, 32);
    v128.store(y + j, y3, 48);
  }
  for (; j < n; j += 16) v128.store(y + j, tanhOfOne(a + j, b + j, biased, flushed));
}

// @ts-ignore: decorator
@inline
function tanhOfOne(a: usize, b: usize, biased: bool, flushed: bool): v128 {
  const y = tanh4(biased ? f32x4.add(v128.load(a), v128.load(b)) : v128.load(a));
  return flushed ? flush4(y) : y;
}

/** ln x; too rare for a table */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const subnormal = f32x4.lt(x, f32x4.splat(1.1754943508222875e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, subnormal);
  const rootHalf = i32x4.splat(0x3f3504f3);
  const i = i32x4.sub(scaled, rootHalf);
  const shift = v128.and(subnormal, i32x4.splat(23));
  const k = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_s(i, 23), shift));
  const m = i32x4.add(v128.and(i, i32x4.splat(0x7fffff)), rootHalf);
  const f = f32x4.sub(m, f32x4.splat(1));
  const s = f32x4.div(f, f32x4.add(f32x4.splat(2), f));
  const z = f32x4.mul(s, s);
  let r = f32x4.add(f32x4.mul(z, f32x4.splat(c.log3 as f32)), f32x4.splat(c.log2 as f32));
  r = f32x4.mul(z, f32x4.add(f32x4.mul(z, r), f32x4.splat(c.log1 as f32)));
  const h = f32x4.mul(f32x4.mul(f32x4.splat(0.5), f), f);
  const low = f32x4.add(f32x4.mul(s, f32x4.add(h, r)), f32x4.mul(k, f32x4.splat(c.ln2Low as f32)));
  r = f32x4.sub(f32x4.mul(k, f32x4.splat(c.ln2High as f32)), f32x4.sub(f32x4.sub(h, low), f));
  // +∞ and NaN are their own logarithms; ±0 has −∞, less has NaN.
  r = v128.bitselect(r, x, f32x4.lt(x, f32x4.splat(Infinity)));
  const zero = f32x4.splat(0);
  const none = v128.bitselect(f32x4.splat(-Infinity), f32x4.splat(NaN), f32x4.eq(x, zero));
  return v128.bitselect(none, r, f32x4.le(x, zero));
}

/** ln x */
export function log1(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}

/** ln(1 + e^x) */
// @ts-ignore: decorator
@inline
export function softplus4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const u = f32x4.add(f32x4.splat(1), e);
  const d = f32x4.sub(u, f32x4.splat(1));
  const zero = f32x4.splat(0);
  const soft = v128.bitselect(f32x4.mul(log4(u), f32x4.div(e, d)), e, f32x4.gt(d, zero));
  return f32x4.add(v128.and(x, f32x4.gt(x, zero)), soft);
}

/** |x|; V8 makes the mask of `f32x4.abs` anew each time. */
// @ts-ignore: decorator
@inline
export function magnitude(x: v128): v128 {
  return v128.andnot(x, v128.load32_splat(smallest, 4));
}

/** x, or +0 where |x| < 2⁻⁶⁰ */
// @ts-ignore: decorator
@inline
export function flush4(x: v128): v128 {
  return flushSize(x, magnitude(x));
}

/** The same where the magnitude is known. */
// @ts-ignore: decorator
@inline
export function flushSize(x: v128, size: v128): v128 {
  return v128.andnot(x, f32x4.lt(size, v128.load32_splat(smallest, 0)));
}

/** Applies one function (0 exp, 1 log, 2 tanh, 3 sigmoid, 4 flush, 5 softplus) to n numbers, n a multiple of 4; `from` and `to` in bytes. */
export function applyFunction(which: i32, from: usize, to: usize, n: i32): void {
  for (const end = from + ((<usize>n) << 2); from < end; from += 16, to += 16) {
    const x = v128.load(from);
    if (which == 0) v128.store(to, exp4(x));
    else if (which == 1) v128.store(to, log4(x));
    else if (which == 2) v128.store(to, tanh4(x));
    else if (which == 3) v128.store(to, sigmoid4(x));
    else if (which == 4) v128.store(to, flush4(x));
    else v128.store(to, softplus4(x));
  }
}
