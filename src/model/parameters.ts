import { cells } from '../cells/cells.js';
import { ConfigError } from '../errors.js';
import { roundUp } from '../kernels/memory.js';
import { packedColumns } from '../kernels/packed.js';
import type { Random } from '../random.js';
import type { ModelConfig } from './config.js';
import { drawLayer, fillUniform } from './initialization.js';
import { outputWidth } from './outputs.js';

/** Named tensors, row-major, shapes as PyTorch has them. */
export type Weights = Record<string, Float32Array>;

/** A packed (k × n) matrix, `offset` from the start of the weights. */
export interface PackedMatrix {
  readonly offset: number;
  readonly k: number;
  readonly n: number;
}

/** A product that feeds a layer or the readout: whose output it reads (−1: the model's input), through which matrix. */
export interface Source {
  readonly from: number;
  readonly matrix: PackedMatrix;
}

export interface LayerParameters {
  readonly sources: readonly Source[];
  readonly hidden: PackedMatrix;
  /** One row of sums as they begin: b_ih where the input product goes, +0 elsewhere. */
  readonly biasInput: number;
  readonly biasHidden: number;
}

/** One tensor by its public name: its shape, and where each of its elements lies. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where the tensor lies among the weights: the first number and how many, padding included; both multiples of 16. */
  readonly offset: number;
  readonly length: number;
  /** Place of each element of the tensor, row-major, among the weights. */
  readonly places: Int32Array;
}

/** Where every weight lies, in one run of `size` numbers; gradients and moments lie the same way. */
export interface Parameters {
  readonly size: number;
  readonly tensors: readonly Parameter[];
  readonly layers: readonly LayerParameters[];
  readonly readout: { readonly sources: readonly Source[]; readonly bias: number };
}

const alignment = 16;

/** Numbers that the memory of a model has room for, at most. */
const mostWeights = 2 ** 30;

/** The layout of the weights that a configuration asks for. */
export function layoutParameters(config: ModelConfig): Parameters {
  const tensors: Parameter[] = [];
  let size = 0;

  const take = (length: number): number => {
    const offset = size;
    size += roundUp(length, alignment);
    return offset;
  };

  /** The tensor (order.length · units × Σ inputs) as one packed matrix for each source. */
  const matrices = (
    name: string,
    from: readonly number[],
    inputs: readonly number[],
    units: number,
    order: readonly number[],
  ): Source[] => {
    const start = size;
    const width = roundUp(units, 4);
    const n = order.length * width;
    const columns = inputs.reduce((sum, k) => sum + k, 0);
    if (size + columns * n > mostWeights)
      throw new ConfigError(
        `Expected at most 2^30 weights (4 GiB), got more with ${name} (${order.length * units} × ${columns})`,
      );
    const places = new Int32Array(order.length * units * columns);
    let first = 0;
    const sources = inputs.map((k, i) => {
      const offset = take(k * n);
      const packed = packedColumns(k, n);
      order.forEach((gate, block) => {
        for (let unit = 0; unit < units; unit++) {
          const column = block * width + unit;
          const row = (gate * units + unit) * columns + first;
          for (let j = 0; j < k; j++) places[row + j] = offset + packed.places[column] + j * packed.strides[column];
        }
      });
      first += k;
      return { from: from[i], matrix: { offset, k, n } };
    });
    tensors.push({ name, shape: [order.length * units, columns], offset: start, length: size - start, places });
    return sources;
  };

  const vector = (name: string, units: number, order: readonly number[], blocks: number): number => {
    const width = roundUp(units, 4);
    const offset = take(blocks * width);
    const places = new Int32Array(order.length * units);
    order.forEach((gate, block) => {
      for (let unit = 0; unit < units; unit++) places[gate * units + unit] = offset + block * width + unit;
    });
    tensors.push({ name, shape: [order.length * units], offset, length: size - offset, places });
    return offset;
  };

  const sizeOf = (source: number): number => (source < 0 ? config.input.size : config.layers[source].size);

  const layers = config.layers.map((layer, i): LayerParameters => {
    const cell = cells[layer.cell];
    const from = i === 0 ? [-1] : config.skip ? [-1, i - 1] : [i - 1];
    return {
      sources: matrices(`weight_ih_l${i}`, from, from.map(sizeOf), layer.size, cell.inputOrder),
      hidden: matrices(`weight_hh_l${i}`, [i], [layer.size], layer.size, cell.hiddenOrder)[0].matrix,
      biasInput: vector(`bias_ih_l${i}`, layer.size, cell.inputOrder, cell.blocks),
      biasHidden: vector(`bias_hh_l${i}`, layer.size, cell.hiddenOrder, cell.hiddenOrder.length),
    };
  });

  const last = config.layers.length - 1;
  const read = config.skip ? config.layers.map((_, i) => i) : [last];
  const readout = {
    sources: matrices('readout.weight', read, read.map(sizeOf), outputWidth(config.output), [0]),
    bias: vector('readout.bias', outputWidth(config.output), [0], 1),
  };
  return { size, tensors, layers, readout };
}

/** First weights, drawn tensor by tensor in the order of the layout, each row-major. */
export function drawWeights(config: ModelConfig, parameters: Parameters, random: Random): Weights {
  const shapes = new Map(parameters.tensors.map(tensor => [tensor.name, tensor.shape]));
  const weights: Weights = {};
  config.layers.forEach((layer, i) => {
    const inputs = shapes.get(`weight_ih_l${i}`)![1];
    const gates = cells[layer.cell].inputOrder.length;
    const seesTokens = config.input.kind === 'token' && (i === 0 || config.skip);
    const drawn = drawLayer(random, {
      cell: layer.cell,
      initialization: layer.initialization!,
      inputs,
      tokens: seesTokens ? config.input.size : 0,
      size: layer.size,
      gates,
    });
    weights[`weight_ih_l${i}`] = drawn.weightInput;
    weights[`weight_hh_l${i}`] = drawn.weightHidden;
    weights[`bias_ih_l${i}`] = drawn.biasInput;
    weights[`bias_hh_l${i}`] = drawn.biasHidden;
  });
  const [outputs, inputs] = shapes.get('readout.weight')!;
  weights['readout.weight'] = new Float32Array(outputs * inputs);
  weights['readout.bias'] = new Float32Array(outputs);
  fillUniform(random, weights['readout.weight'], 1 / Math.sqrt(inputs));
  fillUniform(random, weights['readout.bias'], 1 / Math.sqrt(inputs));
  return weights;
}
