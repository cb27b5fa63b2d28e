import type { Address, Kernels } from '../kernels/kernels.js';

export type CellKind = 'rnn_tanh' | 'rnn_relu' | 'gru' | 'lstm';

/** A part of a cell's carry: the hidden state, and the cell state of an LSTM. */
export type CarryPart = 'h' | 'c';

/**
 * Where a layer of padded width `n` keeps its numbers.
 *
 * *Steps* are rows of the gates; *states* are rows of h and c: first the carries before the first step of each stream,
 * then one for each step, so that a step and the state before it are both named by a row.
 */
export interface LayerRows {
  /** Padded width. */
  readonly n: number;
  /** Gates, one row a step: (steps × blocks · n). */
  readonly gates: Address;
  /** Hidden states (states × n). */
  readonly h: Address;
  /** Cell states (states × n), where the cell has them. */
  readonly c: Address;
  /** tanh of the cell states (steps × n), where the cell has them. */
  readonly squashed: Address;
  /** State row of step 0: the number of streams. */
  readonly lead: number;
  /** Where some of h is dropped on its way up: the factors (states × n), and h times them, which is what is read above. */
  readonly dropped?: { readonly factors: Address; readonly h: Address };
}

/** Where the gradients of a layer are; shapes as in `LayerRows`. */
export interface LayerGradients {
  /** ∂L/∂(sums) (steps × blocks · n). */
  readonly gates: Address;
  /** ∂L/∂h (states × n). */
  readonly h: Address;
  /** ∂L/∂c, one row a stream, moving back in time. */
  readonly c: Address;
  /** ∂L/∂(h as it is read above) (states × n), where some of it is dropped. */
  readonly dropped?: Address;
}

/**
 * What each kind of cell fills in. The sums of a step are blocks of n: the input product goes to the blocks from
 * `inputBlock`, the hidden product to those from `hiddenBlock`; where they overlap, one accumulator takes both.
 */
export interface Cell {
  readonly parts: readonly CarryPart[];
  /** Blocks in a row of gates. */
  readonly blocks: number;
  /** What a person may want to see of a step: the names of the gates, and the block that holds each after `forward`. */
  readonly gates: Readonly<Record<string, number>>;
  /** Which of PyTorch's gates each block of the input product is: an order of rows of `weight_ih`. */
  readonly inputOrder: readonly number[];
  /** The same for the hidden product and `weight_hh`. */
  readonly hiddenOrder: readonly number[];
  readonly inputBlock: number;
  readonly hiddenBlock: number;
  /** From sums to gates and states, for `rows` steps from row `step`, whose states before are the rows from `previous`. */
  forward(k: Kernels, rows: LayerRows, biasHidden: Address, step: number, previous: number, count: number): void;
  /**
   * From ∂L/∂h of these steps to the gradient of their sums; what reaches the state before by other ways than the hidden
   * product is added to it.
   */
  backward(k: Kernels, rows: LayerRows, gradients: LayerGradients, step: number, previous: number, count: number): void;
}
