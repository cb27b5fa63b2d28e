import type { CellKind } from 'eddy';

/** What can be pointed at. */
export type Term =
  | 'state'
  | 'reset'
  | 'update'
  | 'candidate'
  | 'input'
  | 'forget'
  | 'output'
  | 'reach'
  | 'window'
  | 'loss'
  | 'norm'
  | 'updates'
  | 'equal';

export interface Explanation {
  readonly title: string;
  /** As HTML. */
  readonly formula: string;
  readonly words: string;
}

const state: Readonly<Partial<Record<CellKind, string>>> = {
  rnn_tanh: 'h(t) = tanh(U x(t) + W h(t−1) + b)',
  gru: 'h(t) = (1 − z) ∘ x̂ + z ∘ h(t−1)',
  lstm: 'c(t) = f ∘ c(t−1) + i ∘ g      h(t) = o ∘ tanh(c(t))',
};

/** What each quantity is, with its formula, for the cell that runs. */
export function explain(term: Term, cell: CellKind, k2: number): Explanation {
  switch (term) {
    case 'state':
      return {
        title: 'State h(t)',
        formula: state[cell] ?? '',
        words:
          'All that the network takes from one step to the next: one row a unit, one column a step. Orange is positive, blue negative.',
      };
    case 'reset':
      return {
        title: 'Reset gate r(t)',
        formula:
          'r = σ(U<sub>r</sub> x + W<sub>r</sub> h(t−1) + b<sub>r</sub>)      x̂ = tanh(U<sub>n</sub> x + r ∘ (W<sub>n</sub> h(t−1)) + b<sub>n</sub>)',
        words: 'Where it is 0, the candidate is made as if nothing had come before.',
      };
    case 'update':
      return {
        title: 'Update gate z(t)',
        formula: 'z = σ(U<sub>z</sub> x + W<sub>z</sub> h(t−1) + b<sub>z</sub>)      h(t) = (1 − z) ∘ x̂ + z ∘ h(t−1)',
        words: 'Where it is 1, the unit stays as it was: a way back through time on which little is lost.',
      };
    case 'candidate':
      return cell === 'lstm'
        ? {
            title: 'Candidate g(t)',
            formula: 'g = tanh(U<sub>g</sub> x + W<sub>g</sub> h(t−1) + b<sub>g</sub>)',
            words: 'What could be written into the cell in this step.',
          }
        : {
            title: 'Candidate x̂(t)',
            formula: 'x̂ = tanh(U<sub>n</sub> x + r ∘ (W<sub>n</sub> h(t−1)) + b<sub>n</sub>)',
            words: 'What the state would become if nothing was kept.',
          };
    case 'input':
      return {
        title: 'Input gate i(t)',
        formula: 'i = σ(U<sub>i</sub> x + W<sub>i</sub> h(t−1) + b<sub>i</sub>)      c(t) = f ∘ c(t−1) + i ∘ g',
        words: 'How much of the candidate is written.',
      };
    case 'forget':
      return {
        title: 'Forget gate f(t)',
        formula: 'f = σ(U<sub>f</sub> x + W<sub>f</sub> h(t−1) + b<sub>f</sub>)      ∂c(t)/∂c(t−1) = f',
        words:
          'How much of the cell is kept. It is also what a gradient is multiplied with on its way back along the cell.',
      };
    case 'output':
      return {
        title: 'Output gate o(t)',
        formula: 'o = σ(U<sub>o</sub> x + W<sub>o</sub> h(t−1) + b<sub>o</sub>)      h(t) = o ∘ tanh(c(t))',
        words: 'How much of the cell is shown.',
      };
    case 'reach':
      return {
        title: 'How far back the loss reaches',
        formula: '‖∂L(t)/∂h(t−j)‖ = ‖ J(t−j+1)<sup>T</sup> ⋯ J(t)<sup>T</sup> ∂L(t)/∂h(t) ‖      J(s) = ∂h(s)/∂h(s−1)',
        words: `A product of j Jacobians${cell === 'lstm' ? ', of h and c together' : ''}: with each step back it shrinks or grows, so it vanishes or explodes. The first bar is one step before that of the loss. Each line is a hundredth of the one above. Pale bars lie beyond the window: truncation takes them as 0.`,
      };
    case 'window':
      return {
        title: `The window: k₂ = ${k2} steps`,
        formula: `∂L(t)/∂θ ≈ Σ over the last ${k2} steps      h(t−${k2}) is a constant`,
        words:
          'Truncated backpropagation through time: after each step (k₁ = 1) the loss goes back through the framed steps, and no further. The window slides on with the stream.',
      };
    case 'loss':
      return {
        title: 'Loss L(t)',
        formula: 'L(t) = −ln ŷ(t)[y(t)], in nats      of numbers: ½ Σ (ŷ(t) − y(t))²',
        words: 'How surprising the target was, predicted before it was seen. Averaged over some 50 steps.',
      };
    case 'norm':
      return {
        title: 'Gradient norm',
        formula: '‖∇‖ = √ Σ (∂L/∂θ)²      if above 1: ∇ ← ∇ / ‖∇‖',
        words: 'The length of the whole gradient over all weights, before it is clipped.',
      };
    case 'updates':
      return {
        title: 'Updates',
        formula: 'v ← β<sub>2</sub> v + (1 − β<sub>2</sub>) ∇²      θ ← θ − η ∇ / (√v̂ + ε)',
        words:
          'One after each step, by Adam without momentum (β₁ = 0): what learns online follows the newest gradient.',
      };
    case 'equal':
      return {
        title: 'The same bits',
        formula: 'h(t) here = h(t) on the server, bit for bit',
        words:
          'The same network learns here and on the server from the same inputs. Every state that comes back is compared with the one of this page: all 32 bits of each number.',
      };
  }
}
