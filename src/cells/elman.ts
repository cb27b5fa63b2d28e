import type { Cell } from './cell.js';

/**
 * Elman's cell, h(t) = f(W_ih x(t) + b_ih + W_hh h(t − 1) + b_hh), as PyTorch `nn.RNN` (Elman 1990).
 *
 * The textbook's U is `weight_ih`, its W `weight_hh`.
 */
function elman(kind: 'rnn_tanh' | 'rnn_relu'): Cell {
  const forward = kind === 'rnn_tanh' ? 'elmanTanh' : 'elmanRelu';
  const backward = kind === 'rnn_tanh' ? 'elmanTanhBackward' : 'elmanReluBackward';
  return {
    parts: ['h'],
    blocks: 1,
    gates: {},
    inputOrder: [0],
    hiddenOrder: [0],
    inputBlock: 0,
    hiddenBlock: 0,

    forward(k, { n, gates, h, lead }, biasHidden, step, _previous, count) {
      k[forward](gates + step * n, n, biasHidden, h + (lead + step) * n, n, count, n);
    },

    backward(k, { n, h, lead }, gradients, step, _previous, count) {
      const state = (lead + step) * n;
      k[backward](gradients.h + state, n, h + state, n, gradients.gates + step * n, n, count, n);
    },
  };
}

export const rnnTanh = elman('rnn_tanh');
export const rnnRelu = elman('rnn_relu');
