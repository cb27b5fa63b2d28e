import { ConfigError, TargetError } from '../errors.js';
import { exp, logAdd } from '../kernels/double.js';
import { flush } from '../kernels/functions.js';
import { logSoftmax } from '../model/transcript.js';
import { checkClass, type LossKind, type Target } from './loss.js';

export interface CtcConfig {
  readonly kind: 'ctc';
  /** The class that says nothing. Default the last one. */
  readonly blank?: number;
}

/**
 * Connectionist temporal classification (Graves et al. 2006): −ln p(l | x), the labels l being the targets of a window in their order,
 * wherever they stand; p sums over all ways to say them, a class a step, that are l once repetitions and then blanks are left out.
 *
 * A target that is the blank is no label: a window with no other target is one in which nothing is said. In the log, in float64, with
 * sums in the order of time and labels.
 *
 * @throws TargetError where a window has fewer steps than its labels need: one each, and one between two that are the same
 */
export const ctc: LossKind<CtcConfig> = {
  outputs: ['classes'],
  whole: true,

  fill({ kind, blank }, { size }) {
    const filled = blank ?? size - 1;
    if (!Number.isInteger(filled) || filled < 0 || filled >= size)
      throw new ConfigError(`Expected loss.blank to be a class from 0 to ${size - 1}, got ${filled}`);
    return { kind, blank: filled };
  },

  create(config, output) {
    const { size } = output;
    const blank = config.blank!;
    return {
      config,
      check: target => checkClass(output, target),
      learn(k, { rows, places, targets, weights }, scale) {
        const { floats } = k.arena;
        const { outputStride: stride } = rows;
        const gradients = rows.gradients!.logits;
        const known = targets.filter(target => target !== null) as number[];
        if (known.length === 0) {
          for (const place of places) k.clear(gradients + place * stride, stride);
          return 0;
        }
        const labels = known.filter(label => label !== blank);
        const weight = commonWeight(targets, weights);
        const logs = places.map(place =>
          logSoftmax(floats.subarray(rows.logits + place * stride, rows.logits + place * stride + size)),
        );
        const { loss, said } = align(logs, labels, blank);
        places.forEach((place, t) => {
          const to = gradients + place * stride;
          k.clear(to, stride);
          for (let c = 0; c < size; c++) floats[to + c] = flush((exp(logs[t][c]) - said[t][c]) * weight * scale);
        });
        return loss * weight;
      },
    };
  },
};

/** The labels of a window are learned together. @throws TargetError where they weigh differently */
function commonWeight(targets: readonly Target[], weights: readonly number[] | undefined): number {
  if (weights === undefined) return 1;
  const labelled = weights.filter((_, t) => targets[t] !== null);
  const other = labelled.find(weight => weight !== labelled[0]);
  if (other !== undefined)
    throw new TargetError(
      `Expected the labels of a window to have one weight with ctc, got ${labelled[0]} and ${other}`,
    );
  return labelled[0];
}

const none = Number.NEGATIVE_INFINITY;

/**
 * −ln p of the labels, and of each step the probability that it says a class, given that all together say the labels.
 *
 * @param logs ln of the probabilities of the classes, a step each
 */
function align(logs: readonly Float64Array[], labels: readonly number[], blank: number) {
  const steps = logs.length;
  const needed = labels.length + labels.filter((label, i) => label === labels[i - 1]).length;
  if (steps < needed)
    throw new TargetError(
      `Expected a window of at least ${needed} steps for its ${labels.length} labels, got ${steps}`,
    );
  // Blanks before, between and after the labels.
  const places = Array.from({ length: 2 * labels.length + 1 }, (_, s) => (s % 2 === 0 ? blank : labels[(s - 1) / 2]));
  const size = places.length;
  /** From place s − 2 to s, passing the blank between two labels that differ. */
  const skips = places.map((label, s) => s >= 2 && label !== blank && label !== places[s - 2]);

  /** ln p of having said places up to s, the step's own included. */
  const before = logs.map(() => new Float64Array(size).fill(none));
  before[0][0] = logs[0][blank];
  if (size > 1) before[0][1] = logs[0][places[1]];
  for (let t = 1; t < steps; t++) {
    for (let s = 0; s < size; s++) {
      let sum = before[t - 1][s];
      if (s >= 1) sum = logAdd(sum, before[t - 1][s - 1]);
      if (skips[s]) sum = logAdd(sum, before[t - 1][s - 2]);
      before[t][s] = sum + logs[t][places[s]];
    }
  }
  const last = before[steps - 1];
  const whole = size > 1 ? logAdd(last[size - 1], last[size - 2]) : last[0];

  /** ln p of saying the rest from place s on, the step's own left out. */
  let after = new Float64Array(size).fill(none);
  after[size - 1] = 0;
  if (size > 1) after[size - 2] = 0;
  const said = logs.map(row => new Float64Array(row.length));
  for (let t = steps - 1; t >= 0; t--) {
    for (let s = 0; s < size; s++) said[t][places[s]] += exp(before[t][s] + after[s] - whole);
    const from = new Float64Array(size);
    for (let s = 0; s < size; s++) {
      let sum = after[s] + logs[t][places[s]];
      if (s + 1 < size) sum = logAdd(sum, after[s + 1] + logs[t][places[s + 1]]);
      if (s + 2 < size && skips[s + 2]) sum = logAdd(sum, after[s + 2] + logs[t][places[s + 2]]);
      from[s] = sum;
    }
    after = from;
  }
  return { loss: -whole, said };
}
