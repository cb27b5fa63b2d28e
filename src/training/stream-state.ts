import { ConfigError, expect } from '../errors.js';
import { type Carry, firstNotFinite } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { outputWidth } from '../model/outputs.js';
import { createRandom } from '../random.js';
import type { Target } from './loss.js';
import type { Trainer } from './trainer.js';
import { checkWeight } from './window.js';

/** One step that a stream keeps for learning. */
export interface Entry {
  /** Before the step. */
  readonly carry: Carry;
  readonly input: Input | null;
  /** o(t) of the prediction: a late target is scored against what was said then. */
  readonly logits: Float32Array;
  readonly prediction: Float32Array;
  /** Undefined until it comes; null where it is known that there is none. */
  readonly target: Target | undefined;
  /** How much it teaches. Default 1. */
  readonly weight?: number;
  /** Its target came and no update has learned it yet. */
  readonly fresh: boolean;
  /** Where the readout has a rule of its own: its target came and the readout has not learned it yet. */
  readonly unread?: boolean;
}

/** Everything a learning stream remembers. Steps count from 1; the entries are the newest steps, the last one `steps`. */
export interface StreamState {
  readonly carry: Carry;
  readonly steps: number;
  /** Where numbers went on from a stream before: its last step. Groups are counted from there. Default 0. */
  readonly began?: number;
  /** The step after which the newest update ran, or was found to have nothing to learn. */
  readonly updated: number;
  /** The same of the readout, where it has a rule of its own. */
  readonly read?: number;
  readonly entries: readonly Entry[];
  /** Steps up to this one are not replayed any more. */
  readonly forgotten?: number;
  /** Of the draws of windows to replay: four words. */
  readonly random?: Uint32Array;
  /** With a guard, where the stream stood at the last good snapshot. */
  readonly mark?: StreamMark;
  /** Of one of many streams: no more of it comes, and what remains waits to be learned. */
  readonly ended?: boolean;
}

/** From where a rollback steps a stream again. */
export interface StreamMark {
  readonly carry: Carry;
  readonly steps: number;
  readonly random: Uint32Array;
  /** Of the newest snapshot, which has yet to prove itself. */
  readonly next?: StreamMark;
}

/** Steps of a state to go on from, at most: as many more have numbers that can be told apart. */
export const mostSteps = 2 ** 52;

/**
 * What a stream never holds is found here, wherever a state comes from: with any of it, an update would fail, or a rollback, which also
 * those run into who learn with the same trainer. Logits and the newest carry may have grown beyond float32: the next step says
 * so, and ends that stream alone.
 *
 * @throws ConfigError naming the part that is wrong
 */
export function checkState(trainer: Trainer, state: StreamState): void {
  expect(typeof state === 'object' && state !== null, 'state', 'a state of a stream', state);
  const { carry, steps, began = 0, updated, read = 0, forgotten = 0, entries, random, mark } = state;
  const { size } = trainer.model.carryLayout;
  expect(carry?.length === size, 'state.carry', `${size} numbers`, carry?.length);
  expectCount('state.steps', steps, mostSteps, '2^52');
  for (const [name, count] of Object.entries({ began, updated, read, forgotten }))
    expectCount(`state.${name}`, count, steps);
  const found = Array.isArray(entries) ? entries.length : entries;
  const most = steps - began;
  expect(Array.isArray(entries) && entries.length <= most, 'state.entries', `at most ${most} steps`, found);
  entries.forEach((entry, i) => {
    checkEntry(trainer, entry, `state.entries[${i}]`);
  });
  if (random !== undefined) within('state.random', () => createRandom(random));
  if (mark !== undefined) checkMark(mark, steps, size, 'state.mark');
}

function checkEntry(trainer: Trainer, entry: Entry, name: string): void {
  const { model } = trainer;
  expect(typeof entry === 'object' && entry !== null, name, 'a step', entry);
  const { carry, input, logits, prediction, target, weight, fresh, unread = false } = entry;
  checkCarry(carry, model.carryLayout.size, `${name}.carry`);
  const width = outputWidth(model.config.output);
  expect(logits?.length === width, `${name}.logits`, `${width} numbers`, logits?.length);
  expect(prediction?.length === width, `${name}.prediction`, `${width} numbers`, prediction?.length);
  within(name, () => {
    if (input !== null) model.checkInput(input);
    if (target !== undefined) trainer.checkTarget(target);
    checkWeight(weight);
  });
  const labelled = target !== undefined && target !== null;
  expect(labelled || !(fresh || unread), name, 'fresh and unread only with a target', target);
}

function checkMark({ carry, steps, random, next }: StreamMark, newest: number, size: number, name: string): void {
  checkCarry(carry, size, `${name}.carry`);
  expectCount(`${name}.steps`, steps, newest);
  within(`${name}.random`, () => createRandom(random));
  if (next !== undefined) checkMark(next, newest, size, `${name}.next`);
}

function checkCarry(carry: Carry, size: number, name: string): void {
  expect(carry?.length === size, name, `${size} numbers`, carry?.length);
  const bad = firstNotFinite(carry);
  expect(bad < 0, `${name}[${bad}]`, 'a finite number', carry[bad]);
}

/** What is wrong with a part is told of the part. */
function within(name: string, check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new ConfigError(`Expected ${name} to be that of a stream. ${(cause as Error).message}`, { cause });
  }
}

function expectCount(name: string, count: number, most: number, shown = `${most}`): void {
  expect(Number.isInteger(count) && count >= 0 && count <= most, name, `an integer from 0 to ${shown}`, count);
}
