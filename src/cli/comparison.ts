/** What the outputs of a network were beside what was true: a measure for each kind of output. */
import type { ModelConfig } from '../model/config.js';
import { argmax } from '../model/sample.js';
import type { Step } from '../model/transfer.js';
import type { Target } from '../training/loss.js';

export interface Comparison {
  /** A step that has a target; its logits are NaN where the network grew beyond float32. */
  add(step: Step, target: Exclude<Target, null>): void;
  /** What it comes to, by name, over so many steps that were added. */
  measures(steps: number): Record<string, number>;
  /** Of classes: how often each (first index) was taken for each other (second). */
  readonly confusion?: readonly Uint32Array[];
}

/** An empty one; undefined for outputs that say how likely values are, which have their loss alone. */
export function createComparison({ kind, size }: ModelConfig['output']): Comparison | undefined {
  if (kind === 'classes') return compareClasses(size);
  if (kind === 'labels') return compareLabels(size);
  return kind === 'values' ? compareValues(size) : undefined;
}

function compareClasses(size: number): Comparison {
  const confusion = Array.from({ length: size }, () => new Uint32Array(size));
  /** How often each class is true. */
  const truths = new Uint32Array(size);
  return {
    confusion,
    add({ logits }, target) {
      truths[target as number]++;
      // After an overflow nothing was foretold.
      if (!Number.isNaN(logits[0])) confusion[target as number][argmax(logits)]++;
    },
    measures: steps => ({
      accuracy: confusion.reduce((right, row, i) => right + row[i], 0) / steps,
      majority: truths.reduce((most, count) => Math.max(most, count), 0) / steps,
    }),
  };
}

function compareLabels(size: number): Comparison {
  let right = 0;
  /** How often each label is true. */
  const truths = new Uint32Array(size);
  return {
    add({ prediction }, target) {
      (target as Float32Array).forEach((value, i) => {
        if (value >= 0.5) truths[i]++;
        if (value >= 0.5 ? prediction[i] >= 0.5 : prediction[i] < 0.5) right++;
      });
    },
    measures: steps => ({
      accuracy: right / (steps * size),
      majority: truths.reduce((sum, count) => sum + Math.max(count, steps - count), 0) / (steps * size),
    }),
  };
}

function compareValues(size: number): Comparison {
  let [absolute, squares] = [0, 0];
  const sums = new Float64Array(size);
  const targets: Float32Array[] = [];
  return {
    add({ prediction }, target) {
      const row = target as Float32Array;
      targets.push(row);
      row.forEach((value, i) => {
        const error = value - prediction[i];
        absolute += Math.abs(error);
        squares += error * error;
        sums[i] += value;
      });
    },
    measures(steps) {
      const spread = targets.reduce(
        (sum, row) => sum + row.reduce((s, value, i) => s + (value - sums[i] / steps) ** 2, 0),
        0,
      );
      return {
        mae: absolute / (steps * size),
        rmse: Math.sqrt(squares / (steps * size)),
        'rmse of the mean': Math.sqrt(spread / (steps * size)),
      };
    },
  };
}
