import type { Imported } from '../../src/interchange/imported.js';
import { createNaiveRnn, type NaiveState } from './naive-rnn.js';

/** One moment of a golden stream: what comes in and, where the source says it, what leaves. */
export interface GoldenStep {
  /** `null`: a masked step. Nothing comes in, the carry stays, and the output before it is seen again. */
  readonly input: Float32Array | number | null;
  readonly expected: readonly number[] | null;
}

export interface GoldenStream {
  /** h of each layer at the beginning; zeros when not given. */
  readonly h?: readonly (readonly number[])[];
  readonly c?: readonly (readonly number[])[];
  readonly steps: readonly GoldenStep[];
  /** c of the last layer after the last step. */
  readonly finalC?: readonly number[];
}

/** A network of another library with what that library says it answers. */
export interface Golden extends Imported {
  readonly name: string;
  readonly streams: readonly GoldenStream[];
  /** Largest absolute error allowed. */
  readonly tolerance: number;
}

/** A vector that our cells cannot express, and why. */
export interface Skipped {
  readonly name: string;
  readonly skipped: string;
}

export type Case = Golden | Skipped;

/** Whatever steps: a model, or the naive network. */
export interface Stepper {
  start(h: GoldenStream['h'], c: GoldenStream['c']): unknown;
  step(carry: unknown, input: Float32Array | number): { prediction: ArrayLike<number>; carry: unknown };
  lastC(carry: unknown): ArrayLike<number>;
}

/** The float64 network of the formulas as a stepper. */
export function naiveStepper(imported: Imported): Stepper {
  const network = createNaiveRnn(imported);
  return {
    start: (h, c) => ({ ...network.zero(), ...(h && { h }), ...(c && { c }) }),
    step: (carry, input) => {
      const { prediction, state } = network.step(carry as NaiveState, input);
      return { prediction, carry: state };
    },
    lastC: carry => (carry as NaiveState).c[(carry as NaiveState).c.length - 1],
  };
}

function distance(found: ArrayLike<number>, expected: readonly number[]): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  // NaN must not look like agreement, as it would to Math.max with a comparison.
  return expected.reduce((largest, e, i) => {
    const error = Math.abs(found[i] - e);
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(largest, error);
  }, 0);
}

/** Runs every stream step by step: the largest absolute error, and how many numbers were compared. */
export function measure(golden: Golden, stepper: Stepper): { error: number; compared: number } {
  let error = 0;
  let compared = 0;
  const compare = (found: ArrayLike<number>, expected: readonly number[]) => {
    error = Math.max(error, distance(found, expected));
    compared += expected.length;
  };
  for (const { h, c, steps, finalC } of golden.streams) {
    let carry = stepper.start(h, c);
    let seen: ArrayLike<number> = new Array(golden.config.output.size).fill(0);
    for (const { input, expected } of steps) {
      if (input !== null) ({ prediction: seen, carry } = stepper.step(carry, input));
      if (expected !== null) compare(seen, expected);
    }
    if (finalC !== undefined) compare(stepper.lastC(carry), finalC);
  }
  return { error, compared };
}

/** How many cases there are for each reason to skip, and how many run. */
export function tally(cases: readonly Case[]): { run: number; skipped: Record<string, number> } {
  const skipped: Record<string, number> = {};
  let run = 0;
  for (const each of cases) {
    if ('skipped' in each) skipped[each.skipped] = (skipped[each.skipped] ?? 0) + 1;
    else run += 1;
  }
  return { run, skipped };
}
