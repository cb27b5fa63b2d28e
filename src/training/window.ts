import { ConfigError, kindOf, TargetError } from '../errors.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import type { Block } from '../model/network.js';
import type { Target } from './loss.js';

/**
 * A run of steps to learn from, and the carry before the first of them, which is a constant. A step whose target is null
 * passes the gradient on and brings no loss.
 */
export interface Window {
  /** (carryLayout.size) `model.zeroCarry()` at the beginning of a sequence. */
  readonly carry: Carry;
  readonly inputs: readonly (Input | null)[];
  /** As many as inputs. */
  readonly targets: readonly Target[];
  /** How much each step teaches, as many as inputs: numbers from 0; default 1 each. */
  readonly weights?: readonly number[];
  /** Learned before, and now again: counted apart. */
  readonly replayed?: boolean;
  /** Its steps led to a carry beyond float32. A trainer with a guard takes back what led there; such a window may have no targets. */
  readonly overgrown?: boolean;
}

/** @throws ConfigError if they are not a list of windows, by their fields */
export function checkWindows(windows: readonly Window[]): void {
  if (!Array.isArray(windows)) throw new ConfigError(`Expected windows to be an array, got ${kindOf(windows)}`);
  for (const window of windows) {
    if (window?.carry && window.inputs?.length >= 0 && window.targets?.length >= 0) continue;
    throw new ConfigError(`Expected a window to be { carry, inputs, targets }, got ${kindOf(window)}`);
  }
}

/** How windows of any lengths lie in rows: step by step, and in a step the longest window first. */
export interface Packing {
  /** The windows, longest first, those of one length in the given order. */
  readonly windows: readonly Window[];
  /** For each step, the first row and how many windows still run. */
  readonly blocks: readonly Block[];
  /** Steps in all windows. */
  readonly steps: number;
}

/** Packs windows as PyTorch's `PackedSequence` does. */
export function packWindows(windows: readonly Window[]): Packing {
  for (const { inputs, targets, weights } of windows) {
    if (inputs.length === 0) throw new ConfigError('Expected a window to have at least one step, got none');
    if (targets.length !== inputs.length) {
      throw new ConfigError(
        `Expected a window to have as many targets as inputs (${inputs.length}), got ${targets.length}`,
      );
    }
    if (weights !== undefined && weights.length !== inputs.length) {
      throw new ConfigError(
        `Expected a window to have as many weights as inputs (${inputs.length}), got ${weights.length}`,
      );
    }
    for (const weight of weights ?? []) checkWeight(weight);
  }
  if (windows.length === 1)
    return { windows, blocks: blocksOfOne(windows[0].inputs.length), steps: windows[0].inputs.length };
  const sorted = [...windows].sort((a, b) => b.inputs.length - a.inputs.length);
  const blocks: Block[] = [];
  let running = sorted.length;
  let step = 0;
  let previous = 0;
  for (let time = 0; running > 0; time++) {
    blocks.push({ step, previous, count: running });
    previous = sorted.length + step;
    step += running;
    while (running > 0 && sorted[running - 1].inputs.length <= time + 1) running--;
  }
  return { windows: sorted, blocks, steps: step };
}

/** Of one window alone: those of a shorter one are the first of them. */
const ofOne: Block[] = [];

function blocksOfOne(steps: number): Block[] {
  for (let step = ofOne.length; step < steps; step++) ofOne.push({ step, previous: step, count: 1 });
  return ofOne.slice(0, steps);
}

/** @throws TargetError */
export function checkWeight(weight: number | undefined): void {
  if (weight === undefined || (typeof weight === 'number' && weight >= 0 && Number.isFinite(Math.fround(weight))))
    return;
  throw new TargetError(`Expected weight to be a finite number from 0, got ${weight}`);
}
