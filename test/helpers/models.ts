import type { CellKind } from '../../src/cells/cell.js';
import { createReference } from '../../src/kernels/reference.js';
import type { ModelConfig, OutputKind } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { buildModel, createModel, type TrainableModel } from '../../src/model/model.js';
import { createRandom, type Random } from '../../src/random.js';
import type { Target } from '../../src/training/loss.js';
import type { Window } from '../../src/training/window.js';

export const cellKinds: readonly CellKind[] = ['rnn_tanh', 'rnn_relu', 'gru', 'lstm'];

/** Every kind of implementation of one model: SIMD, and the reference in two precisions. */
export async function threeModels(
  config: ModelConfig,
  seed = 1,
): Promise<{ simd: TrainableModel; reference: TrainableModel; float64: TrainableModel }> {
  const simd = await createModel(config, { seed });
  if (simd.network.kernels.name !== 'simd') throw new Error('Expected SIMD to run here');
  return {
    simd,
    reference: buildModel(createReference('float32'), config, seed),
    float64: buildModel(createReference('float64'), config, seed),
  };
}

export function config(
  cell: CellKind,
  sizes: readonly number[],
  input: ModelConfig['input'] = { kind: 'features', size: 3 },
  output: { kind: OutputKind; size: number } = { kind: 'values', size: 2 },
  skip = false,
): ModelConfig {
  return { input, layers: sizes.map(size => ({ cell, size, initialization: 'pytorch' })), output, skip };
}

export function randomInput(random: Random, model: { config: ModelConfig }): Input {
  const { kind, size } = model.config.input;
  return kind === 'token' ? random.integer(size) : Float32Array.from({ length: size }, () => random.normal());
}

export function randomTarget(random: Random, model: { config: ModelConfig }): Target {
  const { kind, size } = model.config.output;
  if (kind === 'classes') return random.integer(size);
  if (kind === 'mixture') return Float32Array.of(random.normal(), random.normal(), random.integer(2));
  if (kind === 'labels') return Float32Array.from({ length: size }, () => random.integer(2));
  return Float32Array.from({ length: size }, () => random.normal());
}

/** Windows of the given lengths; `unlabelled` is the share of steps without a target, the last always having one. */
export function randomWindows(
  model: TrainableModel,
  lengths: readonly number[],
  seed: number,
  unlabelled = 0.2,
): Window[] {
  const random = createRandom(seed);
  return lengths.map(length => ({
    carry: Float32Array.from(model.zeroCarry(), () => 0.5 * random.normal()),
    inputs: Array.from({ length }, () => randomInput(random, model)),
    targets: Array.from({ length }, (_, i) =>
      i + 1 < length && random.uniform() < unlabelled ? null : randomTarget(random, model),
    ),
  }));
}
