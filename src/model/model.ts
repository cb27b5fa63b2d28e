import { encoderOf } from '../encoders/encoders.js';
import { ConfigError, expectOptions, kindOf } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Floats } from '../kernels/memory.js';
import { arithmeticOf } from '../kernels/reference.js';
import { createKernels } from '../kernels/wasm.js';
import { createRandom } from '../random.js';
import { createBatch } from './batch.js';
import { type Carry, type CarryLayout, carryLayout } from './carry.js';
import { checkConfig, type ModelConfig } from './config.js';
import { checkInput, type Input } from './input.js';
import { createMoving, type Moved, type Run } from './moving.js';
import type { Network } from './network.js';
import { drawWeights, layoutParameters, type Weights } from './parameters.js';
import { arrays, type Step } from './transfer.js';

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
   * @param input a token below `input.size`, or (input.size) features; null for none: zeros, or no token at all
   * @throws InputError as `checkInput`, or if the carry has another length or is not finite
   */
  step(carry: Carry, input: In | null): Step;
  /** One time step of many streams: the same bits as `step` on each. All are checked before any is stepped. */
  stepMany(carries: readonly Carry[], inputs: readonly (In | null)[]): Step[];
  /**
   * `stepMany` for who keeps nothing of it, and for several steps of each stream: carries are overwritten, and what is returned changes with
   * the next call. What is wrong with one stream is said of it, and the others move.
   *
   * @param count of the runs, the first ones; default all
   * @param goOn asked before each step but the first, whether there is time for it
   * @returns in the order of the runs; older ones may stand behind them
   */
  moveMany(runs: readonly Run[], count?: number, goOn?: () => boolean): readonly Moved[];
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

export function isModel(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && typeof (value as Model).stepMany === 'function';
}

/** @throws ConfigError if it is no model, such as the promise of one */
export function checkModel(model: unknown): void {
  if (!isModel(model))
    throw new ConfigError(`Expected model to be what createModel or loadModel resolves to, got ${kindOf(model)}`);
}

/**
 * A model with drawn weights: the same seed gives the same weights on every machine.
 *
 * @throws ConfigError naming the field that is wrong, or the encoder whose inputs are others; LimitError where there is no memory for one
 * more model
 */
export async function createModel(config: ModelConfig, options: { seed?: number } = {}): Promise<TrainableModel> {
  expectOptions(options, ['seed']);
  const checked = checkConfig(config);
  encoderOf(checked);
  return buildModel(await createKernels(), checked, options.seed ?? defaultSeed);
}

/**
 * A model of its own with the same configuration and weights.
 *
 * @throws ConfigError if it is given no model, LimitError where there is no memory for one more
 */
export async function copyModel(model: TrainableModel): Promise<TrainableModel> {
  checkModel(model);
  const weights = model.weights();
  const copy = buildModel(await createKernels(), model.config, null);
  copy.setWeights(weights);
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
  const create = arrays(kernels);
  const { round } = arithmeticOf(kernels);
  const batch = createBatch(network, layout);

  const model: TrainableModel = {
    config: checked,
    carryLayout: layout,
    network,
    zeroCarry: () => create(layout.size) as Carry,
    checkInput: input => checkInput(checked, input),
    step: batch.step,
    stepMany: batch.stepMany,
    moveMany: createMoving(network, layout),

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
        const bad = values.findIndex(value => !Number.isFinite(round(value)));
        if (bad >= 0) throw new ConfigError(`Expected ${name}[${bad}] to be a finite number, got ${values[bad]}`);
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
  const create = arrays(network.kernels);
  return Object.fromEntries(
    network.parameters.tensors.map(({ name, places }) => {
      const values = create(places.length);
      for (let i = 0; i < places.length; i++) values[i] = numbers[places[i]];
      return [name, values as Float32Array];
    }),
  );
}
