import { DivergenceError } from '../errors.js';
import type { Network } from '../model/network.js';
import { type ClipOptions, clipGradient } from './clip.js';
import type { Optimizer, Range } from './optimizer.js';

/** What became of a gradient. */
export interface Followed {
  /** Updates so far, this one included; skipped ones are not counted. */
  readonly count: number;
  /** Euclidean norm of the gradient before it is clipped. */
  readonly gradientNorm: number;
  /** Some of it was brought down, by element or as a whole. */
  readonly clipped: boolean;
  /** The loss or the gradient was not finite: nothing was learned. */
  readonly skipped: boolean;
}

/** An optimizer, and the weights that it moves. */
export interface Rule {
  readonly count: number;
  /** Euclidean norm of the newest gradient as it was followed, after it was clipped. */
  readonly followed: number;
  /**
   * Moves the weights along the gradient as it is clipped; skips one that is not finite.
   *
   * @throws DivergenceError after `maxSkipped` skipped updates in a row
   */
  follow(loss: number): Followed;
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

/** @param gradient where it lies, laid out as the weights */
export function createRule(
  network: Network,
  optimizer: Optimizer,
  gradient: number,
  ranges: readonly Range[],
  options: ClipOptions & { readonly maxSkipped: number },
): Rule {
  let skippedInRow = 0;
  const rule = {
    count: 0,
    followed: 0,
    follow(loss: number): Followed {
      const { norm, scale, left, clipped } = clipGradient(network.kernels, gradient, ranges, options);
      rule.followed = left;
      const skipped = !Number.isFinite(loss) || !Number.isFinite(norm);
      if (skipped) {
        skippedInRow++;
        if (skippedInRow >= options.maxSkipped)
          throw new DivergenceError(
            `Expected a finite loss and gradient, got ${loss} and ${norm} in ${skippedInRow} updates in a row: ` +
              'start again from a checkpoint with a smaller optimizer.rate or maxGradientNorm',
          );
      } else {
        skippedInRow = 0;
        rule.count++;
        optimizer.update(network.weights, gradient, ranges, scale);
        network.version++;
      }
      return { count: rule.count, gradientNorm: norm, clipped: clipped && !skipped, skipped };
    },
    counters: () => ({ count: rule.count, skippedInRow, ...optimizer.counters() }),
    restore(counters: Record<string, number>) {
      rule.count = counters.count;
      skippedInRow = counters.skippedInRow;
      optimizer.restore(counters);
    },
  };
  return rule;
}

/** Neighbouring tensors of the given names, as runs of weights. */
export function rangesOf({ parameters }: Network, learns: (tensor: string) => boolean): Range[] {
  const ranges: [number, number][] = [];
  for (const { name, offset, length } of parameters.tensors) {
    if (!learns(name)) continue;
    const last = ranges[ranges.length - 1];
    if (last && last[0] + last[1] === offset) last[1] += length;
    else ranges.push([offset, length]);
  }
  return ranges;
}
