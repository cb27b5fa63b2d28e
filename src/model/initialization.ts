import type { CellKind } from '../cells/cell.js';
import type { Random } from '../random.js';

/**
 * How a layer's weights are drawn. H: units of the layer; K: its inputs, all of the tokens counting as one.
 *
 * - `pytorch`: all four tensors uniform on ±1/√H (as PyTorch `nn.RNN`, `nn.GRU`, `nn.LSTM`).
 * - `orthogonal`: each H × H block of W_hh a random orthogonal matrix (Saxe et al. 2014), inputs uniform on ±√(6 / (K + H)) (Glorot
 *   and Bengio 2010), the rows of tokens standard normal (as PyTorch `nn.Embedding`: one row stands for the whole product),
 *   biases 0, the LSTM's forget bias 1 (Jozefowicz et al. 2015).
 * - `irnn`: W_hh = I, biases 0, inputs normal with standard deviation 0.001 (Le et al. 2015).
 * - `np-rnn`: A = RᵀR / H with R normal, W_hh = (A + I) / λmax(A + I), λmax by 64 power iterations; biases 0 (Talathi and Vartak
 *   2015); inputs and tokens as in `orthogonal`.
 *
 * The readout is always drawn uniform on ±1/√(its inputs), weights and biases, as PyTorch `nn.Linear`.
 */
export type Initialization = 'pytorch' | 'orthogonal' | 'irnn' | 'np-rnn';

/** The initializations that a cell may have; the first is its default. */
export function initializationsOf(cell: CellKind): readonly Initialization[] {
  return cell === 'rnn_relu' ? ['np-rnn', 'irnn', 'pytorch', 'orthogonal'] : ['orthogonal', 'pytorch'];
}

/** The four tensors of a layer, row-major, as PyTorch has them. */
export interface LayerTensors {
  /** (gates · H × K) */
  readonly weightInput: Float32Array;
  /** (gates · H × H) */
  readonly weightHidden: Float32Array;
  /** (gates · H) */
  readonly biasInput: Float32Array;
  readonly biasHidden: Float32Array;
}

const powerIterations = 64;

/** A layer to draw. */
export interface LayerShape {
  readonly cell: CellKind;
  readonly initialization: Initialization;
  /** Columns of `weight_ih`; the first `tokens` of them belong to tokens. */
  readonly inputs: number;
  readonly tokens: number;
  /** H. */
  readonly size: number;
  readonly gates: number;
}

export function drawLayer(random: Random, shape: LayerShape): LayerTensors {
  const { cell, initialization, inputs, size, gates } = shape;
  const weightInput = new Float32Array(gates * size * inputs);
  const weightHidden = new Float32Array(gates * size * size);
  const biasInput = new Float32Array(gates * size);
  const biasHidden = new Float32Array(gates * size);
  if (initialization === 'pytorch') {
    const bound = 1 / Math.sqrt(size);
    for (const tensor of [weightInput, weightHidden, biasInput, biasHidden]) fillUniform(random, tensor, bound);
  } else if (initialization === 'orthogonal') {
    fillInputs(random, weightInput, shape);
    for (let gate = 0; gate < gates; gate++) weightHidden.set(orthogonal(random, size), gate * size * size);
    if (cell === 'lstm') biasInput.fill(1, size, 2 * size);
  } else if (initialization === 'irnn') {
    for (let i = 0; i < weightInput.length; i++) weightInput[i] = 0.001 * random.normal();
    for (let i = 0; i < size; i++) weightHidden[i * size + i] = 1;
  } else {
    fillInputs(random, weightInput, shape);
    weightHidden.set(normalizedPositive(random, size));
  }
  return { weightInput, weightHidden, biasInput, biasHidden };
}

/** Rows of (tokens, standard normal; other inputs, uniform on ±√(6 / (K + H))). */
function fillInputs(random: Random, tensor: Float32Array, { inputs, tokens, size }: LayerShape): void {
  const bound = Math.sqrt(6 / (inputs - tokens + Math.min(tokens, 1) + size));
  for (let i = 0; i < tensor.length; i++) {
    tensor[i] = i % inputs < tokens ? random.normal() : (2 * random.uniform() - 1) * bound;
  }
}

/** Uniform on ±bound. */
export function fillUniform(random: Random, tensor: Float32Array, bound: number): void {
  for (let i = 0; i < tensor.length; i++) tensor[i] = (2 * random.uniform() - 1) * bound;
}

/**
 * A random orthogonal matrix (size × size), row-major, all equally likely: Qₖ = ±(I − 2vvᵀ/vᵀv) · diag(1, Qₖ₋₁), each
 * reflection taking the first axis to a direction that is drawn (Stewart 1980; Mezzadri 2007, section 5).
 */
function orthogonal(random: Random, size: number): Float64Array {
  // Qₖ lies in the last k rows and columns. Beyond them are rows of zeros, so that there are always four to take at once.
  const q = new Float64Array((size + 3) * size);
  q[size * size - 1] = random.normal() < 0 ? -1 : 1;
  const reflections = Array.from({ length: size - 1 }, (_, i) => drawReflection(random, i + 2));
  /** vᵀ · diag(1, Qₖ₋₁), and that of the next reflection, which sums up while the rows change. */
  let [along, next] = [new Float64Array(size), new Float64Array(size)];
  if (size > 1) along[size - 1] = reflections[0].v[1] * q[size * size - 1];
  reflections.forEach(({ v, sign, scale }, i) => {
    const from = size - 2 - i;
    const u = reflections.at(i + 1)?.v ?? new Float64Array(v.length + 1);
    q[from * size + from] = 1;
    along[from] = v[0];
    next.fill(0);
    for (let k = 0; k < i + 2; k += 4) reflectRows(q, (from + k) * size, from, along, next, sign, scale, v, u, k);
    [along, next] = [next, along];
  });
  return q.subarray(0, size * size);
}

interface Reflection {
  /** With zeros behind. */
  readonly v: Float64Array;
  readonly sign: number;
  /** ±2 / vᵀv */
  readonly scale: number;
}

function drawReflection(random: Random, length: number): Reflection {
  const v = new Float64Array(length + 3);
  for (let i = 0; i < length; i++) v[i] = random.normal();
  const sign = v[0] < 0 ? 1 : -1;
  v[0] -= sign * Math.sqrt(dot(v, v));
  return { v, sign, scale: (2 * sign) / dot(v, v) };
}

/** Four rows of Q at `row`, the first of them the k-th of the reflection: Q ← ±Q − scale · v · along, next += u · Q. */
function reflectRows(
  q: Float64Array,
  row: number,
  from: number,
  along: Float64Array,
  next: Float64Array,
  sign: number,
  scale: number,
  v: Float64Array,
  u: Float64Array,
  k: number,
): void {
  const size = along.length;
  const [row1, row2, row3] = [row + size, row + 2 * size, row + 3 * size];
  const [v0, v1, v2, v3] = [scale * v[k], scale * v[k + 1], scale * v[k + 2], scale * v[k + 3]];
  const [u0, u1, u2, u3] = [u[k + 1], u[k + 2], u[k + 3], u[k + 4]];
  for (let j = from; j < size; j++) {
    const w = along[j];
    const x0 = sign * q[row + j] - v0 * w;
    const x1 = sign * q[row1 + j] - v1 * w;
    const x2 = sign * q[row2 + j] - v2 * w;
    const x3 = sign * q[row3 + j] - v3 * w;
    q[row + j] = x0;
    q[row1 + j] = x1;
    q[row2 + j] = x2;
    q[row3 + j] = x3;
    next[j] = next[j] + u0 * x0 + u1 * x1 + u2 * x2 + u3 * x3;
  }
}

/** (A + I) / λmax(A + I), A = RᵀR / size. */
function normalizedPositive(random: Random, size: number): Float64Array {
  const r = Float64Array.from({ length: size * size }, () => random.normal());
  const a = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let i = 0; i < size; i++) {
      const value = r[row * size + i] / size;
      for (let j = 0; j < size; j++) a[i * size + j] += value * r[row * size + j];
    }
  }
  for (let i = 0; i < size; i++) a[i * size + i] += 1;
  let vector = new Float64Array(size).fill(1);
  let largest = 1;
  for (let n = 0; n < powerIterations; n++) {
    const next = new Float64Array(size);
    for (let i = 0; i < size; i++) next[i] = dot(a.subarray(i * size, (i + 1) * size), vector);
    largest = Math.sqrt(dot(next, next) / dot(vector, vector));
    const length = Math.sqrt(dot(next, next));
    vector = next.map(value => value / length);
  }
  return a.map(value => value / largest);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
