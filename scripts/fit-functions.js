// Fits the coefficients of src/kernels/coefficients.ts and prints that file (some ten seconds):
//
//   node scripts/fit-functions.js > src/kernels/coefficients.ts
//
// Each fit minimises the largest relative error with Lawson's iteration (C. L. Lawson, thesis, UCLA 1961): weighted least
// squares at Chebyshev points, each weight multiplied by the error it left. Double precision; what is printed is float32.

const { fround } = Math;
const points = 200;
const iterations = 150;

// Where the fit of tanh ends. Its error is below 2e-8 for any end near 8; what the float32 evaluation adds depends on how
// the coefficients happen to round, so this is the end, of all from 7.5 to 8.05 in steps of 0.001, whose largest error
// over every float32 number is least.
const tanhRange = 7.733;
// P(0) = Q(0). Q is divided by its last coefficient, which is fixed at 2^-20 for that to be a power of 2.
const tanhScale = 2 ** 20;

/** Solves min ‖A c − b‖ by Householder reflections. `rows` is A | b, and is used up. */
function leastSquares(rows) {
  const n = rows[0].length - 1;
  for (let j = 0; j < n; j++) {
    let norm = 0;
    for (let i = j; i < rows.length; i++) norm += rows[i][j] * rows[i][j];
    norm = rows[j][j] > 0 ? -Math.sqrt(norm) : Math.sqrt(norm);
    const v = rows.map((row, i) => (i < j ? 0 : i === j ? row[j] - norm : row[j]));
    const square = v.reduce((sum, a) => sum + a * a, 0);
    for (let k = j; k <= n; k++) {
      let dot = 0;
      for (let i = j; i < rows.length; i++) dot += v[i] * rows[i][k];
      dot *= 2 / square;
      for (let i = j; i < rows.length; i++) rows[i][k] -= dot * v[i];
    }
  }
  const c = new Array(n).fill(0);
  for (let j = n - 1; j >= 0; j--) {
    let sum = rows[j][n];
    for (let k = j + 1; k < n; k++) sum -= rows[j][k] * c[k];
    c[j] = sum / rows[j][j];
  }
  return c;
}

/** Minimises the largest |Σ cₖ φₖ(x) − target(x)| · scale(x) over the points; `known` coefficients stay as they are. */
function lawson(xs, basis, target, scale, known) {
  let weights = xs.map(() => 1 / xs.length);
  let best = { error: Number.POSITIVE_INFINITY, c: known };
  for (let i = 0; i < iterations; i++) {
    const rows = xs.map((x, j) => {
      const phi = basis(x);
      const w = Math.sqrt(weights[j]) * scale(x, j);
      const rest = known.reduce((sum, c, k) => sum - c * phi[k], target(x));
      return [...phi.slice(known.length), rest].map(value => value * w);
    });
    const c = rows[0].length > 1 ? [...known, ...leastSquares(rows)] : known;
    const errors = xs.map((x, j) => {
      const phi = basis(x);
      return Math.abs(c.reduce((sum, a, k) => sum + a * phi[k], -target(x)) * scale(x, j));
    });
    const error = Math.max(...errors);
    if (error < best.error) best = { error, c };
    if (known.length === c.length && i > 0) break;
    weights = reweighted(weights, errors, error);
  }
  return best;
}

function reweighted(weights, errors, largest) {
  // The small addend keeps a point whose error happened to be zero in play.
  const grown = weights.map((w, j) => w * (errors[j] / largest + 1e-3));
  const sum = grown.reduce((a, b) => a + b, 0);
  return grown.map(w => w / sum);
}

/** Rounds the coefficients of a fit to float32 one at a time, the lowest degree first, the rest fitted again around it. */
function rounded(fit, count) {
  const known = [];
  for (let k = 0; k < count; k++) known.push(fround(fit(known).c[k]));
  return { c: known, error: fit(known).error };
}

const chebyshev = (low, high, n) =>
  Array.from({ length: n }, (_, i) => (low + high) / 2 - ((high - low) / 2) * Math.cos((Math.PI * (i + 0.5)) / n));

const powers = (x, from, to) => Array.from({ length: to - from + 1 }, (_, k) => x ** (from + k));

/** e^r = 1 + r + c₂ r² + … + c₆ r⁶ on ±½ ln 2. */
function fitExp() {
  const xs = chebyshev(-0.3467, 0.3467, points);
  return rounded(
    known =>
      lawson(
        xs,
        r => powers(r, 2, 6),
        r => Math.expm1(r) - r,
        r => Math.exp(-r),
        known,
      ),
    5,
  );
}

/** R = (ln((1 + s)/(1 − s)) − 2s) / s = c₁ z + c₂ z² + c₃ z³, z = s², s = f/(2 + f), 1 + f from √½ to √2. */
function fitLog() {
  const limit = 0.1717;
  const xs = chebyshev(1e-4, limit, points);
  const remainder = s => {
    let sum = 0;
    for (let k = 25; k >= 1; k--) sum = sum * s * s + 2 / (2 * k + 1);
    return sum * s * s;
  };
  return rounded(
    known =>
      lawson(
        xs,
        s => powers(s * s, 1, 3),
        remainder,
        () => 0.5,
        known,
      ),
    3,
  );
}

/** tanh x = x P(u)/Q(u), u = x², P(0) = Q(0) = 1, as P₁ … P₄, Q₁ … Q₃, with Q₄ = 1 / tanhScale. */
function fitTanh() {
  const xs = chebyshev(-tanhRange, tanhRange, 2 * points).slice(points);
  const tanh = xs.map(Math.tanh);
  const unit = tanhRange * tanhRange;
  let weights = xs.map(() => 1 / xs.length);
  let denominators = xs.map(() => 1);
  let best = { error: Number.POSITIVE_INFINITY };
  for (let i = 0; i < iterations; i++) {
    const rows = xs.map((x, j) => {
      const w = Math.sqrt(weights[j]) / (tanh[j] * denominators[j]);
      const u = powers((x * x) / unit, 1, 4);
      const rest = tanh[j] * (1 + x ** 8 / tanhScale) - x;
      return [...u.map(a => x * a), ...u.slice(0, 3).map(a => -tanh[j] * a), rest].map(value => value * w);
    });
    const c = leastSquares(rows).map((value, k) => value / unit ** ((k % 4) + 1));
    const p = [1, ...c.slice(0, 4)];
    const q = [1, ...c.slice(4), 1 / tanhScale];
    denominators = xs.map(x => horner(q, x * x));
    const errors = xs.map((x, j) => Math.abs((x * horner(p, x * x)) / denominators[j] / tanh[j] - 1));
    const error = Math.max(...errors);
    if (error < best.error) best = { error, p, q };
    weights = reweighted(weights, errors, error);
  }
  const scaled = c => c.map(a => fround(a * tanhScale));
  return { error: best.error, p: scaled(best.p), q: scaled(best.q) };
}

/** The float32 evaluation of tanh without its limits, as in src/kernels/functions.ts. */
function evaluateTanh({ p, q }, x) {
  const u = fround(x * x);
  const w = fround(u * u);
  const a = fround(p[2] + fround(u * fround(p[3] + fround(u * p[4]))));
  const b = fround(q[2] + fround(u * fround(q[3] + u)));
  const above = fround(p[0] + fround(fround(u * p[1]) + fround(w * a)));
  const below = fround(q[0] + fround(fround(u * q[1]) + fround(w * b)));
  return fround(fround(x * above) / below);
}

/** The smallest float32 from 1 on where the evaluation is 1, and the largest relative error up to there. */
function findTanhLimit(fit) {
  const x = new Float32Array([1]);
  const bits = new Int32Array(x.buffer);
  let error = 0;
  for (; ; bits[0]++) {
    const value = evaluateTanh(fit, x[0]);
    error = Math.max(error, Math.abs(value / Math.tanh(x[0]) - 1));
    if (value > 1) throw new Error(`tanh exceeds 1 at ${x[0]}`);
    if (value === 1) return { limit: x[0], error };
  }
}

function horner(c, u) {
  return c.reduceRight((sum, a) => sum * u + a, 0);
}

/** A float32 in digits that give it back, as float32 and as float64. */
function digits(value) {
  const text = String(fround(value));
  if (!text.includes('e-')) return text;
  const [mantissa, exponent] = text.split('e-');
  return `0.${'0'.repeat(Number(exponent) - 1)}${mantissa.replace('.', '')}`;
}

const exp = fitExp();
const log = fitLog();
const tanh = fitTanh();
const { limit, error } = findTanhLimit(tanh);
console.error(`fitted to: exp ${exp.error}, log ${log.error}, tanh ${tanh.error}; tanh in float32 from 1 on: ${error}`);

// ln 2 without its last 9 of 24 bits
const ln2High = Math.round(Math.LN2 * 2 ** 15) / 2 ** 15;
const line = (name, value) => `export const ${name} = ${digits(value)};`;
console.log(`// Printed by scripts/fit-functions.js. Every number is a float32; both implementations of the functions read them here.

/** 1 / ln 2, and ln 2 in two parts: the first has 15 bits, so that its product with an exponent is exact. */
${line('log2e', Math.LOG2E)}
${line('ln2High', ln2High)}
${line('ln2Low', Math.LN2 - ln2High)}

/** 1.5 · 2²³: float32 numbers of this size have no fraction, so adding it rounds to an integer, half to even. */
${line('roundToInteger', 1.5 * 2 ** 23)}

/** e^r = 1 + r + exp2 r² + … + exp6 r⁶ on ±½ ln 2. */
${exp.c.map((value, k) => line(`exp${k + 2}`, value)).join('\n')}

/** R = log1 z + log2 z² + log3 z³, z = s², with ln((1 + s)/(1 − s)) = s (2 + R), |s| ≤ 3 − √8. */
${log.c.map((value, k) => line(`log${k + 1}`, value)).join('\n')}

/** tanh x = x P(x²)/Q(x²). P(0) = Q(0) is a power of 2, so that tanh x = x near 0; the coefficient of x⁸ in Q is 1. */
${tanh.p.map((value, k) => line(`tanhP${k}`, value)).join('\n')}
${tanh.q
  .slice(1, 4)
  .map((value, k) => line(`tanhQ${k + 1}`, value))
  .join('\n')}
/** The smallest number whose float32 evaluation is 1: before it all are less, from it on tanh is 1. */
${line('tanhLimit', limit)}`);
