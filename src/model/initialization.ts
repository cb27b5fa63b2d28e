import type { CellKind } from '../cells/cell.js';
import type { Random } from '../random.js';

/**
 * How a layer's weights are drawn. H: units of the layer; K: its inputs, all of the tokens counting as one.
 *
 * - `pytorch`: all four tensors uniform on ±1/√H (as PyTorch `nn.RNN`, `nn.GRU`, `nn.LSTM`).
 * - `orthogonal`: each H × H block of W_hh a random orthogonal matrix (Saxe et al. 2014; normal draws, then modified
 *   Gram-Schmidt), inputs uniform on ±√(6 / (K + H)) (Glorot and Bengio 2010), the rows of tokens standard normal (as PyTorch
 *   `nn.Embedding`: one row stands for the whole product), biases 0, the LSTM's forget bias 1 (Jozefowicz et al. 2015).
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

/** A random orthogonal matrix (size × size), row-major. */
function orthogonal(random: Random, size: number): Float64Array {
  const rows: Float64Array[] = [];
  while (rows.length < size) {
    const row = Float64Array.from({ length: size }, () => random.normal());
    // Twice is enough (Giraud et al. 2005): the second pass takes what rounding left.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows) {
        const along = dot(row, other);
        for (let i = 0; i < size; i++) row[i] -= along * other[i];
      }
    }
    const length = Math.sqrt(dot(row, row));
    if (length > 1e-6) rows.push(row.map(value => value / length));
  }
  const all = new Float64Array(size * size);
  rows.forEach((row, i) => {
    all.set(row, i * size);
  });
  return all;
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
