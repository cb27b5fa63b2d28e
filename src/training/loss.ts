import { TargetError } from '../errors.js';
import type { Address, Kernels } from '../kernels/kernels.js';
import type { Activations } from '../model/activations.js';
import type { OutputConfig, OutputKind } from '../model/output.js';

/**
 * What a step should have said: a class for `classes`; (output.size) numbers from 0 to 1 for `labels`; (output.size)
 * numbers for `values` and `gaussian` (or one number where the size is 1); null where it is not known.
 */
export type Target = number | Float32Array | null;

/** A window that was run forward: its steps as rows, and what each should have said. */
export interface Unrolled {
  readonly rows: Activations;
  /** The row of each step. */
  readonly places: readonly number[];
  readonly targets: readonly Target[];
  /** How much each step teaches; default 1 each. */
  readonly weights?: readonly number[];
  /** The loss of a step by its row, where it is known. */
  readonly known?: (row: number, target: Target) => number | undefined;
}

/** A loss as a trainer follows it, in nats. */
export interface Loss {
  /** With every default filled in. */
  readonly config: { readonly kind: string };
  /** @throws TargetError if the target has another kind, shape or range, or is not finite */
  check(target: Target): void;
  /** The loss of the logits of one step; undefined where only whole windows have a loss. */
  readonly of?: (k: Kernels, logits: Address, target: Exclude<Target, null>) => number;
  /**
   * The sum of the losses of a window, each times its weight, and ∂/∂o of that sum, times `scale`, in `rows.gradients.logits`:
   * every row of the window is written, padding +0.
   */
  learn(k: Kernels, window: Unrolled, scale: number): number;
}

/** What each kind of loss fills in. */
export interface LossKind<Config extends { readonly kind: string }> {
  /** Kinds of output that it can judge. */
  readonly outputs: readonly OutputKind[];
  /** Only whole windows have a loss. */
  readonly whole?: true;
  /**
   * The settings, checked, with every default filled in.
   *
   * @throws ConfigError naming the setting that is wrong
   */
  fill(config: Config, output: OutputConfig): Config;
  /** @param config as `fill` gave it; the kernels' arena has room for what it needs while it works */
  create(config: Config, output: OutputConfig, kernels: Kernels): Loss;
}

/** A loss that each step has by itself. */
export interface StepLoss extends Omit<Loss, 'learn'> {
  of(k: Kernels, logits: Address, target: Exclude<Target, null>): number;
  /** What the target's own weight is, times which the step teaches; default 1. */
  readonly weightOf?: (target: Exclude<Target, null>) => number;
  /** ∂L/∂o · scale of one row into the address `to`, padding +0. `p` is where its prediction is. */
  gradient(k: Kernels, o: Address, p: Address, target: Exclude<Target, null>, to: Address, scale: number): void;
}

/** The losses of steps, summed over a window in the order of time. */
export function eachStep({ gradient, weightOf = () => 1, ...loss }: StepLoss): Loss {
  return {
    ...loss,
    learn(k, { rows, places, targets, weights, known }, scale) {
      const { outputStride: stride } = rows;
      let sum = 0;
      for (let i = 0; i < places.length; i++) {
        const target = targets[i];
        const at = places[i] * stride;
        const to = rows.gradients!.logits + at;
        const weight = target === null ? 0 : (weights?.[i] ?? 1) * weightOf(target);
        // Not times 0: a loss may be infinite.
        if (target === null || weight === 0) {
          k.clear(to, stride);
          continue;
        }
        sum += weight * (known?.(places[i], target) ?? loss.of(k, rows.logits + at, target));
        gradient(k, rows.logits + at, rows.predictions + at, target, to, weight * scale);
      }
      return sum;
    },
  };
}

/** @throws TargetError */
export function checkClass({ size }: OutputConfig, target: Target): void {
  if (target === null) return;
  if (typeof target !== 'number' || !Number.isInteger(target) || target < 0 || target >= size) {
    throw new TargetError(`Expected target to be a class from 0 to ${size - 1} or null, got ${show(target)}`);
  }
}

/** Of float32: a target beyond it is infinite to the loss. */
const largest = 3.4028234663852886e38;

/**
 * (output.size) finite numbers, each from `least` to `most`, which is called `wanted`.
 *
 * @throws TargetError
 */
export function checkNumbers(
  { kind, size }: OutputConfig,
  target: Target,
  wanted = 'finite',
  least = -largest,
  most = largest,
): void {
  if (target === null) return;
  const values = typeof target === 'number' && kind !== 'labels' && size === 1 ? [target] : target;
  if (typeof values === 'number' || typeof values?.length !== 'number' || values.length !== size) {
    throw new TargetError(
      `Expected target to be a Float32Array of ${size} ${kind === 'labels' ? kind : 'values'} or null, got ${show(target)}`,
    );
  }
  for (let i = 0; i < size; i++)
    if (!(values[i] >= least && values[i] <= most))
      throw new TargetError(`Expected target[${i}] to be ${wanted}, got ${values[i]}`);
}

/** A row of numbers, or one, at an address. */
export function putNumbers(k: Kernels, target: Exclude<Target, null>, to: Address): void {
  if (typeof target === 'number') k.arena.floats[to] = target;
  else k.arena.floats.set(target, to);
}

function show(target: Target | undefined): string {
  return target !== null && typeof target === 'object' ? `an array of ${target.length}` : String(target);
}
