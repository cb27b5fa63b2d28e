import { ConfigError, expect, expectKnown, expectOptions } from '../errors.js';
import type { TrainableModel } from '../model/model.js';
import { checkGuard, type GuardOptions } from './guard-options.js';
import { fillLoss, isOfWindows, type LossConfig } from './losses.js';
import { defaultOptimizer, fillOptimizer, type OptimizerConfig } from './optimizer.js';
import type { ReadoutOptions } from './readout.js';

export interface TrainerOptions {
  /** Default: the loss that the kind of output implies. */
  readonly loss?: LossConfig;
  /** Default Adam with rate 0.002, β1 = 0, β2 = 0.999. */
  readonly optimizer?: OptimizerConfig;
  /** Steps between updates. Default 1. */
  readonly k1?: number;
  /** Steps that the gradient passes through, the target's own included; at least k1. Default 16, or k1 if that is more. */
  readonly k2?: number;
  /** Further steps that are kept for targets that come late. Default 0. */
  readonly lateness?: number;
  /** The gradient is scaled down to this global norm. Default 1; `Infinity` for none. */
  readonly maxGradientNorm?: number;
  /** Before that, each element of the gradient is brought within ± this. Default none. */
  readonly maxGradientElement?: number;
  /** The readout learns by a rule of its own. Default by that of the network. */
  readonly readout?: ReadoutOptions;
  /** Recent windows of the same stream that join each update; default none. */
  readonly replay?: ReplayOptions;
  /** Names of tensors that do not learn. */
  readonly freeze?: readonly string[];
  /** The `DivergenceError` comes with so many skipped updates in a row. Default 10. With a guard none does: its `maxRollbacks` is the bound. */
  readonly maxSkipped?: number;
  /** Shortens updates that are far too long, and goes back to the last good snapshot when the learner has become worse; `{}` for all defaults. Default none. */
  readonly guard?: GuardOptions;
}

/**
 * Windows that join an update: drawn (seeded) from those that end within the newest `capacity` steps and whose targets have
 * come, each from the carry stored with it, with the losses of its newest k1 steps. Recent ones only: unlimited history
 * hurts after a drift. Not of losses of whole windows (`ctc`).
 */
export interface ReplayOptions {
  /** Windows in each update. */
  readonly windows: number;
  /** Steps that are remembered. */
  readonly capacity: number;
  /** Default 0. */
  readonly seed?: number;
}

/** The options with every default filled in. */
export type FullOptions = Required<Omit<TrainerOptions, 'replay' | 'guard' | 'readout'>> & {
  readonly replay: Required<ReplayOptions>;
  readonly guard?: Required<GuardOptions>;
  readonly readout?: Required<ReadoutOptions>;
};

const defaultK2 = 16;
const most = 1_000_000;

const known: readonly (keyof TrainerOptions)[] = [
  'optimizer',
  'k1',
  'k2',
  'loss',
  'lateness',
  'maxGradientNorm',
  'maxGradientElement',
  'readout',
  'replay',
  'freeze',
  'maxSkipped',
  'guard',
];

/**
 * All that may be wrong with the options of a trainer of this model is found here: nothing has been reserved in its arena yet.
 *
 * @throws ConfigError naming the option that is wrong
 */
export function checkOptions(options: TrainerOptions, { config, network }: TrainableModel): FullOptions {
  expectOptions(options, known);
  const {
    optimizer = defaultOptimizer,
    k1 = 1,
    lateness = 0,
    maxGradientNorm = 1,
    maxGradientElement = Number.POSITIVE_INFINITY,
    freeze = [],
    maxSkipped = 10,
    replay = {},
  } = options;
  const { k2 = Math.max(defaultK2, k1) } = options;
  expect(typeof replay === 'object' && replay !== null, 'replay', 'an object', replay);
  expectKnown('an option of replay', replay, ['windows', 'capacity', 'seed']);
  const { windows = 0, capacity = 0, seed = 0 }: Partial<ReplayOptions> = replay;
  expectCount('k1', k1, 1);
  expectCount('k2', k2, k1, `k1 (${k1})`);
  expectCount('lateness', lateness, 0);
  expect(maxGradientNorm > 0, 'maxGradientNorm', 'a positive number', maxGradientNorm);
  expect(maxGradientElement > 0, 'maxGradientElement', 'a positive number', maxGradientElement);
  expectCount('maxSkipped', maxSkipped, 1);
  expectCount('replay.windows', windows, 0);
  expectCount('replay.capacity', capacity, windows > 0 ? 1 : 0);
  expect(Number.isSafeInteger(seed) && seed >= 0, 'replay.seed', 'an integer from 0', seed);
  const names = network.parameters.tensors.map(tensor => tensor.name);
  expect(Array.isArray(freeze), 'freeze', 'a list of names of tensors', freeze);
  for (const name of freeze) expect(names.includes(name), 'freeze', `names of tensors (${names.join(', ')})`, name);
  fillOptimizer(optimizer);
  const loss = fillLoss(config.output, options.loss);
  if (windows > 0 && isOfWindows(loss))
    throw new ConfigError(
      `Expected a loss of each step with replay, got ${loss.kind}: a window that is drawn cuts labels that belong together`,
    );
  const readout = options.readout === undefined ? {} : { readout: checkReadout(options.readout, loss) };
  const guard = options.guard === undefined ? {} : { guard: checkGuard(options.guard) };
  return {
    loss,
    optimizer,
    k1,
    k2,
    lateness,
    maxGradientNorm,
    maxGradientElement,
    replay: { windows, capacity, seed },
    freeze: [...freeze],
    maxSkipped,
    ...guard,
    ...readout,
  };
}

function checkReadout(options: ReadoutOptions, loss: LossConfig): Required<ReadoutOptions> {
  expect(typeof options === 'object' && options !== null, 'readout', 'an object', options);
  expectKnown('an option of readout', options, ['optimizer', 'k1']);
  const { optimizer, k1 = 1 } = options;
  expect(typeof optimizer === 'object' && optimizer !== null, 'readout.optimizer', 'an optimizer', optimizer);
  fillOptimizer(optimizer);
  expectCount('readout.k1', k1, 1);
  if (isOfWindows(loss))
    throw new ConfigError(`Expected a loss of each step with readout, got ${loss.kind}, a loss of whole windows`);
  return { optimizer, k1 };
}

function expectCount(name: string, value: number, least: number, shown = `${least}`): void {
  expect(Number.isInteger(value) && value >= least && value <= most, name, `an integer from ${shown}`, value);
}
