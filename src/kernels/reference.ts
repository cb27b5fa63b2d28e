import { halfLogTwoPi, leastDeviation } from './density.js';
import * as float32 from './functions.js';
import type { Address, Kernels } from './kernels.js';
import { bufferBacking, createArena } from './memory.js';
import { eachPanel, packedColumns } from './packed.js';

/** The arithmetic that the reference is written in. */
export interface Arithmetic {
  /** To the nearest number of the precision. Stores into the arena round sums by themselves; products need it. */
  round(x: number): number;
  /** The law of small numbers: below 2⁻⁶⁰ in magnitude is +0. */
  flush(x: number): number;
  /** The same for an optimizer moment, at 2⁻¹²⁰. */
  flushMoment(x: number): number;
  /** And for a second moment, which is not negative. */
  flushSecond(x: number): number;
  exp(x: number): number;
  log(x: number): number;
  softplus(x: number): number;
  tanh(x: number): number;
  sigmoid(x: number): number;
}

const tiniestMoment = 2 ** -120;

const singlePrecision: Arithmetic = {
  round: Math.fround,
  flushMoment: x => (Math.abs(x) < tiniestMoment ? 0 : x),
  flushSecond: x => (x < tiniestMoment ? 0 : x),
  ...float32,
};

/** On `Math.*`, so outside the law of bits: for gradient checks. */
const doublePrecision: Arithmetic = {
  round: x => x,
  flush: x => x,
  flushMoment: x => x,
  flushSecond: x => x,
  exp: Math.exp,
  log: Math.log,
  softplus: x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  tanh: Math.tanh,
  sigmoid: x => 1 / (1 + Math.exp(-x)),
};

/** For what is written in TypeScript alone, beside the kernels: float32, or float64 where these are the ruler of gradient checks. */
export function arithmeticOf({ name }: Pick<Kernels, 'name'>): Arithmetic {
  return name === 'float64' ? doublePrecision : singlePrecision;
}

const interleaved = 16;

/**
 * The kernels in TypeScript. In float32 they give the bits of the SIMD module, and serve where SIMD is missing; in float64
 * they are the ruler of gradient checks.
 */
export function createReference(precision: 'float32' | 'float64'): Kernels {
  const single = precision === 'float32';
  const { round, flush, flushMoment, flushSecond, exp, log, softplus, tanh, sigmoid } = single
    ? singlePrecision
    : doublePrecision;
  const arena = createArena(bufferBacking(precision));

  /** The sum of n terms by the rule for whole tensors. */
  const sum = (n: number, term: (i: number) => number): number => {
    const partial = new Array<number>(interleaved).fill(0);
    for (let i = 0; i < n; i++) partial[i % interleaved] = round(partial[i % interleaved] + term(i));
    let total = 0;
    for (const value of partial) total = round(total + value);
    return total;
  };

  /** x within ±most; NaN stays. */
  const within = (x: number, most: number): number => {
    const below = most < x ? most : x;
    return below < -most ? -most : below;
  };

  const padded = (n: number): number => (n + 3) & ~3;

  /** The largest of n numbers; NaN is passed over. */
  const largest = (o: Address, n: number): number => {
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n; i++) if (arena.floats[o + i] > max) max = arena.floats[o + i];
    return max;
  };

  const eachRow = (rows: number, n: number, visit: (row: number, i: number) => void): void => {
    for (let row = 0; row < rows; row++) for (let i = 0; i < n; i++) visit(row, i);
  };

  const addOuter: Kernels['addOuter'] = (x, xStride, d, dStride, w, rows, k, n) => {
    const m = arena.floats;
    eachPanel(k, n, (start, width, at) => {
      for (let row = 0; row < rows; row++) {
        const delta = d + row * dStride + start;
        for (let i = 0; i < k; i++) {
          const value = m[x + row * xStride + i];
          const weights = w + at + i * width;
          for (let j = 0; j < width; j++) m[weights + j] += round(value * m[delta + j]);
        }
      }
    });
  };

  return {
    name: single ? 'reference' : 'float64',
    arena,

    load(from, to, n) {
      const m = arena.floats;
      let bad = -1;
      for (let i = 0; i < n; i++) {
        const x = m[from + i];
        if (bad < 0 && !Number.isFinite(x)) bad = i;
        m[to + i] = flush(x);
      }
      m.fill(0, to + n, to + padded(n));
      return bad;
    },

    copy(from, to, n) {
      arena.floats.copyWithin(to, from, from + n);
    },

    clear(to, n) {
      arena.floats.fill(0, to, to + n);
    },

    setRows(y, yStride, rows, from, n) {
      for (let row = 0; row < rows; row++) arena.floats.copyWithin(y + row * yStride, from, from + n);
    },

    multiply(x, xStride, w, y, yStride, rows, k, n) {
      const m = arena.floats;
      eachPanel(k, n, (start, width, at) => {
        for (let row = 0; row < rows; row++) {
          const out = y + row * yStride + start;
          for (let i = 0; i < k; i++) {
            const value = m[x + row * xStride + i];
            const weights = w + at + i * width;
            for (let j = 0; j < width; j++) m[out + j] += round(value * m[weights + j]);
          }
        }
      });
    },

    addRow(w, index, y, k, n) {
      const m = arena.floats;
      eachPanel(k, n, (start, width, at) => {
        for (let j = 0; j < width; j++) m[y + start + j] += m[w + at + index * width + j];
      });
    },

    transpose(w, wt, k, n) {
      const m = arena.floats;
      const columns = padded(k);
      const from = packedColumns(k, n);
      const to = packedColumns(n, columns);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < columns; j++) {
          m[wt + to.places[j] + i * to.strides[j]] = j < k ? m[w + from.places[i] + j * from.strides[i]] : 0;
        }
      }
    },

    outer(x, xStride, d, dStride, w, rows, k, n) {
      arena.floats.fill(0, w, w + k * n);
      addOuter(x, xStride, d, dStride, w, rows, k, n);
    },

    addOuter,

    addToRow(d, w, index, k, n) {
      const m = arena.floats;
      eachPanel(k, n, (start, width, at) => {
        for (let j = 0; j < width; j++) m[w + at + index * width + j] += m[d + start + j];
      });
    },

    sumRows(d, dStride, b, rows, n) {
      const m = arena.floats;
      m.fill(0, b, b + n);
      eachRow(rows, n, (row, i) => {
        m[b + i] += m[d + row * dStride + i];
      });
    },

    times(a, b, y, n) {
      const m = arena.floats;
      for (let i = 0; i < n; i++) m[y + i] = m[a + i] * m[b + i];
    },

    addTimes(a, b, y, n) {
      const m = arena.floats;
      for (let i = 0; i < n; i++) m[y + i] += round(m[a + i] * m[b + i]);
    },

    sumSquares(a, n) {
      return sum(n, i => {
        const value = flush(arena.floats[a + i]);
        return round(value * value);
      });
    },

    clamp(a, n, limit) {
      const m = arena.floats;
      const most = round(limit);
      let beyond = 0;
      for (let i = 0; i < n; i++) {
        if (Math.abs(m[a + i]) > most) beyond = 1;
        m[a + i] = within(m[a + i], most);
      }
      return beyond;
    },

    elmanTanh(a, aStride, b, h, hStride, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, i) => {
        m[h + row * hStride + i] = flush(tanh(round(m[a + row * aStride + i] + m[b + i])));
      });
    },

    elmanTanhBackward(dh, dhStride, h, hStride, d, dStride, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, i) => {
        const value = m[h + row * hStride + i];
        const slope = round(1 - round(value * value));
        m[d + row * dStride + i] = flush(round(m[dh + row * dhStride + i] * slope));
      });
    },

    elmanRelu(a, aStride, b, h, hStride, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, i) => {
        const value = round(m[a + row * aStride + i] + m[b + i]);
        m[h + row * hStride + i] = flush(value < 0 ? 0 : value);
      });
    },

    elmanReluBackward(dh, dhStride, h, hStride, d, dStride, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, i) => {
        m[d + row * dStride + i] = m[h + row * hStride + i] > 0 ? flush(m[dh + row * dhStride + i]) : 0;
      });
    },

    lstm(a, aStride, b, c0, c, s, h, stride, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, j) => {
        const gates = a + row * aStride + j;
        const at = row * stride + j;
        const i = sigmoid(round(m[gates] + m[b + j]));
        const f = sigmoid(round(m[gates + n] + m[b + n + j]));
        const g = tanh(round(m[gates + 2 * n] + m[b + 2 * n + j]));
        const o = sigmoid(round(m[gates + 3 * n] + m[b + 3 * n + j]));
        const cell = flush(round(round(f * m[c0 + at]) + round(i * g)));
        const squashed = tanh(cell);
        m[gates] = i;
        m[gates + n] = f;
        m[gates + 2 * n] = g;
        m[gates + 3 * n] = o;
        m[c + at] = cell;
        m[s + at] = squashed;
        m[h + at] = flush(round(o * squashed));
      });
    },

    lstmBackward(dh, dc, a, aStride, c0, s, stride, d, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, j) => {
        const gates = a + row * aStride + j;
        const deltas = d + row * aStride + j;
        const at = row * stride + j;
        const i = m[gates];
        const f = m[gates + n];
        const g = m[gates + 2 * n];
        const o = m[gates + 3 * n];
        const squashed = m[s + at];
        const dhj = m[dh + at];
        const slope = round(1 - round(squashed * squashed));
        const delta = round(m[dc + at] + round(round(dhj * o) * slope));
        m[deltas] = flush(round(round(delta * g) * round(i * round(1 - i))));
        m[deltas + n] = flush(round(round(delta * m[c0 + at]) * round(f * round(1 - f))));
        m[deltas + 2 * n] = flush(round(round(delta * i) * round(1 - round(g * g))));
        m[deltas + 3 * n] = flush(round(round(dhj * squashed) * round(o * round(1 - o))));
        m[dc + at] = delta * f;
      });
    },

    gru(a, aStride, b, h0, h, stride, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, j) => {
        const gates = a + row * aStride + j;
        const at = row * stride + j;
        const r = sigmoid(round(m[gates + n] + m[b + j]));
        const z = sigmoid(round(m[gates + 2 * n] + m[b + n + j]));
        const hidden = round(m[gates + 3 * n] + m[b + 2 * n + j]);
        const x = tanh(round(m[gates] + round(r * hidden)));
        m[gates] = x;
        m[gates + n] = r;
        m[gates + 2 * n] = z;
        m[gates + 3 * n] = hidden;
        m[h + at] = flush(round(round(round(1 - z) * x) + round(z * m[h0 + at])));
      });
    },

    gruBackward(dh, dh0, a, aStride, h0, stride, d, rows, n) {
      const m = arena.floats;
      eachRow(rows, n, (row, j) => {
        const gates = a + row * aStride + j;
        const deltas = d + row * aStride + j;
        const at = row * stride + j;
        const x = m[gates];
        const r = m[gates + n];
        const z = m[gates + 2 * n];
        const hidden = m[gates + 3 * n];
        const dhj = m[dh + at];
        const keep = round(1 - z);
        const dx = round(round(dhj * keep) * round(1 - round(x * x)));
        m[deltas] = flush(dx);
        m[deltas + n] = flush(round(round(dx * hidden) * round(r * round(1 - r))));
        m[deltas + 2 * n] = flush(round(round(dhj * round(m[h0 + at] - x)) * round(z * keep)));
        m[deltas + 3 * n] = flush(round(dx * r));
        m[dh0 + at] += round(dhj * z);
      });
    },

    softmax(o, p, stride, rows, n) {
      const m = arena.floats;
      for (let row = 0; row < rows; row++) {
        const from = o + row * stride;
        const to = p + row * stride;
        const max = largest(from, n);
        for (let i = 0; i < n; i++) m[to + i] = exp(round(m[from + i] - max));
        m.fill(0, to + n, to + padded(n));
        const total = sum(n, i => m[to + i]);
        for (let i = 0; i < n; i++) m[to + i] /= total;
      }
    },

    sigmoid(o, p, stride, rows, n) {
      const m = arena.floats;
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < n; i++) m[p + row * stride + i] = sigmoid(m[o + row * stride + i]);
        m.fill(0, p + row * stride + n, p + row * stride + padded(n));
      }
    },

    crossEntropy(o, target, n) {
      const m = arena.floats;
      const max = largest(o, n);
      const total = sum(n, i => exp(round(m[o + i] - max)));
      return round(log(total) + round(max - m[o + target]));
    },

    binaryCrossEntropy(o, y, n) {
      const m = arena.floats;
      return sum(n, i => {
        const value = m[o + i];
        const positive = value < 0 ? 0 : value;
        const soft = log(round(1 + exp(-Math.abs(value))));
        return round(round(positive - round(value * m[y + i])) + soft);
      });
    },

    squaredError(o, y, n) {
      const m = arena.floats;
      const total = sum(n, i => {
        const difference = round(m[o + i] - m[y + i]);
        return round(difference * difference);
      });
      return round(0.5 * total);
    },

    huber(o, y, n, delta) {
      const m = arena.floats;
      const most = round(delta);
      return sum(n, i => {
        const a = Math.abs(round(m[o + i] - m[y + i]));
        const c = most < a ? most : a;
        return round(c * round(a - round(0.5 * c)));
      });
    },

    huberBackward(o, y, d, n, delta, scale) {
      const m = arena.floats;
      const [most, factor] = [round(delta), round(scale)];
      for (let i = 0; i < n; i++) m[d + i] = flush(round(within(round(m[o + i] - m[y + i]), most) * factor));
      m.fill(0, d + n, d + padded(n));
    },

    gaussian(o, p, stride, rows, n) {
      const m = arena.floats;
      for (let row = 0; row < rows; row++) {
        const [from, to] = [o + row * stride, p + row * stride];
        for (let i = 0; i < n; i++) {
          m[to + i] = m[from + i];
          m[to + n + i] = softplus(m[from + n + i]) + leastDeviation;
        }
        m.fill(0, to + 2 * n, to + padded(2 * n));
      }
    },

    gaussianLoss(o, y, n) {
      const m = arena.floats;
      const constant = round(halfLogTwoPi);
      return sum(n, i => {
        const deviation = round(softplus(m[o + n + i]) + leastDeviation);
        const z = round(round(m[o + i] - m[y + i]) / deviation);
        return round(round(log(deviation) + constant) + round(0.5 * round(z * z)));
      });
    },

    gaussianBackward(o, p, y, d, n, scale) {
      const m = arena.floats;
      const factor = round(scale);
      for (let i = 0; i < n; i++) {
        const deviation = m[p + n + i];
        const z = round(round(m[p + i] - m[y + i]) / deviation);
        m[d + i] = flush(round(round(z / deviation) * factor));
        const slope = round(round(1 - round(z * z)) / deviation);
        m[d + n + i] = flush(round(round(slope * sigmoid(m[o + n + i])) * factor));
      }
      m.fill(0, d + 2 * n, d + padded(2 * n));
    },

    difference(p, y, d, n, scale) {
      const m = arena.floats;
      const factor = round(scale);
      for (let i = 0; i < n; i++) m[d + i] = flush(round(round(m[p + i] - m[y + i]) * factor));
      m.fill(0, d + n, d + padded(n));
    },

    sgd(w, g, m0, n, scale, rate, momentum) {
      const m = arena.floats;
      const [s, r, u] = [round(scale), round(rate), round(momentum)];
      for (let i = 0; i < n; i++) {
        let move = round(flush(m[g + i]) * s);
        if (u !== 0) {
          move = flushMoment(round(round(u * m[m0 + i]) + move));
          m[m0 + i] = move;
        }
        m[w + i] -= round(r * move);
      }
    },

    adam(w, g, m0, v0, n, scale, rate, beta1, beta2, root, epsilon, keep) {
      const m = arena.floats;
      const [s, r, b1, b2, k, e, kept] = [scale, rate, beta1, beta2, root, epsilon, keep].map(round);
      const [c1, c2] = [round(1 - beta1), round(1 - beta2)];
      for (let i = 0; i < n; i++) {
        const slope = round(flush(m[g + i]) * s);
        let first = slope;
        if (beta1 !== 0) {
          first = flushMoment(round(round(b1 * m[m0 + i]) + round(c1 * slope)));
          m[m0 + i] = first;
        }
        const second = flushSecond(round(round(b2 * m[v0 + i]) + round(c2 * round(slope * slope))));
        m[v0 + i] = second;
        const scaled = round(round(round(Math.sqrt(second)) * k) + e);
        m[w + i] = round(m[w + i] * kept) - round(round(r * first) / scaled);
      }
    },

    adagrad(w, g, v0, n, scale, rate, epsilon) {
      const m = arena.floats;
      const [s, r, e] = [scale, rate, epsilon].map(round);
      for (let i = 0; i < n; i++) {
        const slope = round(flush(m[g + i]) * s);
        m[v0 + i] += round(slope * slope);
        m[w + i] -= round(round(r * slope) / round(round(Math.sqrt(m[v0 + i])) + e));
      }
    },
  };
}
