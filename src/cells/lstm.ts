import type { Cell } from './cell.js';

/**
 * The long short-term memory with a forget gate, as PyTorch `nn.LSTM` (Hochreiter and Schmidhuber 1997; Gers et al. 2000):
 *
 *   i = σ(W_ii x + b_ii + W_hi h + b_hi)      f, o likewise
 *   g = tanh(W_ig x + b_ig + W_hg h + b_hg)
 *   c(t) = f ∘ c(t − 1) + i ∘ g               h(t) = o ∘ tanh(c(t))
 *
 * Gates in PyTorch's order: i, f, g, o.
 */
export const lstm: Cell = {
  parts: ['h', 'c'],
  blocks: 4,
  gates: { input: 0, forget: 1, candidate: 2, output: 3 },
  inputOrder: [0, 1, 2, 3],
  hiddenOrder: [0, 1, 2, 3],
  inputBlock: 0,
  hiddenBlock: 0,

  forward(k, { n, gates, h, c, squashed, lead }, biasHidden, step, previous, count) {
    const state = (lead + step) * n;
    k.lstm(
      gates + step * 4 * n,
      4 * n,
      biasHidden,
      c + previous * n,
      c + state,
      squashed + step * n,
      h + state,
      n,
      count,
      n,
    );
  },

  backward(k, { n, gates, c, squashed, lead }, gradients, step, previous, count) {
    const row = step * 4 * n;
    const dh = gradients.h + (lead + step) * n;
    k.lstmBackward(
      dh,
      gradients.c,
      gates + row,
      4 * n,
      c + previous * n,
      squashed + step * n,
      n,
      gradients.gates + row,
      count,
      n,
    );
  },
};
