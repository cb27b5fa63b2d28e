import { ConfigError, expect as expectOption } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Region } from '../kernels/memory.js';
import { checkSchedule, type Schedule, scheduleFactor } from './schedule.js';
import { refuseOthers } from './settings.js';

interface Common {
  /** Learning rate of an update. */
  readonly rate: number;
  /** Default constant. */
  readonly schedule?: Schedule;
}

/** How weights move along their gradient. */
export type OptimizerConfig =
  | (Common & {
      /** Stochastic gradient descent, as PyTorch `SGD`. */
      readonly kind: 'sgd';
      /** Default 0. */
      readonly momentum?: number;
    })
  | (Common & {
      /** RMSProp (Tieleman and Hinton 2012), as PyTorch `RMSprop`. */
      readonly kind: 'rmsprop';
      /** Decay of the mean square. Default 0.99. */
      readonly decay?: number;
      /** Default 1e-8. */
      readonly epsilon?: number;
    })
  | (Common & {
      /** Adagrad (Duchi et al. 2011), as PyTorch `Adagrad`. */
      readonly kind: 'adagrad';
      /** Default 1e-10. */
      readonly epsilon?: number;
    })
  | (Common & {
      /** Adam (Kingma and Ba 2015), as PyTorch `Adam`; with `weightDecay` above 0, AdamW (Loshchilov and Hutter 2019). */
      readonly kind: 'adam';
      /** Decay of the first moment. Default 0: what learns online follows the newest gradient. */
      readonly beta1?: number;
      /** Decay of the second moment. Default 0.999. */
      readonly beta2?: number;
      /** Default 1e-8. */
      readonly epsilon?: number;
      /** Decoupled from the gradient: each update takes rate · weightDecay of the weights. Default 0. */
      readonly weightDecay?: number;
    });

/** A run of weights: address of the first among them, and how many. */
export type Range = readonly [offset: number, length: number];

/** Addresses of the weights, and of the gradient laid out like them. */
interface Move {
  readonly weights: number;
  readonly gradient: number;
  readonly ranges: readonly Range[];
  /** Factor on the gradient. */
  readonly scale: number;
  /** Learning rate of this update. */
  readonly rate: number;
}

export interface Optimizer {
  /** With every default filled in, and the rate as it is now. */
  config(): Required<OptimizerConfig>;
  /** The learning rate; it may be changed between updates. */
  rate: number;
  /** Factor on the rate: below 1 while a guard holds it down. */
  factor: number;
  /** Moves the weights of the ranges along their gradient times `scale`. */
  update(weights: number, gradient: number, ranges: readonly Range[], scale: number): void;
  /** What a checkpoint keeps: the moments by name (each laid out as the weights), and the counters. */
  readonly moments: Readonly<Record<string, Region>>;
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

/** One kind of optimizer: what it keeps, and how it moves. */
type Rule = Pick<Optimizer, 'moments' | 'counters' | 'restore'> & { move(move: Move): void };

export const defaultOptimizer: OptimizerConfig = { kind: 'adam', rate: 0.002 };

type Full<Kind extends OptimizerConfig['kind']> = Required<Extract<OptimizerConfig, { kind: Kind }>>;

/**
 * @param size numbers in the weights
 * @throws ConfigError naming the setting that is wrong
 */
export function createOptimizer(kernels: Kernels, size: number, config: OptimizerConfig): Optimizer {
  const full = fillOptimizer(config);
  const rule = createRule(kernels, size, full);
  let updates = 0;
  const optimizer: Optimizer = {
    config: () => ({ ...full, rate: optimizer.rate }),
    rate: full.rate,
    factor: 1,
    moments: rule.moments,
    update(weights, gradient, ranges, scale) {
      updates++;
      const rate = optimizer.rate * optimizer.factor * scheduleFactor(full.schedule, updates);
      rule.move({ weights, gradient, ranges, scale, rate });
    },
    counters: () => ({ updates, ...rule.counters() }),
    restore(counters) {
      updates = counters.updates;
      rule.restore(counters);
    },
  };
  return optimizer;
}

function createRule(kernels: Kernels, size: number, config: Required<OptimizerConfig>): Rule {
  switch (config.kind) {
    case 'sgd':
      return sgd(kernels, size, config);
    case 'rmsprop':
      return rmsprop(kernels, size, config);
    case 'adagrad':
      return adagrad(kernels, size, config);
    default:
      return adam(kernels, size, config);
  }
}

const uncounted = { counters: () => ({}), restore: () => {} };

function sgd(kernels: Kernels, size: number, { momentum }: Full<'sgd'>): Rule {
  const velocity = kernels.arena.reserve(momentum === 0 ? 0 : size);
  return {
    ...uncounted,
    moments: momentum === 0 ? {} : { velocity },
    move({ weights, gradient, ranges, scale, rate }) {
      for (const [at, length] of ranges)
        kernels.sgd(weights + at, gradient + at, velocity.address + at, length, scale, rate, momentum);
    },
  };
}

function rmsprop(kernels: Kernels, size: number, { decay, epsilon }: Full<'rmsprop'>): Rule {
  const second = kernels.arena.reserve(size);
  return {
    ...uncounted,
    moments: { second },
    move({ weights, gradient, ranges, scale, rate }) {
      for (const [at, length] of ranges) {
        const v = second.address + at;
        kernels.adam(weights + at, gradient + at, v, v, length, scale, rate, 0, decay, 1, epsilon, 1);
      }
    },
  };
}

function adagrad(kernels: Kernels, size: number, { epsilon }: Full<'adagrad'>): Rule {
  const sum = kernels.arena.reserve(size);
  return {
    ...uncounted,
    moments: { sum },
    move({ weights, gradient, ranges, scale, rate }) {
      for (const [at, length] of ranges)
        kernels.adagrad(weights + at, gradient + at, sum.address + at, length, scale, rate, epsilon);
    },
  };
}

function adam(kernels: Kernels, size: number, { beta1, beta2, epsilon, weightDecay }: Full<'adam'>): Rule {
  const first = kernels.arena.reserve(beta1 === 0 ? 0 : size);
  const second = kernels.arena.reserve(size);
  // β^t as running products: `Math.pow` differs between engines.
  let power1 = 1;
  let power2 = 1;
  return {
    moments: beta1 === 0 ? { second } : { first, second },
    counters: () => ({ power1, power2 }),
    restore(counters) {
      power1 = counters.power1;
      power2 = counters.power2;
    },
    move({ weights, gradient, ranges, scale, rate }) {
      power1 *= beta1;
      power2 *= beta2;
      const [corrected, root, keep] = [rate / (1 - power1), 1 / Math.sqrt(1 - power2), 1 - rate * weightDecay];
      for (const [at, length] of ranges) {
        const [w, g, m, v] = [weights + at, gradient + at, first.address + at, second.address + at];
        kernels.adam(w, g, m, v, length, scale, corrected, beta1, beta2, root, epsilon, keep);
      }
    },
  };
}

/** Beyond it no optimizer learns. */
const largestRate = 1e6;

/**
 * The settings, checked, with every default filled in.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function fillOptimizer(config: OptimizerConfig): Required<OptimizerConfig> {
  if (typeof config !== 'object' || config === null)
    throw new ConfigError(`Expected optimizer to be { kind, rate }, got ${String(config)}`);
  const filled = fill(config);
  refuseOthers('optimizer', config, Object.keys(filled));
  return filled;
}

function fill(config: OptimizerConfig): Required<OptimizerConfig> {
  const { kind, rate } = config;
  const schedule = checkSchedule(config.schedule ?? { kind: 'constant' });
  // In float32: a rate that is 0 there learns nothing, one that is infinite ruins the weights.
  expect(rate === 0 || Math.fround(rate) > 0, 'rate', 'a number from 0', rate);
  expect(rate <= largestRate, 'rate', `at most ${largestRate}`, rate);
  switch (kind) {
    case 'sgd': {
      const { momentum = 0 } = config;
      expectDecay('momentum', momentum);
      return { kind, rate, schedule, momentum };
    }
    case 'rmsprop': {
      const { decay = 0.99, epsilon = 1e-8 } = config;
      expectDecay('decay', decay);
      expectPositive('epsilon', epsilon);
      return { kind, rate, schedule, decay, epsilon };
    }
    case 'adagrad': {
      const { epsilon = 1e-10 } = config;
      expectPositive('epsilon', epsilon);
      return { kind, rate, schedule, epsilon };
    }
    case 'adam': {
      const { beta1 = 0, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = config;
      expectDecay('beta1', beta1);
      expectDecay('beta2', beta2);
      expectPositive('epsilon', epsilon);
      expect(weightDecay >= 0 && rate * weightDecay < 1, 'weightDecay', 'from 0 to below 1 / rate', weightDecay);
      return { kind, rate, schedule, beta1, beta2, epsilon, weightDecay };
    }
    default:
      throw new ConfigError(`Expected optimizer.kind to be 'sgd', 'rmsprop', 'adagrad' or 'adam', got ${String(kind)}`);
  }
}

/** In float32, as the rate: with one that is 1 there, nothing new would count. */
function expectDecay(name: string, value: number): void {
  expect(value >= 0 && Math.fround(value) < 1, name, 'from 0 to below 1', value);
}

function expectPositive(name: string, value: number): void {
  expect(Math.fround(value) > 0 && Number.isFinite(Math.fround(value)), name, 'a positive number', value);
}

function expect(fits: boolean, name: string, wanted: string, found: unknown): void {
  expectOption(fits, `optimizer.${name}`, wanted, found);
}
