import { ConfigError, LimitError } from '../errors.js';
import { activationsSize } from '../model/activations.js';
import type { ModelConfig } from '../model/config.js';
import type { Input } from '../model/input.js';
import { copyModel, type TrainableModel } from '../model/model.js';
import { outputWidth } from '../model/outputs.js';
import type { Weights } from '../model/parameters.js';
import { isOfWindows, type LossConfig } from '../training/losses.js';
import type { OptimizerConfig } from '../training/optimizer.js';
import { checkOptions, type FullOptions } from '../training/options.js';
import { readoutMoments } from '../training/readout.js';
import { createTrainer, type Trainer, type TrainerOptions, type Update } from '../training/trainer.js';
import { given, type Learning, type TargetValue, type WireOptimizer } from '../wire/messages.js';

/** One that learns with weights that a guard judges. */
export interface Follower {
  /** Told of an update after which the guard marked the weights as good, or rolled them back. */
  heed(update: Update): void;
  /** What `heed` threw. */
  fail(error: unknown): void;
}

/** How a session learns. */
export interface SessionLearner {
  readonly trainer: Trainer;
  /** The weights are this session's alone. */
  readonly own: boolean;
  /** Every choice made. */
  readonly learning: Learning;
  /** The target of a step is the input this many steps later; 0: targets are sent. */
  readonly horizon: number;
  /** To be told of what the guard does, whichever session's update it judges; replaces who was told before. */
  follow(follower: Follower): void;
  /** Tells all that learn with these weights what the guard did; what one of them throws keeps it from none, and is that one's own. */
  tell(update: Update): void;
  /** Of weights of its own: where they were at the start. */
  readonly began?: Began;
  /** One more each time that the guard tells. */
  verdicts(): number;
  /** Weights and optimizer go back to where they were at the start. */
  restore(): void;
  /** The session is gone: its room is another's. */
  leave(): void;
}

/**
 * A learner with weights of its own: a copy of the model's, or, where nobody else has the model, the model's.
 *
 * @throws ConfigError naming the setting that is wrong; LimitError beyond `maxBytes`
 */
export async function createPrivateLearner(
  model: TrainableModel,
  learning: Learning | undefined,
  maxBytes: number,
  alone: boolean,
): Promise<SessionLearner> {
  const options = checkOptions(trainerOptions(model.config, learning), model);
  const horizon = checkHorizon(model.config, options, learning);
  checkBytes(trainerBytes(model, options) + streamBytes(model, options), maxBytes);
  const own = alone ? model : await copyModel(model);
  // Of the copy: the model may have moved meanwhile.
  const weights = own.weights();
  const trainer = createTrainer(own, options);
  return ownLearner(trainer, horizon, { weights, counters: trainer.counters() });
}

/** Where a learner with weights of its own began. */
export interface Began {
  readonly weights: Weights;
  readonly counters: Record<string, number>;
}

/**
 * A learner with weights of its own that was saved: it learns on as `like` does.
 *
 * @throws LimitError beyond `maxBytes`
 */
export function takeUpLearner(trainer: Trainer, like: SessionLearner, began: Began, maxBytes: number): SessionLearner {
  const { model, options } = trainer;
  checkBytes(trainerBytes(model, options) + streamBytes(model, options), maxBytes);
  return ownLearner(trainer, checkHorizon(model.config, options, like.learning), began);
}

function ownLearner(trainer: Trainer, horizon: number, began: Began): SessionLearner {
  return {
    ...describe(trainer, horizon, true),
    ...following({ followers: new Set(), verdicts: 0 }),
    began,
    restore() {
      trainer.model.setWeights(began.weights);
      const { optimizer, readout } = trainer;
      for (const { array } of Object.values({ ...optimizer.moments, ...(readout && readoutMoments(readout)) }))
        array.fill(0);
      trainer.restore(began.counters);
    },
  };
}

/** What was applied to a model that moves for everyone, in the order in which it was: a fold of it gives the same weights. */
export type Applied =
  | {
      readonly kind: 'step';
      readonly input: Input;
      readonly target: TargetValue | undefined;
      readonly forStep: number | undefined;
      readonly weight?: number;
    }
  | {
      readonly kind: 'targets';
      readonly forStep: number;
      readonly targets: readonly TargetValue[];
      readonly weights?: readonly number[];
    }
  /** What remains is learned: the stream ends, or begins afresh. */
  | { readonly kind: 'finish' };

/** What the sessions have in common that learn a model for everyone. */
export interface Sharing {
  /** Made by whoever asks first. */
  shared: Trainer | undefined;
  /** Sessions that learn with it at present, those that are being opened among them. */
  sharers: number;
  readonly followers: Set<Follower>;
  /** One more each time that they are told, from any number on. */
  verdicts: number;
  /** Told of all that is applied, and of the session it came from. */
  journal?: (token: string, applied: Applied) => void;
}

/**
 * A learner that moves the model for everyone.
 *
 * @throws ConfigError naming the setting that is wrong; LimitError if it and the windows of all its sessions exceed
 * `maxBytes`
 */
export function createSharedLearner(
  model: TrainableModel,
  sharing: Sharing,
  learning: Learning | undefined,
  maxBytes: number,
): SessionLearner {
  // What is wrong is found before a trainer is made: the model is there to stay, and so is what the trainer takes of its arena.
  const options =
    sharing.shared?.options ?? checkOptions(trainerOptions(model.config, { guard: {}, ...learning }), model);
  const horizon = checkHorizon(model.config, options, learning);
  checkBytes(trainerBytes(model, options) + (sharing.sharers + 1) * streamBytes(model, options), maxBytes);
  const trainer = sharing.shared ?? createTrainer(model, options);
  const learner = describe(trainer, horizon, false);
  sharing.shared = trainer;
  sharing.sharers++;
  const followed = following(sharing);
  return {
    ...learner,
    ...followed,
    restore: () => {},
    leave() {
      sharing.sharers--;
      followed.leave();
    },
  };
}

type Followed = Pick<Sharing, 'followers' | 'verdicts'>;

function following(told: Followed): Pick<SessionLearner, 'follow' | 'tell' | 'leave' | 'verdicts'> {
  const all = told.followers;
  let own: Follower | undefined;
  const leave = (): void => {
    if (own) all.delete(own);
  };
  return {
    verdicts: () => told.verdicts,
    leave,
    follow(follower) {
      leave();
      own = follower;
      all.add(follower);
    },
    tell(update) {
      told.verdicts++;
      for (const follower of all) {
        try {
          follower.heed(update);
        } catch (error) {
          follower.fail(error);
        }
      }
    },
  };
}

function describe(
  trainer: Trainer,
  horizon: number,
  own: boolean,
): Omit<SessionLearner, 'restore' | 'leave' | 'follow' | 'tell' | 'verdicts' | 'began'> {
  const { optimizer: _, replay, maxGradientElement, readout, ...options } = trainer.options;
  return {
    trainer,
    own,
    horizon,
    learning: {
      ...options,
      optimizer: trainer.optimizer.config(),
      ...(readout ? { readout: { ...readout, optimizer: trainer.readout!.config() } } : {}),
      ...(replay.windows > 0 ? { replay } : {}),
      ...(maxGradientElement < Number.POSITIVE_INFINITY ? { maxGradientElement } : {}),
      targetSource: horizon > 0 ? 'input' : 'sent',
      ...(horizon > 0 ? { horizon } : {}),
    },
  };
}

function trainerOptions(config: ModelConfig, learning: Learning = {}): TrainerOptions {
  const { k1, k2, optimizer, maxGradientNorm, maxGradientElement, freeze, maxSkipped, replay } = learning;
  const { guard, loss, readout } = learning;
  const lateness = Math.max(learning.lateness ?? 0, horizonOf(config, learning) - 1);
  return {
    lateness,
    ...given({ k1, k2, maxGradientNorm, maxGradientElement, freeze, maxSkipped, replay, guard: guard && given(guard) }),
    ...(isGiven(optimizer) ? { optimizer: optimizerOf('optimizer', optimizer) } : {}),
    ...(isGiven(loss) ? { loss: given(loss) as LossConfig } : {}),
    ...(readout === undefined
      ? {}
      : { readout: given({ k1: readout.k1, optimizer: optimizerOf('readout.optimizer', readout.optimizer) }) }),
  };
}

function isGiven<T extends object>(fields: T | undefined): fields is T {
  return fields !== undefined && Object.keys(given(fields)).length > 0;
}

/** The trainer checks the settings of each kind. */
function optimizerOf(name: string, { kind = 'adam', rate, ...settings }: WireOptimizer = {}): OptimizerConfig {
  if (rate === undefined) throw new ConfigError(`Expected ${name}.rate to be given, got none`);
  return { kind, rate, ...given(settings) } as OptimizerConfig;
}

/** @throws ConfigError if a stream of steps cannot learn so */
function checkHorizon(config: ModelConfig, { loss, lateness }: FullOptions, learning: Learning | undefined): number {
  const horizon = horizonOf(config, learning);
  if (isOfWindows(loss))
    throw new ConfigError(`Expected a loss of each step, got ${loss.kind}, a loss of whole sequences`);
  if (horizon > lateness + 1)
    throw new ConfigError(`Expected horizon to be at most lateness + 1 (${lateness + 1}), got ${horizon}`);
  return horizon;
}

function horizonOf(config: ModelConfig, learning: Learning | undefined): number {
  const { targetSource, horizon = 1 } = learning ?? {};
  if (targetSource !== 'input') {
    if (learning?.horizon === undefined) return 0;
    throw new ConfigError(`Expected horizon only where targetSource is input, got ${horizon}`);
  }
  if (horizon < 1) throw new ConfigError(`Expected horizon to be an integer from 1, got ${horizon}`);
  const { input, output } = config;
  const fits =
    input.kind === 'token'
      ? output.kind === 'classes' && output.size >= input.size
      : (output.kind === 'values' || output.kind === 'gaussian') && output.size === input.size;
  if (!fits) {
    throw new ConfigError(
      `Expected inputs that can be targets (tokens and classes, or features and as many values), got ` +
        `${input.size} ${input.kind} and ${output.size} ${output.kind}`,
    );
  }
  return horizon;
}

function checkBytes(bytes: number, most: number): void {
  if (bytes <= most) return;
  throw new LimitError(`Expected a learner of at most ${most} bytes, got ${bytes}: take a smaller k2 or model`);
}

/** Bytes that the weights, their gradient and moments, and the windows of an update take, at most. */
function trainerBytes({ config, network }: TrainableModel, options: FullOptions): number {
  const { k1, k2, lateness, replay, guard, readout } = options;
  const windows = 1 + Math.ceil((lateness + k1) / k1) + replay.windows;
  // Room for windows grows by doubling, and keeps what it had.
  // A guard keeps two snapshots of weights and moments, and three times the weights beside; a rule of the readout has moments of its own.
  const copies = (guard ? 14 : 5) + (readout ? (guard ? 6 : 2) : 0);
  const read = readout ? 2 * (lateness + readout.k1) : 0;
  const rows = activationsSize(config, windows, windows * k2, true) + activationsSize(config, read, read, true);
  return 4 * (copies * network.parameters.size + 4 * rows);
}

/** Bytes of the steps that one stream keeps, at most. */
function streamBytes(model: TrainableModel, options: FullOptions): number {
  const { k1, k2, lateness, replay, guard, readout } = options;
  const { input, output } = model.config;
  const groups = lateness + Math.max(k1, readout?.k1 ?? 0);
  const kept = (guard ? 4 : 2) * (k2 + Math.max(groups, replay.capacity));
  return 4 * kept * (2 * model.carryLayout.size + input.size + 2 * outputWidth(output));
}
