import { cells } from '../cells/cells.js';
import type { Kernels } from '../kernels/kernels.js';
import { roundUp } from '../kernels/memory.js';
import type { Parts } from '../parts.js';
import type { Activations } from './activations.js';
import type { ModelConfig } from './config.js';
import { outputs } from './outputs.js';
import type { Parameters, Source } from './parameters.js';

/** Weights in an arena, and how they are wired. */
export interface Network {
  readonly kernels: Kernels;
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  /** Address of the weights. */
  readonly weights: number;
  /** Counts the changes of the weights: activations of another version are stale. */
  version: number;
}

/** In place of a token: no row is read, as if the one-hot vector were zeros. */
export const noToken = -1;

/**
 * A run of steps at one time: rows `step` to `step + count` go on from the states `previous` to `previous + count`.
 * The list of them is in the order of time; together they cover neighbouring rows.
 */
export interface Block {
  readonly step: number;
  readonly previous: number;
  readonly count: number;
}

/**
 * From inputs to predictions, for `count` steps from row `first`: layer by layer, all input products at once, then the
 * recurrence block by block. The inputs and the states before are in place.
 */
export function forward(
  network: Network,
  rows: Activations,
  first: number,
  count: number,
  blocks: readonly Block[],
): void {
  const { kernels: k, config, parameters, weights } = network;
  for (let i = 0; i < rows.layers.length; i++) {
    const layer = rows.layers[i];
    const { n } = layer;
    const cell = cells[config.layers[i].cell];
    const { sources, hidden, biasInput, biasHidden } = parameters.layers[i];
    const stride = cell.blocks * n;
    k.setRows(layer.gates + first * stride, stride, count, weights + biasInput, stride);
    const sums = layer.gates + cell.inputBlock * n;
    for (let s = 0; s < sources.length; s++) addProduct(network, rows, sources[s], sums, stride, first, count);
    for (let b = 0; b < blocks.length; b++) {
      const block = blocks[b];
      const to = layer.gates + block.step * stride + cell.hiddenBlock * n;
      k.multiply(layer.h + block.previous * n, n, weights + hidden.offset, to, stride, block.count, hidden.k, hidden.n);
      cell.forward(k, layer, weights + biasHidden, block.step, block.previous, block.count);
    }
    if (layer.dropped) {
      const at = (layer.lead + first) * n;
      k.times(layer.h + at, layer.dropped.factors + at, layer.dropped.h + at, count * n);
    }
  }
  readOut(network, rows, first, count);
}

/** From the states of the layers to logits and predictions, for `count` steps from row `first`. */
export function readOut(network: Network, rows: Activations, first: number, count: number): void {
  const { kernels: k, config, parameters, weights } = network;
  const { outputStride } = rows;
  const logits = rows.logits + first * outputStride;
  k.setRows(logits, outputStride, count, weights + parameters.readout.bias, outputStride);
  const { sources } = parameters.readout;
  for (let s = 0; s < sources.length; s++)
    addProduct(network, rows, sources[s], rows.logits, outputStride, first, count);
  const predictions = rows.predictions + first * outputStride;
  outputs[config.output.kind].predict?.(k, logits, predictions, outputStride, count, config.output);
}

/** sums += source · its matrix, for `count` steps from row `first`; `sums` is the place of row 0. */
function addProduct(
  network: Network,
  rows: Activations,
  source: Source,
  sums: number,
  stride: number,
  first: number,
  count: number,
): void {
  const { kernels: k, config, weights } = network;
  const { offset, k: inputs, n } = source.matrix;
  const to = sums + first * stride;
  if (source.from >= 0) {
    const below = rows.layers[source.from];
    const h = below.dropped?.h ?? below.h;
    k.multiply(h + (below.lead + first) * below.n, below.n, weights + offset, to, stride, count, inputs, n);
  } else if (config.input.kind === 'features') {
    k.multiply(
      rows.inputs + first * rows.inputStride,
      rows.inputStride,
      weights + offset,
      to,
      stride,
      count,
      inputs,
      n,
    );
  } else {
    for (let row = 0; row < count; row++) {
      const token = rows.tokens[first + row];
      if (token !== noToken) k.addRow(weights + offset, token, to + row * stride, inputs, n);
    }
  }
}

/** Numbers that the transposed copies of all matrices take. */
export function transposedSize(parameters: Parameters): number {
  let size = 0;
  eachTransposed(parameters, 0, (_matrix, _address, length) => {
    size += length;
  });
  return size;
}

type Matrix = Parameters['layers'][number]['hidden'];

/** The matrices that δ goes back through, with the place of the transposed copy of each. */
function eachTransposed(
  parameters: Parameters,
  start: number,
  visit: (matrix: Matrix, address: number, length: number) => void,
): void {
  let address = start;
  const one = (matrix: Matrix): void => {
    const length = roundUp(matrix.n * roundUp(matrix.k, 4), 16);
    visit(matrix, address, length);
    address += length;
  };
  for (const layer of parameters.layers) {
    one(layer.hidden);
    for (const source of layer.sources) if (source.from >= 0) one(source.matrix);
  }
  for (const source of parameters.readout.sources) one(source.matrix);
}

/** Brings the transposed copies up to the weights; returns where each is. */
export function transposeAll(network: Network, start: number): Map<Matrix, number> {
  const places = new Map<Matrix, number>();
  eachTransposed(network.parameters, start, (matrix, address) => {
    network.kernels.transpose(network.weights + matrix.offset, address, matrix.k, matrix.n);
    places.set(matrix, address);
  });
  return places;
}

/** Steps back through time in one part of `backward`. */
const stepsOfPart = 8;

/**
 * From ∂L/∂o, in place in `rows.gradients.logits`, to the gradient of the weights, and where `carries` is true
 * of the carries before (in the first state rows of the layers' gradients): the readout, then the layers from the top,
 * each back through time, then its weights, rows ascending.
 */
export function* backward(
  network: Network,
  rows: Activations,
  count: number,
  blocks: readonly Block[],
  gradient: number,
  transposed: Map<Matrix, number>,
  carries: boolean,
): Parts<void> {
  const { kernels: k, config, parameters } = network;
  const { outputStride } = rows;
  const gradients = rows.gradients!;
  for (let i = 0; i < rows.layers.length; i++) {
    const { n, lead } = rows.layers[i];
    const { h, dropped } = gradients.layers[i];
    k.clear(h, (lead + count) * n);
    if (dropped !== undefined) k.clear(dropped, (lead + count) * n);
    if (cells[config.layers[i].cell].parts.includes('c')) k.clear(gradients.layers[i].c, lead * n);
  }
  for (const source of parameters.readout.sources) {
    backProduct(network, rows, source, gradients.logits, outputStride, count, gradient, transposed);
  }
  k.sumRows(gradients.logits, outputStride, gradient + parameters.readout.bias, count, outputStride);
  yield;

  for (let i = rows.layers.length - 1; i >= 0; i--) {
    const layer = rows.layers[i];
    const { n } = layer;
    const cell = cells[config.layers[i].cell];
    const { sources, hidden, biasInput, biasHidden } = parameters.layers[i];
    const stride = cell.blocks * n;
    const grad = gradients.layers[i];
    const hiddenSums = grad.gates + cell.hiddenBlock * n;
    const inputSums = grad.gates + cell.inputBlock * n;
    const back = transposed.get(hidden)!;
    if (layer.dropped) {
      const at = layer.lead * n;
      k.addTimes(grad.dropped! + at, layer.dropped.factors + at, grad.h + at, count * n);
    }
    for (let b = blocks.length - 1; b >= 0; b--) {
      const { step, previous, count: streams } = blocks[b];
      cell.backward(k, layer, grad, step, previous, streams);
      if (b === 0 && !carries) break;
      k.multiply(hiddenSums + step * stride, stride, back, grad.h + previous * n, n, streams, hidden.n, n);
      if (b % stepsOfPart === 0) yield;
    }
    for (const run of mergeBlocks(blocks)) {
      const outer = run.step === 0 ? k.outer : k.addOuter;
      outer(
        layer.h + run.previous * n,
        n,
        hiddenSums + run.step * stride,
        stride,
        gradient + hidden.offset,
        run.count,
        hidden.k,
        hidden.n,
      );
      yield;
    }
    for (const source of sources) {
      backProduct(network, rows, source, inputSums, stride, count, gradient, transposed);
      yield;
    }
    k.sumRows(inputSums, stride, gradient + biasInput + cell.inputBlock * n, count, cell.inputOrder.length * n);
    k.sumRows(hiddenSums, stride, gradient + biasHidden, count, cell.hiddenOrder.length * n);
  }
}

/** The gradient of a product: of its matrix, and of the layer that it reads. */
function backProduct(
  network: Network,
  rows: Activations,
  source: Source,
  sums: number,
  stride: number,
  count: number,
  gradient: number,
  transposed: Map<Matrix, number>,
): void {
  const { kernels: k, config } = network;
  const { matrix, from } = source;
  const to = gradient + matrix.offset;
  if (from >= 0) {
    const below = rows.layers[from];
    const states = below.lead * below.n;
    k.outer((below.dropped?.h ?? below.h) + states, below.n, sums, stride, to, count, matrix.k, matrix.n);
    k.multiply(
      sums,
      stride,
      transposed.get(matrix)!,
      (rows.gradients!.layers[from].dropped ?? rows.gradients!.layers[from].h) + states,
      below.n,
      count,
      matrix.n,
      below.n,
    );
  } else if (config.input.kind === 'features') {
    k.outer(rows.inputs, rows.inputStride, sums, stride, to, count, matrix.k, matrix.n);
  } else {
    k.clear(to, matrix.k * matrix.n);
    for (let row = 0; row < count; row++) {
      const token = rows.tokens[row];
      if (token !== noToken) k.addToRow(sums + row * stride, to, token, matrix.k, matrix.n);
    }
  }
}

/** Neighbouring blocks whose steps and states both go on one after the other, as one: the products see longer runs. */
function mergeBlocks(blocks: readonly Block[]): Block[] {
  const runs: Block[] = [];
  for (let first = 0, next = 1; first < blocks.length; first = next, next++) {
    const { step, previous } = blocks[first];
    let { count } = blocks[first];
    while (next < blocks.length && blocks[next].step === step + count && blocks[next].previous === previous + count) {
      count += blocks[next].count;
      next++;
    }
    runs.push({ step, previous, count });
  }
  return runs;
}
