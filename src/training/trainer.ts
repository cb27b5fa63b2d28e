import { ConfigError, kindOf } from '../errors.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { checkModel, type TrainableModel } from '../model/model.js';
import type { Step } from '../model/transfer.js';
import { complete, type Parts } from '../parts.js';
import { createBackpropagation, type Gradients } from './backpropagation.js';
import type { Dropout } from './dropout.js';
import { createGuard, type Guard, type Verdict } from './guard.js';
import type { Target } from './loss.js';
import { createLoss } from './losses.js';
import { createOptimizer, type Optimizer } from './optimizer.js';
import { checkOptions, type FullOptions, type TrainerOptions } from './options.js';
import { createReadout, isReadout, type ReadoutStep, readoutMoments } from './readout.js';
import { createRule, type Followed, rangesOf } from './rule.js';
import { checkWindows, type Window } from './window.js';

export type { Gradients } from './backpropagation.js';
export type { ReplayOptions, TrainerOptions } from './options.js';

/** What one update did. */
export interface Update extends Followed, Verdict {
  /** Mean over the labelled steps of the windows that are new, each times its weight, in nats. */
  readonly loss: number;
  /** The readout alone learned, by the rule of its own: from steps, and no windows. */
  readonly readout?: true;
  readonly windows: number;
  /** Of these, the ones that were learned before. */
  readonly replayed: number;
  /** Steps that the gradient went through, in all windows. */
  readonly steps: number;
  /** Of these, the ones with a target that is new. */
  readonly labelled: number;
  /** Windows with fewer than k2 steps: the first of a stream. */
  readonly short: number;
}

/** A model, its loss, an optimizer, k1 and k2. What it learns moves the model for everyone who steps it. */
export interface Trainer {
  readonly model: TrainableModel;
  /** With every default filled in. */
  readonly options: FullOptions;
  readonly optimizer: Optimizer;
  /** Of the readout, where it has a rule of its own. */
  readonly readout?: Optimizer;
  readonly guard?: Guard;
  /** Updates so far. */
  readonly count: number;
  /** @throws TargetError if it is of another kind or size than the outputs, or not finite */
  checkTarget(target: Target): void;
  /**
   * `model.step`, whose activations are kept: a following `learn` of the window that these steps make need not run them again.
   * Inputs must not change after.
   *
   * @throws InputError as `model.step`
   */
  step(carry: Carry, input: Input | null): Step;
  /** The loss of one step's logits, in nats; null for a loss that only whole windows have. */
  loss(logits: Float32Array, target: Exclude<Target, null>): number | null;
  /** Where only whole windows have a loss: that of the logits of all steps, in nats. */
  readonly windowLoss?: (logits: readonly Float32Array[], targets: readonly Target[]) => number;
  /** One update from one window: `learnMany([window])`, which says what it throws. */
  learn(window: Window): Update;
  /**
   * One update from many windows: the gradient of the mean loss over all labelled steps. Their order is part of the
   * argument: it orders the sums.
   *
   * @param dropout of whole sequences that are learned offline; default none
   * @throws ConfigError if there is no window, one has no step or not as many targets as inputs, or no step has a target; InputError or
   * TargetError if one is wrong; DivergenceError after `maxSkipped` skipped updates in a row
   */
  learnMany(windows: readonly Window[], dropout?: Dropout): Update;
  /** `learnMany` in parts, for a thread that has other work: nothing may be asked of this trainer between them. */
  learnInParts(windows: readonly Window[], dropout?: Dropout): Parts<Update>;
  /**
   * One update of the readout alone, from the states that steps left: where it has a rule of its own, which then no other update
   * moves.
   *
   * @throws ConfigError where it has none; DivergenceError as `learnMany`
   */
  learnReadout(steps: readonly ReadoutStep[]): Update;
  /**
   * The gradient that an update from these windows would follow; nothing moves.
   *
   * @throws as `learnMany`, and no DivergenceError
   */
  gradients(windows: readonly Window[]): Gradients;
  /** For checkpoints: counts and the optimizer's counters. */
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

export function isTrainer(value: unknown): value is Trainer {
  return typeof value === 'object' && value !== null && typeof (value as Trainer).learnMany === 'function';
}

/** @throws ConfigError if it is no trainer, such as a model */
export function checkTrainer(trainer: unknown): void {
  if (!isTrainer(trainer))
    throw new ConfigError(`Expected trainer to be what createTrainer returns, got ${kindOf(trainer)}`);
}

/** @throws ConfigError naming the option that is wrong */
export function createTrainer(model: TrainableModel, options: TrainerOptions = {}): Trainer {
  checkModel(model);
  const { network, config } = model;
  const { kernels: k, parameters } = network;
  const checked = checkOptions(options, model);
  const optimizer = createOptimizer(k, parameters.size, checked.optimizer);
  const loss = createLoss(checked.loss, config.output, k);
  const steps = createBackpropagation(model, loss, checked.k2);
  const { address: gradient } = steps.gradient;
  const bounds = { ...checked, maxSkipped: checked.guard ? Number.POSITIVE_INFINITY : checked.maxSkipped };
  const frozen = new Set(checked.freeze);
  const apart = checked.readout !== undefined;
  const rule = createRule(
    network,
    optimizer,
    gradient,
    rangesOf(network, name => !frozen.has(name) && !(apart && isReadout(name))),
    bounds,
  );
  const readout = checked.readout && createReadout(model, loss, gradient, frozen, bounds, checked.readout);

  const core = {
    counters: () => ({ ...rule.counters(), ...readout?.counters() }),
    restore(counters: Record<string, number>) {
      rule.restore(counters);
      trainer.count = rule.count;
      readout?.restore(counters);
    },
  };
  const guard =
    checked.guard &&
    createGuard(
      {
        network,
        optimizer: readout ? besides(optimizer, readout.optimizer) : optimizer,
        ...core,
        evaluate: steps.evaluate,
      },
      checked.guard,
    );

  /** Of windows that led beyond float32: what their targets would teach is of no worth. */
  const takeBack = (by: Guard, windows: readonly Window[]): Update => ({
    ...{ count: rule.count, gradientNorm: Number.NaN, clipped: false, skipped: true, loss: Number.NaN },
    ...{ windows: windows.length, steps: 0, labelled: 0, replayed: 0, short: 0 },
    ...by.judge({ loss: Number.NaN, skipped: true, gradient: Number.NaN }, windows),
  });

  function* learnInParts(windows: readonly Window[], dropout?: Dropout): Parts<Update> {
    checkWindows(windows);
    guard?.begin();
    if (guard && windows.some(window => window.overgrown)) return takeBack(guard, windows);
    const { loss: mean, finite, steps: through, labelled, replayed } = yield* steps.differentiate(windows, dropout);
    yield;
    const { count, gradientNorm, clipped, skipped } = rule.follow(finite ? mean : Number.NaN);
    trainer.count = count;
    const short = windows.filter(window => window.inputs.length < checked.k2).length;
    const verdict = guard?.judge({ loss: mean, skipped, gradient: rule.followed }, windows);
    const done = {
      count,
      gradientNorm,
      clipped,
      skipped,
      loss: mean,
      windows: windows.length,
      steps: through,
      labelled,
      replayed,
      short,
    };
    return verdict ? { ...done, ...verdict } : done;
  }
  const learnMany: Trainer['learnMany'] = (windows, dropout) => complete(learnInParts(windows, dropout));

  const trainer: Trainer & { count: number } = {
    model,
    options: checked,
    optimizer,
    ...(readout && { readout: readout.optimizer }),
    ...(guard && { guard }),
    count: 0,
    checkTarget: loss.check,

    step: steps.step,
    loss: (logits, target) => steps.lossOf(logits, target) ?? null,
    ...(loss.of ? {} : { windowLoss: steps.lossOfAll }),
    learn: window => learnMany([window]),
    learnMany,
    learnInParts,

    learnReadout(some) {
      if (readout === undefined)
        throw new ConfigError('Expected a trainer whose readout has a rule of its own, got one without: see readout');
      guard?.begin();
      return readout.learn(some);
    },

    gradients(windows) {
      checkWindows(windows);
      return steps.gradients(windows);
    },
    counters: () => ({ ...core.counters(), ...guard?.counters() }),
    restore(counters) {
      core.restore(counters);
      guard?.restore(counters);
    },
  };
  return trainer;
}

/** What the guard keeps of two optimizers as if they were one. */
function besides(main: Optimizer, readout: Optimizer): Optimizer {
  return {
    ...main,
    moments: { ...main.moments, ...readoutMoments(readout) },
    get factor() {
      return main.factor;
    },
    set factor(factor) {
      main.factor = factor;
      readout.factor = factor;
    },
  };
}
