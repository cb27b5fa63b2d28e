import type { Imported } from '../../src/interchange/imported.js';

/** What a naive stream remembers: h of each layer, and c where the cell has one, in float64. */
export interface NaiveState {
  readonly h: readonly (readonly number[])[];
  readonly c: readonly (readonly number[])[];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Row r of a row-major matrix times x. */
function product(matrix: Float32Array, row: number, x: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += matrix[row * x.length + k] * x[k];
  return sum;
}

/**
 * The cells as PyTorch's documentation writes them (`nn.RNN`, `nn.GRU`, `nn.LSTM`), in float64, one output at a time:
 * slow, short, and written apart from the library, as a second opinion.
 */
export function createNaiveRnn({ config, weights }: Imported) {
  const zero = (): NaiveState => ({
    h: config.layers.map(({ size }) => new Array(size).fill(0)),
    c: config.layers.map(({ cell, size }) => new Array(cell === 'lstm' ? size : 0).fill(0)),
  });

  function layer(l: number, x: readonly number[], h: readonly number[], c: readonly number[]) {
    const { cell, size } = config.layers[l];
    const inputPart = (row: number) => product(weights[`weight_ih_l${l}`], row, x) + weights[`bias_ih_l${l}`][row];
    const hiddenPart = (row: number) => product(weights[`weight_hh_l${l}`], row, h) + weights[`bias_hh_l${l}`][row];
    const both = (row: number) => inputPart(row) + hiddenPart(row);
    const nextH: number[] = [];
    const nextC: number[] = [];
    for (let j = 0; j < size; j++) {
      if (cell === 'rnn_tanh') nextH.push(Math.tanh(both(j)));
      else if (cell === 'rnn_relu') nextH.push(Math.max(0, both(j)));
      else if (cell === 'gru') {
        const r = sigmoid(both(j));
        const z = sigmoid(both(size + j));
        const n = Math.tanh(inputPart(2 * size + j) + r * hiddenPart(2 * size + j));
        nextH.push((1 - z) * n + z * h[j]);
      } else {
        const i = sigmoid(both(j));
        const f = sigmoid(both(size + j));
        const g = Math.tanh(both(2 * size + j));
        const o = sigmoid(both(3 * size + j));
        nextC.push(f * c[j] + i * g);
        nextH.push(o * Math.tanh(nextC[j]));
      }
    }
    return { h: nextH, c: nextC };
  }

  function readOut(h: readonly number[]): number[] {
    const logits = Array.from(
      weights['readout.bias'],
      (bias, row) => bias + product(weights['readout.weight'], row, h),
    );
    if (config.output.kind === 'values') return logits;
    if (config.output.kind === 'labels') return logits.map(sigmoid);
    const largest = Math.max(...logits);
    const powers = logits.map(o => Math.exp(o - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map(p => p / sum);
  }

  function step(state: NaiveState, input: ArrayLike<number> | number) {
    let x: readonly number[] =
      typeof input === 'number'
        ? Array.from({ length: config.input.size }, (_, i) => (i === input ? 1 : 0))
        : Array.from(input);
    const h: number[][] = [];
    const c: number[][] = [];
    for (let l = 0; l < config.layers.length; l++) {
      const next = layer(l, x, state.h[l], state.c[l]);
      h.push(next.h);
      c.push(next.c);
      x = next.h;
    }
    return { prediction: readOut(x), state: { h, c } as NaiveState };
  }

  return { zero, step };
}
