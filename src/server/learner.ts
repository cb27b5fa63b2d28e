import { ConfigError, LimitError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { copyModel, type TrainableModel } from '../model/model.js';
import type { Weights } from '../model/parameters.js';
import type { OptimizerConfig } from '../training/optimizer.js';
import { createTrainer, type Trainer, type TrainerOptions } from '../training/trainer.js';
import type { Learning, WireOptimizer } from '../wire/messages.js';

/** How a session learns. */
export interface SessionLearner {
  readonly trainer: Trainer;
  /** The weights are this session's alone. */
  readonly own: boolean;
  /** Every choice made. */
  readonly learning: Learning;
  /** The target of a step is the input this many steps later; 0: targets are sent. */
  readonly horizon: number;
  /** Weights and optimizer go back to where they were at the start. */
  restore(): void;
}

/** Something of the protocol that is not offered. */
export class UnsupportedError extends ConfigError {}

/**
 * A learner with weights of its own.
 *
 * @throws ConfigError naming the setting that is wrong; UnsupportedError; LimitError beyond `maxBytes`
 */
export async function createPrivateLearner(
  model: TrainableModel,
  learning: Learning | undefined,
  maxBytes: number,
): Promise<SessionLearner> {
  const options = trainerOptions(model.config, learning);
  const bytes = learnerBytes(model, options);
  if (bytes > maxBytes) {
    throw new LimitError(`Expected a learner of at most ${maxBytes} bytes, got ${bytes}: take a smaller k2 or model`);
  }
  const copy = await copyModel(model);
  const trainer = createTrainer(copy, options);
  return { ...describe(trainer, learning, true), restore: restorer(trainer, model.weights()) };
}

/** A learner that moves the model for everyone; its trainer is made by whoever asks first. */
export function createSharedLearner(
  model: TrainableModel,
  trainer: Trainer | undefined,
  learning: Learning | undefined,
): SessionLearner {
  const learner = describe(trainer ?? createTrainer(model, trainerOptions(model.config, learning)), learning, false);
  return { ...learner, restore: () => {} };
}

function describe(trainer: Trainer, learning: Learning | undefined, own: boolean): Omit<SessionLearner, 'restore'> {
  const { config } = trainer.model;
  const horizon = horizonOf(config, learning);
  const { optimizer: _, ...options } = trainer.options;
  if (horizon > options.lateness + 1) {
    throw new ConfigError(`Expected horizon to be at most lateness + 1 (${options.lateness + 1}), got ${horizon}`);
  }
  return {
    trainer,
    own,
    horizon,
    learning: {
      ...options,
      optimizer: trainer.optimizer.config,
      targetSource: horizon > 0 ? 'input' : 'sent',
      ...(horizon > 0 ? { horizon } : {}),
    },
  };
}

function trainerOptions(config: ModelConfig, learning: Learning = {}): TrainerOptions {
  const { k1, k2, optimizer, maxGradientNorm, freeze, maxSkipped, replay } = learning;
  if (replay !== undefined && (replay.capacity > 0 || replay.windows > 0)) {
    throw new UnsupportedError('Expected no replay: this server offers none');
  }
  const lateness = Math.max(learning.lateness ?? 0, horizonOf(config, learning) - 1);
  return {
    lateness,
    ...given({ k1, k2, maxGradientNorm, freeze, maxSkipped }),
    ...(optimizer?.kind === undefined ? {} : { optimizer: optimizerOf(optimizer) }),
  };
}

/** What is left out is the trainer's own choice. */
function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** The trainer checks the settings of each kind. */
function optimizerOf({ rate, ...settings }: WireOptimizer): OptimizerConfig {
  if (rate === undefined) throw new ConfigError('Expected optimizer.rate to be given, got none');
  return { ...settings, rate } as OptimizerConfig;
}

function horizonOf(config: ModelConfig, learning: Learning | undefined): number {
  if (learning?.targetSource !== 'input') return 0;
  const { input, output } = config;
  const fits =
    input.kind === 'token'
      ? output.kind === 'classes' && output.size >= input.size
      : output.kind === 'values' && output.size === input.size;
  if (!fits) {
    throw new ConfigError(
      `Expected inputs that can be targets (tokens and classes, or features and as many values), got ` +
        `${input.size} ${input.kind} and ${output.size} ${output.kind}`,
    );
  }
  return Math.max(1, learning.horizon ?? 1);
}

/** Bytes that the model, its gradient, its transposed copy, two moments and the windows take, at most. */
function learnerBytes(model: TrainableModel, options: TrainerOptions): number {
  const { input, layers, output } = model.config;
  const { k1 = 1, lateness = 0 } = options;
  const { k2 = Math.max(16, k1) } = options;
  const units = layers.reduce((sum, layer) => sum + layer.size, 0);
  const row = 2 * input.size + 16 * units + 4 * output.size + 64;
  return 4 * (5 * model.network.parameters.size + (k1 + k2 + lateness) * 2 * row);
}

function restorer(trainer: Trainer, weights: Weights): () => void {
  const counters = trainer.counters();
  return () => {
    trainer.model.setWeights(weights);
    for (const moment of Object.values(trainer.optimizer.moments)) moment.array.fill(0);
    trainer.restore(counters);
  };
}
