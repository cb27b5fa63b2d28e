import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { CheckpointError, kindOf } from '../errors.js';
import { floats, type Tensor } from '../model/tensor.js';
import { biasOf, type Imported, type ImportedLayer, type ImportedReadout, matrixShape, stack } from './imported.js';
import { reorderGates, transpose } from './layout.js';

/** A Keras layer: what its configuration says, and its arrays in the order of `layer.get_weights()`. */
export interface KerasLayer {
  readonly type: 'SimpleRNN' | 'GRU' | 'LSTM' | 'Dense';
  /** Kernel (I, G · H), recurrent kernel (H, G · H) and bias, none with `use_bias=False`; Dense: kernel (I, O) and bias. */
  readonly weights: readonly Tensor[];
  /** Default: tanh; of Dense: linear. */
  readonly activation?: string;
  /** Default: sigmoid. Keras before 2.3, and tfjs, meant `hard_sigmoid`. */
  readonly recurrentActivation?: string;
  /** Of GRU; default: true. Keras before 2.3, and tfjs, meant false. */
  readonly resetAfter?: boolean;
}

/** Gate orders, Keras's and PyTorch's, by PyTorch's letters (Keras says h for n, and c for g). */
const orders = { SimpleRNN: ['h', 'h'], GRU: ['zrn', 'rzn'], LSTM: ['ifgo', 'ifgo'] } as const;

function refuse(expected: string, found: string): never {
  throw new CheckpointError(`Expected ${expected}, got ${found}`);
}

function cellOf({
  type,
  activation = 'tanh',
  recurrentActivation = 'sigmoid',
  resetAfter = true,
}: KerasLayer): CellKind {
  if (type === 'SimpleRNN') {
    if (activation === 'tanh') return 'rnn_tanh';
    if (activation === 'relu') return 'rnn_relu';
    return refuse('the activation of a Keras SimpleRNN to be tanh or relu', activation);
  }
  if (type === 'Dense') return refuse('a recurrent Keras layer', 'Dense, which can only come last');
  if (activation !== 'tanh') refuse(`the activation of a Keras ${type} to be tanh`, activation);
  if (recurrentActivation !== 'sigmoid') {
    refuse(`the recurrent activation of a Keras ${type} to be sigmoid`, recurrentActivation);
  }
  if (type === 'LSTM') return 'lstm';
  if (type !== 'GRU') refuse('a Keras layer to be SimpleRNN, GRU, LSTM or Dense', String(type));
  if (!resetAfter) refuse('a Keras GRU with reset_after=True', 'reset_after=False, which is another cell');
  return 'gru';
}

function checkCount({ type, weights }: KerasLayer, most: number): void {
  if (!Array.isArray(weights)) refuse(`weights of a Keras ${type} to be a list of tensors`, kindOf(weights));
  if (weights.length > most) refuse(`a Keras ${type} to have at most ${most} arrays`, String(weights.length));
}

/**
 * A recurrent Keras layer in PyTorch's layout: matrices transposed, gates in PyTorch's order, the biases as two.
 *
 * Keras keeps one bias for SimpleRNN and LSTM (it becomes `bias_ih`; `bias_hh` is zero) and for GRU with `reset_after`
 * a (2, 3H) one, input row first.
 *
 * @throws CheckpointError when the cell is another one (hard_sigmoid, reset before, ...) or an array has another shape
 * Source: keras/src/layers/rnn/{simple_rnn,gru,lstm}.py.
 */
export function kerasLayer(layer: KerasLayer): ImportedLayer {
  const cell = cellOf(layer);
  checkCount(layer, 3);
  const [kernel, recurrent, bias] = layer.weights;
  const [inputs] = matrixShape(kernel, 'kernel');
  const [size] = matrixShape(recurrent, 'recurrent_kernel');
  const rows = cells[cell].inputOrder.length * size;
  const [from, to] = orders[layer.type as keyof typeof orders];
  const weight = (tensor: Tensor, name: string, columns: number) =>
    reorderGates(transpose(floats(tensor, name, [columns, rows]), columns, rows), from, to);
  const twoRows = cell === 'gru' && bias !== undefined ? floats(bias, 'bias', [2, rows]) : undefined;
  return {
    cell,
    inputs,
    size,
    weight_ih: weight(kernel, 'kernel', inputs),
    weight_hh: weight(recurrent, 'recurrent_kernel', size),
    bias_ih: reorderGates(twoRows?.subarray(0, rows) ?? biasOf(bias, 'bias', rows), from, to),
    bias_hh: reorderGates(twoRows?.subarray(rows) ?? new Float32Array(rows), from, to),
  };
}

const kinds: Readonly<Record<string, ImportedReadout['kind']>> = {
  linear: 'values',
  sigmoid: 'labels',
  softmax: 'classes',
};

/** A Keras Dense layer as a readout; its activation says the kind: softmax `classes`, sigmoid `labels`, linear `values`. */
export function kerasReadout(layer: KerasLayer): ImportedReadout {
  const { type, weights, activation = 'linear' } = layer;
  if (type !== 'Dense') refuse('the last Keras layer to be Dense', type);
  checkCount(layer, 2);
  const [kernel, bias] = weights;
  if (!Object.hasOwn(kinds, activation)) {
    refuse('the activation of the last Keras layer to be softmax, sigmoid or linear', activation);
  }
  const [inputs, size] = matrixShape(kernel, 'kernel');
  return {
    kind: kinds[activation],
    inputs,
    size,
    weight: transpose(floats(kernel, 'kernel', [inputs, size]), inputs, size),
    bias: biasOf(bias, 'bias', size),
  };
}

/**
 * A sequential Keras model (SimpleRNN, GRU or LSTM layers, then one Dense) as a configuration and weights.
 *
 * @throws CheckpointError that says which layer cannot be expressed, or does not fit
 */
export function fromKeras(layers: readonly KerasLayer[]): Imported {
  if (!Array.isArray(layers)) refuse('a list of Keras layers', kindOf(layers));
  const last = layers.length - 1;
  if (layers[last] === undefined) refuse('at least two Keras layers', 'none');
  const recurrent = layers.slice(0, last).map((layer, i) => inLayer(i, layer, kerasLayer));
  return stack(recurrent, inLayer(last, layers[last], kerasReadout));
}

/** What is wrong with a layer is told with its place: names of arrays are the same in each. */
function inLayer<T>(place: number, layer: KerasLayer, read: (layer: KerasLayer) => T): T {
  try {
    if (typeof layer !== 'object' || layer === null) refuse('a Keras layer', kindOf(layer));
    return read(layer);
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    throw new CheckpointError(`${cause.message}, in layer ${place}`, { cause });
  }
}
