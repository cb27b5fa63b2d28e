import type { Cell } from './cell.js';

/**
 * The gated recurrent unit with the reset gate after the product, as PyTorch `nn.GRU` (Cho et al. 2014; the variant of
 * cuDNN, `reset_after` in Keras):
 *
 *   r = σ(W_ir x + b_ir + W_hr h + b_hr)      z likewise
 *   x̂ = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))
 *   h(t) = (1 − z) ∘ x̂ + z ∘ h(t − 1)
 *
 * PyTorch's gates are r, z, n. The blocks here are x (the candidate's input part), r, z, m (its hidden part): so both
 * products go to neighbouring blocks.
 */
export const gru: Cell = {
  parts: ['h'],
  blocks: 4,
  gates: { reset: 1, update: 2, candidate: 0 },
  inputOrder: [2, 0, 1],
  hiddenOrder: [0, 1, 2],
  inputBlock: 0,
  hiddenBlock: 1,

  forward(k, { n, gates, h, lead }, biasHidden, step, previous, count) {
    k.gru(gates + step * 4 * n, 4 * n, biasHidden, h + previous * n, h + (lead + step) * n, n, count, n);
  },

  backward(k, { n, gates, h, lead }, gradients, step, previous, count) {
    const row = step * 4 * n;
    const dh = gradients.h + (lead + step) * n;
    k.gruBackward(
      dh,
      gradients.h + previous * n,
      gates + row,
      4 * n,
      h + previous * n,
      n,
      gradients.gates + row,
      count,
      n,
    );
  },
};
