import { ConfigError } from '../errors.js';
import type { Region } from '../kernels/memory.js';
import { type Activations, createActivations } from '../model/activations.js';
import { type Carry, checkCarry } from '../model/carry.js';
import { checkShape, type Input } from '../model/input.js';
import { readTensors, type TrainableModel } from '../model/model.js';
import { backward, forward, transposeAll, transposedSize } from '../model/network.js';
import { outputs } from '../model/outputs.js';
import type { Weights } from '../model/parameters.js';
import { checkLoaded, emitStep, loadCarry, loadInput, type Step } from '../model/transfer.js';
import { complete, type Parts } from '../parts.js';
import { createDropout, type Dropout } from './dropout.js';
import type { Loss, Target } from './loss.js';
import { createTape } from './tape.js';
import { type Packing, packWindows, type Window } from './window.js';

/** The gradient of the mean loss of windows. */
export interface Gradients {
  /** Mean over the labelled steps, each times its weight, in nats. */
  readonly loss: number;
  /** By tensor, shapes as the weights. */
  readonly weights: Weights;
  /** ∂L/∂carry of each window, in the order given. */
  readonly carries: Float32Array[];
}

/** What windows led to; their gradient is in `gradient`. */
export interface Differentiated {
  /** Mean over the labelled steps of the windows that are new, each times its weight, in nats; where none is, of all. */
  readonly loss: number;
  /** Every window's loss was finite. */
  readonly finite: boolean;
  /** Steps that the gradient went through, in all windows. */
  readonly steps: number;
  /** Of these, the ones with a target that is new. */
  readonly labelled: number;
  /** Windows that were learned before. */
  readonly replayed: number;
}

/** Runs a model forward and back through time (Werbos 1990), from the carry before each window, which is a constant. */
export interface Backpropagation {
  /** Of the mean loss, laid out as the weights. */
  readonly gradient: Region;
  /**
   * `model.step`, whose activations are kept for the window that these steps make.
   *
   * @throws InputError as that, also where the carry before grew beyond float32: a step goes on from finite numbers only
   */
  step(carry: Carry, input: Input | null): Step;
  /** The loss of one step's logits; undefined where only whole windows have one. */
  lossOf(logits: Float32Array, target: Exclude<Target, null>): number | undefined;
  /** The loss of a window, of the logits of all of its steps. */
  lossOfAll(logits: readonly Float32Array[], targets: readonly Target[]): number;
  /** The mean loss of the windows over all labelled steps; the gradient stays. */
  evaluate(windows: readonly Window[]): number;
  /** The same, and its gradient. */
  differentiate(windows: readonly Window[], dropout?: Dropout): Parts<Differentiated>;
  /** Both, copied out. */
  gradients(windows: readonly Window[]): Gradients;
}

/** @param longest steps of a window, most often: longer ones make room */
export function createBackpropagation(model: TrainableModel, loss: Loss, longest: number): Backpropagation {
  const { network, config, carryLayout: layout } = model;
  const { kernels: k, parameters } = network;
  const { arena } = k;
  const gradient = arena.reserve(parameters.size);
  const transposed = arena.reserve(transposedSize(parameters));
  const emit = emitStep(network, layout);
  const tape = createTape(createActivations(arena, config, 1, longest, true));
  const staging = arena.reserve(Math.max(config.input.size, layout.size, tape.rows.outputStride));
  const drop = createDropout(
    arena,
    config.layers.map(({ size }) => size),
  );
  let batch: Activations | undefined;

  /** Rows for so many windows and steps. */
  const reserve = (streams: number, steps: number): Activations => {
    if (batch === undefined || streams > batch.streams || steps > batch.steps) {
      const most = grown(batch?.streams ?? 0, streams);
      batch = createActivations(arena, config, most, grown(batch?.steps ?? 0, steps), true);
    }
    return { ...batch, streams, layers: batch.layers.map(layer => ({ ...layer, lead: streams })) };
  };

  /** Runs the windows forward, unless the tape has just this run; returns the rows that hold it. */
  const run = ({ windows, blocks, steps }: Packing, dropout?: Dropout): Activations => {
    if (!dropout && windows.length === 1 && tape.holds(windows[0], network.version)) return tape.rows;
    const reserved = reserve(windows.length, steps);
    const rows = dropout ? drop(reserved, steps, dropout) : reserved;
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

  /** Forward alone: the losses, and their gradients at the outputs. */
  const score = (windows: readonly Window[], dropout?: Dropout) => {
    for (const window of windows) {
      checkCarry(layout, window.carry);
      for (const input of window.inputs) checkShape(config, input);
      for (const target of window.targets) loss.check(target);
    }
    if (windows.length === 0) throw new ConfigError('Expected at least one window, got none');
    const packing = packWindows(windows);
    const all = labelledSteps(windows);
    const replayed = windows.filter(window => window.replayed);
    const labelled = all - labelledSteps(replayed);
    if (all === 0) throw new ConfigError('Expected at least one step with a target, got none');
    const rows = run(packing, dropout);
    // Where the activations are those of the steps, so are the losses.
    const known = rows === tape.rows ? tape.lossOf : undefined;
    let [own, again] = [0, 0];
    packing.windows.forEach((window, i) => {
      const places = window.inputs.map((_, time) => packing.blocks[time].step + i);
      const sum = loss.learn(k, { rows, places, targets: window.targets, weights: window.weights, known }, 1 / all);
      if (window.replayed) again += sum;
      else own += sum;
    });
    const scored: Differentiated = {
      loss: labelled > 0 ? own / labelled : again / all,
      finite: Number.isFinite(own) && Number.isFinite(again),
      steps: packing.steps,
      labelled,
      replayed: replayed.length,
    };
    return { packing, rows, scored };
  };

  function* differentiateRows(windows: readonly Window[], carries: boolean, dropout?: Dropout) {
    const { packing, rows, scored } = score(windows, dropout);
    yield;
    const copies = transposeAll(network, transposed.address);
    yield* backward(network, rows, packing.steps, packing.blocks, gradient.address, copies, carries);
    return { packing, rows, differentiated: scored };
  }

  return {
    gradient,

    step(carry, input) {
      checkShape(config, input);
      checkCarry(layout, carry);
      const row = tape.next(carry, network.version);
      if (row > 0) checkLoaded(network, layout, tape.rows, row, carry);
      else loadCarry(network, layout, tape.rows, 0, carry, staging.address);
      loadInput(network, tape.rows, row, input, staging.address);
      forward(network, tape.rows, row, 1, tape.block(row));
      const step = emit(tape.rows, row);
      tape.add(input, step);
      return step;
    },

    lossOf(logits, target) {
      const row = tape.rowOf(logits);
      if (row < 0) {
        arena.floats.set(logits, staging.address);
        return loss.of?.(k, staging.address, target);
      }
      const value = loss.of?.(k, tape.rows.logits + row * tape.rows.outputStride, target);
      if (value !== undefined) tape.score(row, target, value);
      return value;
    },

    lossOfAll(logits, targets) {
      const rows = reserve(1, logits.length);
      logits.forEach((row, i) => {
        arena.floats.set(row, rows.logits + i * rows.outputStride);
      });
      const { predict } = outputs[config.output.kind];
      predict?.(k, rows.logits, rows.predictions, rows.outputStride, logits.length, config.output);
      return loss.learn(k, { rows, places: logits.map((_, i) => i), targets }, 1);
    },

    evaluate: windows => score(windows).scored.loss,
    *differentiate(windows, dropout) {
      return (yield* differentiateRows(windows, false, dropout)).differentiated;
    },

    gradients(windows) {
      const { packing, rows, differentiated } = complete(differentiateRows(windows, true));
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
      return { loss: differentiated.loss, weights: readTensors(network, gradient.array), carries };
    },
  };
}

function labelledSteps(windows: readonly Window[]): number {
  let labelled = 0;
  for (const { targets } of windows) for (const target of targets) if (target !== null) labelled++;
  return labelled;
}

/** Room for `needed`: what there is if it does, else at least twice as much, since an arena never gives back. */
function grown(room: number, needed: number): number {
  return needed <= room ? room : Math.max(needed, 2 * room);
}
