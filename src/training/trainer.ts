import { ConfigError, DivergenceError } from '../errors.js';
import { type Activations, createActivations } from '../model/activations.js';
import { type Carry, checkCarry } from '../model/carry.js';
import { checkShape, type Input } from '../model/input.js';
import { readTensors, type TrainableModel } from '../model/model.js';
import { backward, forward, transposeAll, transposedSize } from '../model/network.js';
import type { Weights } from '../model/parameters.js';
import { emitStep, loadCarry, loadInput, type Step } from '../model/transfer.js';
import { createGuard, type Guard, type Verdict } from './guard.js';
import { createLoss, type Loss, type Target } from './loss.js';
import { createOptimizer, type Optimizer, type Range } from './optimizer.js';
import { checkOptions, type FullOptions, type TrainerOptions } from './options.js';
import { createTape } from './tape.js';
import { type Packing, packWindows, type Window } from './window.js';

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

/** The gradient of the mean loss of windows. */
export interface Gradients {
  readonly loss: number;
  /** By tensor, shapes as the weights. */
  readonly weights: Weights;
  /** ∂L/∂carry of each window, in the order given. */
  readonly carries: Float32Array[];
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
  /** The loss of one step's logits, in nats. */
  loss(logits: Float32Array, target: Exclude<Target, null>): number;
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
  const { network, config, carryLayout: layout } = model;
  const { kernels: k, parameters } = network;
  const { arena } = k;
  const checked = checkOptions(options, new Set(parameters.tensors.map(tensor => tensor.name)));
  const optimizer = createOptimizer(k, parameters.size, checked.optimizer);
  const ranges = learningRanges(parameters, checked.freeze);
  const gradient = arena.reserve(parameters.size);
  const transposed = arena.reserve(transposedSize(parameters));
  const staging = arena.reserve(Math.max(config.input.size, layout.size, config.output.size));
  const loss: Loss = createLoss(config, k, arena.reserve(config.output.size).address);
  const emit = emitStep(network, layout);
  const tape = createTape(createActivations(arena, config, 1, checked.k2, true));
  let batch: Activations | undefined;
  let count = 0;
  let skippedInRow = 0;

  /** Runs the windows forward, unless the tape has just this run; returns the rows that hold it. */
  const run = (packing: Packing): Activations => {
    const { windows, blocks, steps } = packing;
    if (windows.length === 1 && tape.holds(windows[0], network.version)) return tape.rows;
    if (batch === undefined || windows.length > batch.streams || steps > batch.steps) {
      const streams = grown(batch?.streams ?? 0, windows.length);
      batch = createActivations(arena, config, streams, grown(batch?.steps ?? 0, steps), true);
    }
    const rows = {
      ...batch,
      streams: windows.length,
      layers: batch.layers.map(layer => ({ ...layer, lead: windows.length })),
    };
    windows.forEach((window, stream) => {
      loadCarry(network, layout, rows, stream, window.carry, staging.address);
    });
    blocks.forEach((block, time) => {
      for (let i = 0; i < block.count; i++)
        loadInput(network, rows, block.step + i, windows[i].inputs[time], staging.address);
    });
    forward(network, rows, 0, steps, blocks);
    return rows;
  };

  /** The mean loss, and its gradient in `gradient`. */
  const differentiate = (windows: readonly Window[]) => {
    for (const window of windows) {
      checkCarry(layout, window.carry);
      for (const input of window.inputs) checkShape(config, input);
      for (const target of window.targets) loss.check(target);
    }
    if (windows.length === 0) throw new ConfigError('Expected at least one window, got none');
    const packing = packWindows(windows);
    const count = (some: readonly Window[]): number =>
      some.reduce((sum, window) => sum + window.targets.filter(target => target !== null).length, 0);
    const all = count(windows);
    const replayed = windows.filter(window => window.replayed);
    const labelled = all - count(replayed);
    if (all === 0) throw new ConfigError('Expected at least one step with a target, got none');
    const rows = run(packing);
    let [own, again] = [0, 0];
    packing.blocks.forEach((block, time) => {
      for (let i = 0; i < block.count; i++) {
        const window = packing.windows[i];
        const target = window.targets[time];
        const row = block.step + i;
        if (target !== null) {
          const value = loss.of(k, rows.logits + row * rows.outputStride, target);
          if (window.replayed) again += value;
          else own += value;
        }
        loss.gradient(k, rows, row, target, 1 / all);
      }
    });
    k.clear(gradient.address, parameters.size);
    backward(network, rows, packing.steps, packing.blocks, gradient.address, transposeAll(network, transposed.address));
    const finite = Number.isFinite(own) && Number.isFinite(again);
    return {
      packing,
      rows,
      labelled,
      replayed: replayed.length,
      loss: labelled > 0 ? own / labelled : again / all,
      finite,
    };
  };

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
    createGuard({ network, optimizer, ...core, evaluate: windows => differentiate(windows).loss }, checked.guard);

  const learnMany = (windows: readonly Window[]): Update => {
    guard?.begin();
    const { packing, labelled, replayed, loss: mean, finite } = differentiate(windows);
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
      replayed,
      steps: packing.steps,
      labelled,
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

    step(carry, input) {
      checkShape(config, input);
      checkCarry(layout, carry);
      const row = tape.next(carry, network.version);
      if (row === 0) loadCarry(network, layout, tape.rows, 0, carry, staging.address);
      loadInput(network, tape.rows, row, input, staging.address);
      forward(network, tape.rows, row, 1, tape.block(row));
      const step = emit(tape.rows, row);
      tape.add(input, step.carry);
      return step;
    },

    loss(logits, target) {
      arena.floats.set(logits, staging.address);
      return loss.of(k, staging.address, target);
    },

    learn: window => learnMany([window]),
    learnMany,

    gradients(windows) {
      const { packing, rows, loss: mean } = differentiate(windows);
      const carries = windows.map(window => {
        const stream = packing.windows.indexOf(window);
        const carry = model.zeroCarry();
        for (const { layer, part, offset, length } of layout.parts) {
          const grad = rows.gradients!.layers[layer];
          const from = (part === 'h' ? grad.h : grad.c) + stream * rows.layers[layer].n;
          carry.set(arena.floats.subarray(from, from + length), offset);
        }
        return carry;
      });
      return { loss: mean, weights: readTensors(network, gradient.array), carries };
    },

    counters: () => ({ ...core.counters(), ...guard?.counters() }),
    restore(counters) {
      core.restore(counters);
      guard?.restore(counters);
    },
  };
}

/** Room for `needed`: what there is if it does, else at least twice as much, since an arena never gives back. */
function grown(room: number, needed: number): number {
  return needed <= room ? room : Math.max(needed, 2 * room);
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
