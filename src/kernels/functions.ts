// The numeric functions on float32, made of + − × ÷ only, so that every engine gives the same bits: `Math.exp` and its like
// differ. assembly/functions.ts does the same, four numbers at a time. Errors: scripts/prove-functions.js, all 2³² inputs.

import * as c from './coefficients.js';

const { fround } = Math;

// One number, seen as float32 and as its bits.
const floats = new Float32Array(1);
const bits = new Int32Array(floats.buffer);

const tanhLinear = 1 / (1 << 30);
const smallest = tanhLinear * tanhLinear;
const smallestNormal = (smallest * smallest) / 64;
const rootHalfBits = 0x3f3504f3;

/** 1 + r + … + exp6 r⁶ = e^r, for |r| ≤ ½ ln 2 */
function exponentialOfRest(r: number): number {
  let p = fround(fround(c.exp6 * r) + c.exp5);
  p = fround(fround(p * r) + c.exp4);
  p = fround(fround(p * r) + c.exp3);
  p = fround(fround(p * r) + c.exp2);
  p = fround(fround(p * r) + 1);
  return fround(fround(p * r) + 1);
}

/**
 * e^x: x = n ln 2 + r (Cody and Waite 1980), 2ⁿ by its bits, e^r by a polynomial.
 * Relative error ≤ 9.81e-8. Above 88.7228 it is +∞, below −86.9899 (e^x < 2^−125.5) +0: no result is subnormal.
 * NaN stays NaN.
 */
export function exp(x: number): number {
  const y = Math.min(Math.max(x, -87.25), 89);
  const n = fround(fround(fround(y * c.log2e) + (c.roundToInteger + 126)) - (c.roundToInteger + 126));
  const r = fround(fround(y - fround(n * c.ln2High)) - fround(n * c.ln2Low));
  // 2^(n − 1) runs from 0 (n = −126) to 2^127 (n = 128).
  bits[0] = (n + 126) << 23;
  return fround(2 * exponentialOfRest(r) * floats[0]);
}

/**
 * 1 / (1 + e^−x), relative error ≤ 1.54e-7. Below −86.9899 (where it is less than 2^−125.5) it is +0: no result is
 * subnormal. It is 1 from 16.64 on. NaN stays NaN.
 */
export function sigmoid(x: number): number {
  const y = Math.min(Math.max(x, -87.25), 80);
  const n = fround(fround(c.roundToInteger + 129 - fround(y * c.log2e)) - (c.roundToInteger + 129));
  const r = fround(fround(fround(n * -c.ln2High) - y) - fround(n * c.ln2Low));
  // 2^(n + 2) reaches +∞ at n = 126.
  bits[0] = (n + 129) << 23;
  return fround(1 / fround(1 + fround(0.25 * exponentialOfRest(r) * floats[0])));
}

/**
 * tanh x = x P(x²)/Q(x²), relative error ≤ 2.92e-7, ±1 from |x| = 7.88 on and never beyond. The sign of zero stays, NaN
 * stays NaN, and a subnormal number is its own tanh.
 */
export function tanh(x: number): number {
  const y = Math.min(Math.max(x, -c.tanhLimit), c.tanhLimit);
  // Below 2⁻³⁰ x² changes nothing, but its square would be subnormal.
  const v = Math.max(Math.abs(y), tanhLinear);
  const u = fround(v * v);
  const w = fround(u * u);
  let p = fround(c.tanhP2 + fround(u * fround(c.tanhP3 + fround(u * c.tanhP4))));
  p = fround(c.tanhP0 + fround(fround(u * c.tanhP1) + fround(w * p)));
  let q = fround(c.tanhQ2 + fround(u * fround(c.tanhQ3 + u)));
  q = fround(c.tanhP0 + fround(fround(u * c.tanhQ1) + fround(w * q)));
  return fround(fround(y * p) / q);
}

/**
 * ln x: x = 2^k (1 + f) with 1 + f from √½ to √2, ln(1 + f) = f − f²/2 + s (f²/2 + R(s²)), s = f/(2 + f) (as FreeBSD's
 * e_logf.c), relative error ≤ 8.16e-8. ±0 give −∞, negative numbers NaN; subnormal numbers have their logarithm. NaN
 * stays NaN.
 */
export function log(x: number): number {
  if (!(x > 0 && x < Number.POSITIVE_INFINITY)) {
    return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  }
  const subnormal = x < smallestNormal;
  floats[0] = subnormal ? x * 8388608 : x;
  const i = (bits[0] - rootHalfBits) | 0;
  bits[0] = (i & 0x7fffff) + rootHalfBits;
  const k = (i >> 23) - (subnormal ? 23 : 0);
  const f = fround(floats[0] - 1);
  const s = fround(f / fround(2 + f));
  const z = fround(s * s);
  const r = fround(z * fround(fround(z * fround(fround(z * c.log3) + c.log2)) + c.log1));
  const h = fround(fround(0.5 * f) * f);
  const low = fround(fround(s * fround(h + r)) + fround(k * c.ln2Low));
  return fround(fround(k * c.ln2High) - fround(fround(h - low) - f));
}

/**
 * ln(1 + e^x) = max(x, 0) + ln(1 + e), e = e^−|x|, where ln(1 + e) = ln(u) e / (u − 1) with u = 1 + e as it is rounded (Kahan;
 * Goldberg 1991, theorem 4), relative error ≤ 2.4e-7. Below −86.9899 it is +0: no result is subnormal. NaN stays NaN.
 */
export function softplus(x: number): number {
  const e = exp(-Math.abs(x));
  const u = fround(1 + e);
  const d = fround(u - 1);
  const soft = d > 0 ? fround(log(u) * fround(e / d)) : e;
  return fround((x > 0 ? x : 0) + soft);
}

/** x, or +0 where |x| < 2⁻⁶⁰; NaN stays NaN. */
export function flush(x: number): number {
  return x < smallest && x > -smallest ? 0 : x;
}
