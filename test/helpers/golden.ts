import type { Imported } from '../../src/interchange/imported.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import type { Carry } from '../../src/model/carry.js';
import { buildModel } from '../../src/model/model.js';
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

/** Whatever steps many streams at once, each by itself: a model, or the naive network. */
export interface Stepper {
  start(h: GoldenStream['h'], c: GoldenStream['c']): unknown;
  step(
    carries: readonly unknown[],
    inputs: readonly (Float32Array | number)[],
  ): { prediction: ArrayLike<number>; carry: unknown }[];
  /** c of the last layer. */
  lastC(carry: unknown): ArrayLike<number>;
}

/** The float64 network of the formulas. */
export function naiveStepper(imported: Imported): Stepper {
  const network = createNaiveRnn(imported);
  return {
    start: (h, c) => ({ ...network.zero(), ...(h && { h }), ...(c && { c }) }),
    step: (carries, inputs) =>
      carries.map((carry, i) => {
        const { prediction, state } = network.step(carry as NaiveState, inputs[i]);
        return { prediction, carry: state };
      }),
    lastC: carry => (carry as NaiveState).c[(carry as NaiveState).c.length - 1],
  };
}

/** A model on the given kernels with the weights of the golden: by `step`, one stream after the other, or by `stepMany`. */
export function modelStepper({ config, weights }: Imported, kernels: Kernels, by: 'step' | 'stepMany'): Stepper {
  const model = buildModel(kernels, config, null);
  model.setWeights(weights);
  const missing = Object.keys(model.weights()).filter(name => weights[name] === undefined);
  if (missing.length > 0) throw new Error(`the golden has no ${missing}`);
  const { parts } = model.carryLayout;
  return {
    start: (h, c) => {
      const carry = model.zeroCarry();
      for (const { layer, part, offset } of parts) {
        const given = (part === 'h' ? h : c)?.[layer];
        if (given) carry.set(given, offset);
      }
      return carry;
    },
    step: (carries, inputs) =>
      by === 'stepMany'
        ? model.stepMany(carries as Carry[], inputs)
        : carries.map((carry, i) => model.step(carry as Carry, inputs[i])),
    lastC: carry => {
      const { offset, length } = parts.filter(({ part }) => part === 'c').at(-1)!;
      return (carry as Carry).subarray(offset, offset + length);
    },
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

/** What a golden answered: every output, for bits to be compared, and how far they are from what was expected. */
export interface Measured {
  readonly outputs: readonly ArrayLike<number>[];
  /** The largest absolute error. */
  readonly error: number;
  /** Numbers that were compared. */
  readonly compared: number;
}

/** Runs all streams of a golden side by side, step by step. */
export function measure({ config, streams }: Golden, stepper: Stepper): Measured {
  const outputs: ArrayLike<number>[] = [];
  let error = 0;
  let compared = 0;
  const compare = (found: ArrayLike<number>, expected: readonly number[]) => {
    error = Math.max(error, distance(found, expected));
    compared += expected.length;
  };
  const carries = streams.map(({ h, c }) => stepper.start(h, c));
  const seen: ArrayLike<number>[] = streams.map(() => new Array(config.output.size).fill(0));
  const length = Math.max(...streams.map(({ steps }) => steps.length));
  for (let t = 0; t < length; t++) {
    const going = streams.flatMap(({ steps }, s) => ((steps[t]?.input ?? null) === null ? [] : [s]));
    const results = stepper.step(
      going.map(s => carries[s]),
      going.map(s => streams[s].steps[t].input!),
    );
    going.forEach((s, i) => {
      carries[s] = results[i].carry;
      seen[s] = results[i].prediction;
    });
    streams.forEach(({ steps }, s) => {
      outputs.push(seen[s]);
      const expected = steps[t]?.expected ?? null;
      if (expected !== null) compare(seen[s], expected);
    });
  }
  streams.forEach(({ finalC }, s) => {
    if (finalC !== undefined) compare(stepper.lastC(carries[s]), finalC);
  });
  return { outputs, error, compared };
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
