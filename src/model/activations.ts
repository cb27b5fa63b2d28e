import type { LayerGradients, LayerRows } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import type { Arena } from '../kernels/memory.js';
import { roundUp, spaceOf } from '../kernels/memory.js';
import type { ModelConfig } from './config.js';
import { outputs, outputWidth } from './outputs.js';

/**
 * Room for the numbers of up to `steps` steps of up to `streams` streams: inputs, gates, states, logits, and, where
 * learning needs them, their gradients.
 */
export interface Activations {
  /** State rows before the first step. */
  readonly streams: number;
  readonly steps: number;
  /** Features of each step (steps × inputStride), or its token in `tokens`. */
  readonly inputs: number;
  readonly inputStride: number;
  readonly tokens: Int32Array;
  readonly layers: readonly LayerRows[];
  /** (steps × outputStride) each. */
  readonly logits: number;
  readonly predictions: number;
  readonly outputStride: number;
  /** Undefined where nothing is learned. */
  readonly gradients?: {
    readonly layers: readonly LayerGradients[];
    /** ∂L/∂o (steps × outputStride). */
    readonly logits: number;
  };
}

export function createActivations(
  arena: Arena,
  config: ModelConfig,
  streams: number,
  steps: number,
  learning: boolean,
): Activations {
  const tokens = new Int32Array(config.input.kind === 'token' ? steps : 0);
  return layOut(length => arena.reserve(length).address, tokens, config, streams, steps, learning);
}

/** Numbers of an arena that `createActivations` takes; nothing is reserved. */
export function activationsSize(config: ModelConfig, streams: number, steps: number, learning: boolean): number {
  let size = 0;
  const count = (length: number): number => {
    size += spaceOf(length);
    return 0;
  };
  layOut(count, new Int32Array(0), config, streams, steps, learning);
  return size;
}

function layOut(
  reserve: (length: number) => number,
  tokens: Int32Array,
  config: ModelConfig,
  streams: number,
  steps: number,
  learning: boolean,
): Activations {
  const states = streams + steps;
  const inputStride = config.input.kind === 'features' ? roundUp(config.input.size, 4) : 0;
  const outputStride = roundUp(outputWidth(config.output), 4);

  const layers = config.layers.map((layer): LayerRows => {
    const cell = cells[layer.cell];
    const n = roundUp(layer.size, 4);
    const hasCellState = cell.parts.includes('c');
    return {
      n,
      gates: reserve(steps * cell.blocks * n),
      h: reserve(states * n),
      c: hasCellState ? reserve(states * n) : 0,
      squashed: hasCellState ? reserve(steps * n) : 0,
      lead: streams,
    };
  });

  const logits = reserve(steps * outputStride);
  return {
    streams,
    steps,
    inputs: reserve(steps * inputStride),
    inputStride,
    tokens,
    layers,
    logits,
    predictions: outputs[config.output.kind].predict === undefined ? logits : reserve(steps * outputStride),
    outputStride,
    ...(learning
      ? {
          gradients: {
            layers: config.layers.map((layer, i): LayerGradients => {
              const { n } = layers[i];
              const cell = cells[layer.cell];
              return {
                gates: reserve(steps * cell.blocks * n),
                h: reserve(states * n),
                c: cell.parts.includes('c') ? reserve(streams * n) : 0,
              };
            }),
            logits: reserve(steps * outputStride),
          },
        }
      : {}),
  };
}
