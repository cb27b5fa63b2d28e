import { ConfigError, InputError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Floats, Region } from '../kernels/memory.js';
import { createKernels } from '../kernels/wasm.js';
import { createRandom } from '../random.js';
import { type Activations, createActivations } from './activations.js';
import { type Carry, type CarryLayout, carryLayout } from './carry.js';
import { checkConfig, type ModelConfig } from './config.js';
import { type Block, forward, type Network } from './network.js';
import { drawWeights, layoutParameters, type Weights } from './parameters.js';
import { createSlab } from './slab.js';

/** What one step takes: a token id, or a row of features. */
export type Input = number | Float32Array;

/** What one step gives. None of it is ever changed. */
export interface Step {
  /** o(t), (output.size). */
  readonly logits: Float32Array;
  /** ŷ(t), (output.size): probabilities for `classes` and `labels`, o(t) itself for `values`. */
  readonly prediction: Float32Array;
  /** h(t), and c(t) where the cell has one; laid out by `carryLayout`. */
  readonly carry: Carry;
}

/** A network that can be stepped: configuration and weights, shared by many streams. */
export interface Model<In extends Input = Input> {
  readonly config: ModelConfig;
  readonly carryLayout: CarryLayout;
  /** The carry before the first step: zeros. */
  zeroCarry(): Carry;
  /** @throws InputError if the input is of another kind or shape, out of range, or not finite */
  checkInput(input: In): void;
  /**
   * One time step.
   *
   * @param carry (carryLayout.size) what the step before left, or `zeroCarry()`
   * @param input a token below `input.size`, or (input.size) features
   * @throws InputError as `checkInput`, or if the carry has another length
   */
  step(carry: Carry, input: In): Step;
  /** One time step of many streams: the same bits as `step` on each. All are checked before any is stepped. */
  stepMany(carries: readonly Carry[], inputs: readonly In[]): Step[];
}

/** A model whose weights are ours to read, write and learn. */
export interface TrainableModel<In extends Input = Input> extends Model<In> {
  readonly network: Network;
  /** A copy of the weights by name: `weight_ih_l0` (gates · H × K), `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, ..., `readout.weight`, `readout.bias`. */
  weights(): Weights;
  /**
   * Sets the named tensors, and leaves the others.
   *
   * @throws ConfigError naming the tensor, the expected and the given length
   */
  setWeights(weights: Partial<Weights>): void;
}

/** The weights' seed when none is given. */
const defaultSeed = 0;

/**
 * A model with drawn weights: the same seed gives the same weights on every machine.
 *
 * @throws ConfigError naming the field that is wrong
 */
export async function createModel(config: ModelConfig, options: { seed?: number } = {}): Promise<TrainableModel> {
  const checked = checkConfig(config);
  return buildModel(await createKernels(), checked, options.seed ?? defaultSeed);
}

/** A model of its own with the same configuration and weights. */
export async function copyModel(model: TrainableModel): Promise<TrainableModel> {
  const copy = buildModel(await createKernels(), model.config, null);
  copy.setWeights(model.weights());
  return copy;
}

/** The model on the given kernels; with seed null, all weights are 0. */
export function buildModel(kernels: Kernels, config: ModelConfig, seed: number | null): TrainableModel {
  const checked = checkConfig(config);
  const { arena } = kernels;
  const parameters = layoutParameters(checked);
  const weights = arena.reserve(parameters.size);
  const network: Network = { kernels, config: checked, parameters, weights: weights.address, version: 0 };
  const layout = carryLayout(checked);
  const create = kernels.name === 'float64' ? (n: number) => new Float64Array(n) : (n: number) => new Float32Array(n);
  const batch = createBatch(network, layout, create);

  const model: TrainableModel = {
    config: checked,
    carryLayout: layout,
    network,
    zeroCarry: () => create(layout.size) as Carry,
    checkInput: input => checkInput(checked, input),
    step: batch.step,
    stepMany: batch.stepMany,

    weights: () => readTensors(network, weights.array),

    setWeights(given) {
      for (const [name, values] of Object.entries(given)) {
        const tensor = parameters.tensors.find(one => one.name === name);
        if (tensor === undefined) {
          throw new ConfigError(
            `Expected a tensor of this model (${parameters.tensors.map(one => one.name).join(', ')}), got ${name}`,
          );
        }
        if (values?.length !== tensor.places.length) {
          throw new ConfigError(
            `Expected ${name} to have ${tensor.places.length} numbers (${tensor.shape.join(' × ')}), got ${values?.length}`,
          );
        }
      }
      for (const tensor of parameters.tensors) {
        const values = given[tensor.name];
        if (values) for (let i = 0; i < values.length; i++) weights.array[tensor.places[i]] = values[i];
      }
      network.version++;
    },
  };
  if (seed !== null) model.setWeights(drawWeights(checked, parameters, createRandom(seed)));
  return model;
}

/** The tensors by name, out of numbers that lie as the weights do: the weights, their gradient, their moments. */
export function readTensors(network: Network, numbers: Floats): Weights {
  const create =
    network.kernels.name === 'float64' ? (n: number) => new Float64Array(n) : (n: number) => new Float32Array(n);
  return Object.fromEntries(
    network.parameters.tensors.map(({ name, places }) => {
      const values = create(places.length);
      for (let i = 0; i < places.length; i++) values[i] = numbers[places[i]];
      return [name, values as Float32Array];
    }),
  );
}

/** @throws InputError */
export function checkInput(config: ModelConfig, input: Input): void {
  checkShape(config, input);
  if (typeof input !== 'number') {
    for (let i = 0; i < input.length; i++) if (!Number.isFinite(input[i])) throw notFinite(input[i], i);
  }
}

function checkShape(config: ModelConfig, input: Input): void {
  const { kind, size } = config.input;
  if (kind === 'token') {
    if (typeof input !== 'number')
      throw new InputError(`Expected input to be a token (a number), got ${describe(input)}`);
    if (!Number.isInteger(input) || input < 0 || input >= size) {
      throw new InputError(`Expected input to be a token from 0 to ${size - 1}, got ${input}`);
    }
  } else if (!isRow(input)) {
    throw new InputError(`Expected input to be a Float32Array of ${size} features, got ${describe(input)}`);
  } else if (input.length !== size) {
    throw new InputError(`Expected input to have ${size} features, got ${input.length}`);
  }
}

/** A row of features; of float64 where the model is the ruler of gradient checks. */
function isRow(input: unknown): input is Float32Array {
  return input instanceof Float32Array || input instanceof Float64Array;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? (value.constructor?.name ?? 'an object') : typeof value;
}

function notFinite(value: number, index: number): InputError {
  return new InputError(`Expected input[${index}] to be a finite number, got ${value}`, index);
}

/** Steps through activations of one time step, which grow with the largest batch. */
function createBatch(network: Network, layout: CarryLayout, create: (length: number) => Floats) {
  const { kernels: k, config } = network;
  const { arena } = k;
  const features = config.input.kind === 'features';
  const outputs = config.output.size;
  const separate = config.output.kind !== 'values';
  const emitted = layout.size + outputs + (separate ? outputs : 0);
  const slab = createSlab(create);
  let rows: Activations;
  let staging: Region;
  let out: Region;
  const single: readonly Block[] = [{ step: 0, previous: 0, count: 1 }];

  const grow = (streams: number): void => {
    rows = createActivations(arena, config, streams, streams, false);
    staging = arena.reserve(Math.max(config.input.size, layout.size));
    out = arena.reserve(emitted);
  };
  grow(1);

  /** Puts the carry and the input of one stream in their rows. */
  const load = (row: number, carry: Carry, input: Input): void => {
    if (features) {
      arena.floats.set(input as Float32Array, staging.address);
      const bad = k.load(staging.address, rows.inputs + row * rows.inputStride, config.input.size);
      if (bad >= 0) throw notFinite((input as Float32Array)[bad], bad);
    } else {
      rows.tokens[row] = input as number;
    }
    loadCarry(network, layout, rows, row, carry, staging.address);
  };

  /** What a step leaves, as arrays of its own. */
  const emit = (row: number): Step => {
    const { parts, size } = layout;
    for (let i = 0; i < parts.length; i++) {
      const { layer: index, part, offset, length } = parts[i];
      const layer = rows.layers[index];
      k.copy((part === 'h' ? layer.h : layer.c) + (layer.lead + row) * layer.n, out.address + offset, length);
    }
    k.copy(rows.logits + row * rows.outputStride, out.address + size, outputs);
    if (separate) k.copy(rows.predictions + row * rows.outputStride, out.address + size + outputs, outputs);
    const place = slab.take(emitted);
    const floats = slab.floats() as Float32Array;
    floats.set(out.array, place);
    const carry = floats.subarray(place, place + size);
    const logits = floats.subarray(place + size, place + size + outputs);
    return { logits, prediction: separate ? floats.subarray(place + size + outputs, place + emitted) : logits, carry };
  };

  const check = (carry: Carry, input: Input): void => {
    checkShape(config, input);
    if (carry.length !== layout.size)
      throw new InputError(`Expected carry to have ${layout.size} numbers, got ${carry.length}`);
  };

  return {
    step(carry: Carry, input: Input): Step {
      check(carry, input);
      load(0, carry, input);
      forward(network, rows, 0, 1, single);
      return emit(0);
    },

    stepMany(carries: readonly Carry[], inputs: readonly Input[]): Step[] {
      const count = inputs.length;
      if (carries.length !== count)
        throw new InputError(`Expected as many carries as inputs (${count}), got ${carries.length}`);
      if (count > rows.streams) grow(Math.max(count, 2 * rows.streams));
      for (let row = 0; row < count; row++) check(carries[row], inputs[row]);
      for (let row = 0; row < count; row++) load(row, carries[row], inputs[row]);
      if (count === 0) return [];
      forward(network, rows, 0, count, [{ step: 0, previous: 0, count }]);
      return Array.from(inputs, (_, row) => emit(row));
    },
  };
}

/** Puts a carry in the state rows before the first step of a stream. */
export function loadCarry(
  network: Network,
  layout: CarryLayout,
  rows: Activations,
  stream: number,
  carry: Carry,
  staging: number,
): void {
  const { kernels: k } = network;
  k.arena.floats.set(carry, staging);
  const { parts } = layout;
  for (let i = 0; i < parts.length; i++) {
    const { layer: index, part, offset, length } = parts[i];
    const layer = rows.layers[index];
    k.load(staging + offset, (part === 'h' ? layer.h : layer.c) + stream * layer.n, length);
  }
}
