import type { Cell, CellKind } from './cell.js';
import { rnnRelu, rnnTanh } from './elman.js';
import { gru } from './gru.js';
import { lstm } from './lstm.js';

/** Every kind of cell, by its name in a configuration. */
export const cells: Readonly<Record<CellKind, Cell>> = { rnn_tanh: rnnTanh, rnn_relu: rnnRelu, gru, lstm };
