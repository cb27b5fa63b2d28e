// The numeric functions on float64, made of + − × ÷ only, as functions.ts has them on float32: for tables, and where many terms
// are summed. Errors: test/kernels/double.test.ts.

const one = new Float64Array(1);
const words = new Uint32Array(one.buffer);
one[0] = 1;
/** Which of the two words has the exponent. */
const high = words[1] === 0 ? 0 : 1;

/** ln 2 in two parts: the first has 32 bits, so that its product with an exponent is exact. */
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;

/** 2ⁿ for n from −1022 to 1023. */
function powerOfTwo(n: number): number {
  words[1 - high] = 0;
  words[high] = (n + 1023) << 20;
  return one[0];
}

/**
 * e^x = 2ⁿ e^r with |r| ≤ ½ ln 2, e^r by its series. Relative error ≤ 4e-16. Above 709.78 it is +∞, below −708 +0: no result is
 * subnormal. NaN stays NaN.
 */
export function exp(x: number): number {
  if (!(x >= -708)) return x < -708 ? 0 : Number.NaN;
  if (x > 709.78) return Number.POSITIVE_INFINITY;
  const n = Math.floor(x / Math.LN2 + 0.5);
  const r = x - n * ln2High - n * ln2Low;
  let sum = 1;
  for (let k = 14; k >= 1; k--) sum = 1 + (r * sum) / k;
  // 2^1024 is no number, 2^1023 · 2 is.
  return n > 1023 ? sum * powerOfTwo(1023) * 2 : sum * powerOfTwo(n);
}

/**
 * ln x: x = 2^k m with m from √½ to √2, ln m = 2 artanh((m − 1)/(m + 1)) by its series. Error ≤ 4e-16 of the larger of |ln x| and
 * 1e-3. ±0 give −∞, negative numbers NaN; NaN stays NaN.
 */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  const subnormal = x < 2.2250738585072014e-308;
  one[0] = subnormal ? x * 18014398509481984 : x;
  let k = (words[high] >>> 20) - 1023 - (subnormal ? 54 : 0);
  words[high] = (words[high] & 0xfffff) | (1023 << 20);
  let m = one[0];
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  const z = (m - 1) / (m + 1);
  const square = z * z;
  let sum = 0;
  for (let j = 23; j >= 1; j -= 2) sum = sum * square + 1 / j;
  return k * ln2High + (2 * z * sum + k * ln2Low);
}

/** ln(e^a + e^b), exact where one of them is −∞. */
export function logAdd(a: number, b: number): number {
  const [more, less] = a > b ? [a, b] : [b, a];
  return less === Number.NEGATIVE_INFINITY ? more : more + log(1 + exp(less - more));
}

/** cos θ and sin θ by their series, for θ from 0 to π/4. */
function series(theta: number, sine: boolean): number {
  const square = theta * theta;
  let sum = 1;
  for (let k = sine ? 17 : 16; k >= 2; k -= 2) sum = 1 - (square * sum) / (k * (k - 1));
  return sine ? theta * sum : sum;
}

/** cos(2π k/n) of integers, n ≥ 1: brought to the first eighth of a turn without rounding. Error ≤ 2.3e-16. */
export function cosine(k: number, n: number): number {
  let eighth = ((k % n) + n) % n;
  if (2 * eighth > n) eighth = n - eighth;
  const negative = 4 * eighth > n;
  // From none to a quarter of a turn, in halves of 1/n, so that it stays an integer.
  const doubled = negative ? n - 2 * eighth : 2 * eighth;
  const value =
    4 * doubled > n ? series((Math.PI * (n - 2 * doubled)) / (2 * n), true) : series((Math.PI * doubled) / n, false);
  return negative ? -value : value;
}

/** sin(2π k/n) = cos(2π (k/n − ¼)). Error ≤ 2.3e-16. */
export function sine(k: number, n: number): number {
  return cosine(4 * k - n, 4 * n);
}
