import type { CellKind } from '../cells/cell.js';
import { CheckpointError, kindOf } from '../errors.js';
import type { ModelConfig, OutputKind } from '../model/config.js';
import { outputWidth } from '../model/outputs.js';
import type { Weights } from '../model/parameters.js';
import { quote } from '../model/safetensors-header.js';
import { describe, floats, type Tensor } from '../model/tensor.js';

/** What another framework's file becomes: a configuration for `createModel` and the weights for `setWeights`. */
export interface Imported {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

/** One recurrent layer in PyTorch's layout: G gates, H units, I inputs. */
export interface ImportedLayer {
  readonly cell: CellKind;
  readonly inputs: number;
  readonly size: number;
  /** (G · H, I) */
  readonly weight_ih: Float32Array;
  /** (G · H, H) */
  readonly weight_hh: Float32Array;
  /** (G · H) */
  readonly bias_ih: Float32Array;
  /** (G · H) */
  readonly bias_hh: Float32Array;
}

/** One linear readout in PyTorch's layout. */
export interface ImportedReadout {
  readonly kind: OutputKind;
  readonly inputs: number;
  readonly size: number;
  /** (O, H) */
  readonly weight: Float32Array;
  /** (O) */
  readonly bias: Float32Array;
}

/** The rows and columns of a matrix. Throws a CheckpointError that names it when it is missing or has not two sizes. */
export function matrixShape(tensor: Tensor | undefined, name: string): readonly [number, number] {
  if (tensor === undefined)
    throw new CheckpointError(`Expected tensor ${quote(name)} to be a matrix, got no such tensor`);
  if (!Array.isArray(tensor?.shape))
    throw new CheckpointError(`Expected tensor ${quote(name)} to be { dtype, shape, data }, got ${kindOf(tensor)}`);
  if (tensor.shape.length !== 2 || tensor.shape.includes(0)) {
    const found = describe(tensor.dtype, tensor.shape);
    throw new CheckpointError(`Expected tensor ${quote(name)} to be a matrix, got ${found}`);
  }
  return [tensor.shape[0], tensor.shape[1]];
}

/** The values of a bias, or zeros where the framework stored none. */
export function biasOf(tensor: Tensor | undefined, name: string, size: number): Float32Array {
  return tensor === undefined ? new Float32Array(size) : floats(tensor, name, [size]);
}

/**
 * Stacks layers and a readout into one configuration and one dictionary of weights.
 *
 * @throws CheckpointError when the width of one does not fit the next, or there is no layer
 */
export function stack(layers: readonly ImportedLayer[], readout: ImportedReadout): Imported {
  if (layers.length === 0) throw new CheckpointError('Expected at least one recurrent layer, got none');
  const weights: Weights = {};
  layers.forEach((layer, i) => {
    if (i > 0 && layer.inputs !== layers[i - 1].size) {
      throw new CheckpointError(
        `Expected layer ${i} to take the ${layers[i - 1].size} outputs of layer ${i - 1}, got ${layer.inputs} inputs`,
      );
    }
    for (const part of ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'] as const)
      weights[`${part}_l${i}`] = layer[part];
  });
  const { size } = layers[layers.length - 1];
  if (readout.inputs !== size) {
    throw new CheckpointError(
      `Expected the readout to take the ${size} outputs of the last layer, got ${readout.inputs}`,
    );
  }
  const output = { kind: readout.kind, size: outputSize(readout) };
  weights['readout.weight'] = readout.weight;
  weights['readout.bias'] = readout.bias;
  return {
    config: {
      input: { kind: 'features', size: layers[0].inputs },
      layers: layers.map(layer => ({ cell: layer.cell, size: layer.size })),
      output,
    },
    weights,
  };
}

/** The size of an output whose o has as many numbers as the readout has rows: with each more, o has equally many more. */
function outputSize({ kind, size: rows }: ImportedReadout): number {
  const [one, two] = [1, 2].map(size => outputWidth({ kind, size }));
  const size = 1 + (rows - one) / (two - one);
  if (!Number.isInteger(size) || size < 1) {
    throw new CheckpointError(
      `Expected the readout of an output of kind ${kind} to have ${one}, ${two}, ${2 * two - one}, … rows, got ${rows}`,
    );
  }
  return size;
}
