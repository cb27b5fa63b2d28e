import { CheckpointError, ConfigError } from '../errors.js';
import { createKernels } from '../kernels/wasm.js';
import { firstNotFinite } from './carry.js';
import { checkConfig, type ModelConfig } from './config.js';
import { buildModel, checkModel, type TrainableModel } from './model.js';
import type { Weights } from './parameters.js';
import { floats, readSafetensors, type Safetensors, type Tensor, tensorOf, writeSafetensors } from './safetensors.js';
import { quote } from './safetensors-header.js';
import { weightShapes } from './shapes.js';
import { describe } from './tensor.js';

/** The format that is written, and the newest that is read. */
export const checkpointFormat = 1;

/** Tensors and JSON of a learner begin with this; who wants the model alone passes them over. */
export const trainerPrefix = 'trainer.';

const key = 'eddy';

/**
 * The model as a safetensors file: tensors as `weights()` names them, F32, shapes as PyTorch has them; the configuration, as
 * JSON, in the metadata `eddy`. The same model gives the same bytes.
 *
 * @throws CheckpointError if a weight is not finite, or the encoder's settings are no plain data; ConfigError if it is given no model
 */
export function saveModel(model: TrainableModel): Uint8Array<ArrayBuffer> {
  checkModel(model);
  return writeCheckpoint(model, {}, new Map());
}

/**
 * A model from the bytes of `saveModel`, or of `saveTrainer`, whose model it takes.
 *
 * Sizes are checked against the tensors of the file before anything is allocated for them.
 *
 * @throws CheckpointError naming the tensor, the expected and the found shape
 */
export async function loadModel(bytes: Uint8Array): Promise<TrainableModel> {
  return modelOf(readCheckpoint(bytes));
}

/** A file that has been checked as far as its model goes. */
export interface Checkpoint {
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** What the metadata says besides `format` and `config`. */
  readonly rest: Readonly<Record<string, unknown>>;
  readonly tensors: Safetensors['tensors'];
}

export async function modelOf({ config, weights }: Checkpoint): Promise<TrainableModel> {
  const model = buildModel(await createKernels(), config, null);
  model.setWeights(weights);
  return model;
}

export function writeCheckpoint(
  model: TrainableModel,
  rest: Readonly<Record<string, unknown>>,
  further: ReadonlyMap<string, Tensor>,
): Uint8Array<ArrayBuffer> {
  const tensors = new Map(further);
  const weights = model.weights();
  for (const [name, shape] of weightShapes(model.config)) {
    const values = Float32Array.from(weights[name]);
    checkFinite(name, values);
    tensors.set(name, tensorOf(values, shape));
  }
  return writeSafetensors(tensors, { [key]: plainJson({ ...rest, format: checkpointFormat, config: model.config }) });
}

/** @throws CheckpointError */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const { metadata, tensors } = readSafetensors(bytes);
  const { format, config: found, ...rest } = parseMetadata(metadata[key]);
  if (format !== checkpointFormat) {
    const newer = typeof format === 'number' && format > checkpointFormat ? ': a newer eddy wrote it' : '';
    throw new CheckpointError(`Expected a checkpoint of format ${checkpointFormat}, got ${show(format)}${newer}`);
  }
  let config: ModelConfig;
  try {
    config = checkConfig(found as ModelConfig);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new CheckpointError(`Expected a checkpoint with a valid config. ${cause.message}`, { cause });
  }
  const shapes = weightShapes(config);
  for (const [name, shape] of shapes) checkTensor(tensors.get(name), name, shape, config);
  for (const [name, { dtype, shape }] of tensors) {
    if (shapes.has(name) || (name.startsWith(trainerPrefix) && 'trainer' in rest)) continue;
    throw new CheckpointError(
      `Expected no tensors but those of the config (${layersOf(config)}), got ${quote(name)}, ${describe(dtype, shape)}`,
    );
  }
  const weights: Weights = {};
  for (const [name, shape] of shapes) {
    weights[name] = floats(tensors.get(name), name, shape);
    checkFinite(name, weights[name]);
  }
  return { config, weights, rest, tensors };
}

function checkTensor(tensor: Tensor | undefined, name: string, shape: readonly number[], config: ModelConfig): void {
  const fits =
    tensor?.dtype === 'F32' && tensor.shape.length === shape.length && shape.every((n, i) => n === tensor.shape[i]);
  if (fits) return;
  const found = tensor === undefined ? 'no such tensor' : describe(tensor.dtype, tensor.shape);
  throw new CheckpointError(
    `Expected tensor ${quote(name)} to be ${describe('F32', shape)}, as the config asks (${layersOf(config)}), got ${found}`,
  );
}

function layersOf(config: ModelConfig): string {
  const shown = config.layers.slice(0, 4).map(({ cell, size }) => `${cell} ${size}`);
  return [...shown, ...(config.layers.length > 4 ? ['…'] : [])].join(', ');
}

function checkFinite(name: string, values: Float32Array): void {
  const bad = firstNotFinite(values);
  if (bad >= 0)
    throw new CheckpointError(`Expected tensor ${quote(name)} to have finite numbers, got ${values[bad]} at ${bad}`);
}

function parseMetadata(text: string | undefined): Record<string, unknown> {
  if (text === undefined) {
    throw new CheckpointError(
      `Expected a safetensors file with the metadata ${key}, got one without: weights of another library have to be imported`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`Expected the metadata ${key} to be JSON, got ${quote(text)}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CheckpointError(`Expected the metadata ${key} to be a JSON object, got ${quote(text)}`);
  }
  return value as Record<string, unknown>;
}

/** JSON with the fields of each object in the order of their names, so that equal data is equal text. */
function plainJson(value: unknown): string {
  try {
    return JSON.stringify(value, plain);
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(`Expected a checkpoint to hold plain data. ${(cause as Error).message}`, { cause });
  }
}

function plain(name: string, part: unknown): unknown {
  if (typeof part === 'number' && !Number.isFinite(part)) {
    throw new CheckpointError(
      `Expected ${quote(name)} to be a finite number, got ${part}: a checkpoint holds plain data`,
    );
  }
  if (typeof part === 'function') throw new CheckpointError(`Expected ${quote(name)} to be plain data, got a function`);
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  const what = Object.prototype.toString.call(part).slice(8, -1);
  if (what !== 'Object') throw new CheckpointError(`Expected ${quote(name)} to be plain data, got a ${what}`);
  return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function show(value: unknown): string {
  return typeof value === 'string' ? quote(value) : typeof value === 'number' ? String(value) : typeof value;
}
