import { ConfigError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Region } from '../kernels/memory.js';

/** How weights move along their gradient. Learning rates are per update. */
export type OptimizerConfig =
  | {
      /** Stochastic gradient descent, as PyTorch `SGD`. */
      readonly kind: 'sgd';
      readonly rate: number;
      /** Default 0. */
      readonly momentum?: number;
    }
  | {
      /** Adam (Kingma and Ba 2015), as PyTorch `Adam`. */
      readonly kind: 'adam';
      readonly rate: number;
      /** Decay of the first moment. Default 0: what learns online follows the newest gradient. */
      readonly beta1?: number;
      /** Decay of the second moment. Default 0.999. */
      readonly beta2?: number;
      /** Default 1e-8. */
      readonly epsilon?: number;
    };

/** A run of weights: address of the first among them, and how many. */
export type Range = readonly [offset: number, length: number];

export interface Optimizer {
  /** With every default filled in. */
  readonly config: Required<OptimizerConfig>;
  /** Moves the weights of the ranges along their gradient times `scale`. */
  update(weights: number, gradient: number, ranges: readonly Range[], scale: number): void;
  /** What a checkpoint keeps: the moments by name (each laid out as the weights), and the counters. */
  readonly moments: Readonly<Record<string, Region>>;
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

export const defaultOptimizer: OptimizerConfig = { kind: 'adam', rate: 0.002 };

/** @throws ConfigError naming the setting that is wrong */
export function createOptimizer(kernels: Kernels, size: number, config: OptimizerConfig): Optimizer {
  return config.kind === 'sgd' ? sgd(kernels, size, checkSgd(config)) : adam(kernels, size, checkAdam(config));
}

type Sgd = Required<Extract<OptimizerConfig, { kind: 'sgd' }>>;
type Adam = Required<Extract<OptimizerConfig, { kind: 'adam' }>>;

function sgd(kernels: Kernels, size: number, config: Sgd): Optimizer {
  const velocity = kernels.arena.reserve(config.momentum === 0 ? 0 : size);
  return {
    config,
    moments: config.momentum === 0 ? {} : { velocity },
    counters: () => ({}),
    restore: () => {},
    update(weights, gradient, ranges, scale) {
      for (const [offset, length] of ranges) {
        kernels.sgd(
          weights + offset,
          gradient + offset,
          velocity.address + offset,
          length,
          scale,
          config.rate,
          config.momentum,
        );
      }
    },
  };
}

function adam(kernels: Kernels, size: number, config: Adam): Optimizer {
  const first = kernels.arena.reserve(size);
  const second = kernels.arena.reserve(size);
  // β^t as running products: `Math.pow` differs between engines.
  let power1 = 1;
  let power2 = 1;
  return {
    config,
    moments: { first, second },
    counters: () => ({ power1, power2 }),
    restore(counters) {
      power1 = counters.power1;
      power2 = counters.power2;
    },
    update(weights, gradient, ranges, scale) {
      const { rate, beta1, beta2, epsilon } = config;
      power1 *= beta1;
      power2 *= beta2;
      const root = 1 / Math.sqrt(1 - power2);
      for (const [offset, length] of ranges) {
        const [w, g, m, v] = [weights + offset, gradient + offset, first.address + offset, second.address + offset];
        kernels.adam(w, g, m, v, length, scale, rate / (1 - power1), beta1, beta2, root, epsilon);
      }
    },
  };
}

function checkSgd(config: Extract<OptimizerConfig, { kind: 'sgd' }>): Sgd {
  const { rate, momentum = 0 } = config;
  expectRate(rate);
  expectDecay('momentum', momentum);
  return { kind: 'sgd', rate, momentum };
}

function checkAdam(config: Extract<OptimizerConfig, { kind: 'adam' }>): Adam {
  const { kind, rate, beta1 = 0, beta2 = 0.999, epsilon = 1e-8 } = config;
  if (kind !== 'adam') throw new ConfigError(`Expected optimizer.kind to be 'sgd' or 'adam', got ${String(kind)}`);
  expectRate(rate);
  expectDecay('beta1', beta1);
  expectDecay('beta2', beta2);
  if (!(epsilon > 0 && Number.isFinite(epsilon)))
    throw new ConfigError(`Expected optimizer.epsilon to be positive, got ${epsilon}`);
  return { kind: 'adam', rate, beta1, beta2, epsilon };
}

function expectRate(rate: number): void {
  if (!(rate >= 0 && Number.isFinite(rate)))
    throw new ConfigError(`Expected optimizer.rate to be a number from 0, got ${rate}`);
}

function expectDecay(name: string, value: number): void {
  if (!(value >= 0 && value < 1))
    throw new ConfigError(`Expected optimizer.${name} to be from 0 to below 1, got ${value}`);
}
