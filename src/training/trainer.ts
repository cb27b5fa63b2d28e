import { DivergenceError } from '../errors.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import type { TrainableModel } from '../model/model.js';
import type { Step } from '../model/transfer.js';
import { createBackpropagation, type Gradients } from './backpropagation.js';
import { createGuard, type Guard, type Verdict } from './guard.js';
import type { Target } from './loss.js';
import { createLoss } from './losses.js';
import { createOptimizer, type Optimizer, type Range } from './optimizer.js';
import { checkOptions, type FullOptions, type TrainerOptions } from './options.js';
import type { Window } from './window.js';

export type { Gradients } from './backpropagation.js';
export type { ReplayOptions, TrainerOptions } from './options.js';

/** What one update did. */
export interface Update extends Verdict {
  /** Updates so far, this one included; skipped ones are not counted. */
  readonly count: number;
  /** Mean over the labelled steps of the windows that are new, in nats. */
  readonly loss: number;
  /** Euclidean norm of the gradient before it is clipped. */
  readonly gradientNorm: number;
  /** The gradient was scaled down to `maxGradientNorm`. */
  readonly clipped: boolean;
  /** The loss or the gradient was not finite: nothing was learned. */
  readonly skipped: boolean;
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
  readonly guard?: Guard;
  /** Updates so far. */
  readonly count: number;
  checkTarget(target: Target): void;
  /**
   * `model.step`, whose activations are kept: a following `learn` of the window that these steps make need not run them again.
   * Inputs must not change after.
   */
  step(carry: Carry, input: Input | null): Step;
  /** The loss of one step's logits, in nats; null for a loss that only whole windows have. */
  loss(logits: Float32Array, target: Exclude<Target, null>): number | null;
  /** Where only whole windows have a loss: that of the logits of all steps, in nats. */
  readonly windowLoss?: (logits: readonly Float32Array[], targets: readonly Target[]) => number;
  /** One update from one window: `learnMany([window])`. */
  learn(window: Window): Update;
  /**
   * One update from many windows: the gradient of the mean loss over all labelled steps. Their order is part of the
   * argument: it orders the sums.
   *
   * @throws DivergenceError after `maxSkipped` skipped updates in a row
   */
  learnMany(windows: readonly Window[]): Update;
  /** The gradient that an update from these windows would follow; nothing moves. */
  gradients(windows: readonly Window[]): Gradients;
  /** For checkpoints: counts and the optimizer's counters. */
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

/** @throws ConfigError naming the option that is wrong */
export function createTrainer(model: TrainableModel, options: TrainerOptions = {}): Trainer {
  const { network, config } = model;
  const { kernels: k, parameters } = network;
  const checked = checkOptions(options, config.output, new Set(parameters.tensors.map(tensor => tensor.name)));
  const optimizer = createOptimizer(k, parameters.size, checked.optimizer);
  const ranges = learningRanges(parameters, checked.freeze);
  const loss = createLoss(checked.loss, config.output, k);
  const steps = createBackpropagation(model, loss, checked.k2);
  const { gradient } = steps;
  let count = 0;
  let skippedInRow = 0;

  const core = {
    counters: () => ({ count, skippedInRow, ...optimizer.counters() }),
    restore(counters: Record<string, number>) {
      count = counters.count;
      skippedInRow = counters.skippedInRow;
      optimizer.restore(counters);
    },
  };
  const guard =
    checked.guard &&
    createGuard({ network, optimizer, ...core, evaluate: windows => steps.differentiate(windows).loss }, checked.guard);

  const learnMany = (windows: readonly Window[]): Update => {
    guard?.begin();
    const { loss: mean, finite, ...counts } = steps.differentiate(windows);
    let squares = 0;
    for (const [offset, length] of ranges) squares += k.sumSquares(gradient.address + offset, length);
    const gradientNorm = Math.sqrt(squares);
    const skipped = !finite || !Number.isFinite(gradientNorm);
    const clipped = !skipped && gradientNorm > checked.maxGradientNorm;
    if (skipped) {
      skippedInRow++;
      if (skippedInRow >= checked.maxSkipped && guard === undefined) {
        throw new DivergenceError(
          `Expected a finite loss and gradient, got ${mean} and ${gradientNorm} in ${skippedInRow} updates in a row: ` +
            'start again from a checkpoint with a smaller optimizer.rate or maxGradientNorm',
        );
      }
    } else {
      skippedInRow = 0;
      count++;
      optimizer.update(network.weights, gradient.address, ranges, clipped ? checked.maxGradientNorm / gradientNorm : 1);
      network.version++;
    }
    const short = windows.filter(window => window.inputs.length < checked.k2).length;
    const updates = count;
    const verdict = guard?.judge({ loss: mean, skipped }, windows);
    return {
      count: updates,
      loss: mean,
      gradientNorm,
      clipped,
      skipped,
      windows: windows.length,
      ...counts,
      short,
      ...verdict,
    };
  };

  return {
    model,
    options: checked,
    optimizer,
    ...(guard && { guard }),
    get count() {
      return count;
    },
    checkTarget: loss.check,

    step: steps.step,
    loss: (logits, target) => steps.lossOf(logits, target) ?? null,
    ...(loss.of ? {} : { windowLoss: steps.lossOfAll }),
    learn: window => learnMany([window]),
    learnMany,

    gradients: steps.gradients,
    counters: () => ({ ...core.counters(), ...guard?.counters() }),
    restore(counters) {
      core.restore(counters);
      guard?.restore(counters);
    },
  };
}

/** Neighbouring tensors that learn, as runs of weights. */
function learningRanges(parameters: TrainableModel['network']['parameters'], freeze: readonly string[]): Range[] {
  const ranges: [number, number][] = [];
  for (const { name, offset, length } of parameters.tensors) {
    if (freeze.includes(name)) continue;
    const last = ranges[ranges.length - 1];
    if (last && last[0] + last[1] === offset) last[1] += length;
    else ranges.push([offset, length]);
  }
  return ranges;
}
