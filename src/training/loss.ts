import { TargetError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Activations } from '../model/activations.js';
import type { ModelConfig } from '../model/config.js';

/**
 * What a step should have said: a class for `classes`; (output.size) numbers from 0 to 1 for `labels`; (output.size)
 * numbers for `values` (or one number where the size is 1); null where it is not known.
 */
export type Target = number | Float32Array | null;

/** A loss of the logits of one step, in nats, and its gradient. The three that exist share ∂L/∂o = ŷ − y. */
export interface Loss {
  /** @throws TargetError if the target has another kind, shape or range, or is not finite */
  check(target: Target): void;
  /** The loss of the logits at an address. */
  of(kernels: Kernels, logits: number, target: Exclude<Target, null>): number;
  /** ∂L/∂o · scale of row `row`, into the gradients of the logits; +0 where the target is null. */
  gradient(kernels: Kernels, rows: Activations, row: number, target: Target, scale: number): void;
}

/**
 * The loss that an output kind implies: `classes`, −log softmax(o)[y]; `labels`, Σ binary cross-entropy of σ(o);
 * `values`, ½ Σ (o − y)². A step's loss is the sum over outputs, in nats (for `values`, those of a normal density of
 * variance 1, up to a constant).
 *
 * @param staging address of room for output.size numbers
 */
export function createLoss(config: ModelConfig, kernels: Kernels, staging: number): Loss {
  const { kind, size } = config.output;

  const put = (k: Kernels, target: Exclude<Target, null>): void => {
    if (typeof target !== 'number') k.arena.floats.set(target, staging);
    else if (kind === 'classes') {
      k.arena.floats.fill(0, staging, staging + size);
      k.arena.floats[staging + target] = 1;
    } else k.arena.floats[staging] = target;
  };
  kernels.clear(staging, size);

  return {
    check: target => checkTarget(config, target),

    of(k, logits, target) {
      if (kind === 'classes') return k.crossEntropy(logits, target as number, size);
      put(k, target);
      return kind === 'labels' ? k.binaryCrossEntropy(logits, staging, size) : k.squaredError(logits, staging, size);
    },

    gradient(k, rows, row, target, scale) {
      const to = rows.gradients!.logits + row * rows.outputStride;
      if (target === null) {
        k.clear(to, rows.outputStride);
        return;
      }
      put(k, target);
      k.difference(rows.predictions + row * rows.outputStride, staging, to, size, scale);
    },
  };
}

/** @throws TargetError */
export function checkTarget(config: ModelConfig, target: Target): void {
  if (target === null) return;
  const { kind, size } = config.output;
  if (kind === 'classes') {
    if (typeof target !== 'number' || !Number.isInteger(target) || target < 0 || target >= size) {
      throw new TargetError(`Expected target to be a class from 0 to ${size - 1} or null, got ${show(target)}`);
    }
    return;
  }
  const values = typeof target === 'number' && kind === 'values' && size === 1 ? [target] : target;
  if (typeof values === 'number' || typeof values?.length !== 'number' || values.length !== size) {
    throw new TargetError(`Expected target to be a Float32Array of ${size} ${kind} or null, got ${show(target)}`);
  }
  for (let i = 0; i < size; i++) {
    const fits = kind === 'labels' ? values[i] >= 0 && values[i] <= 1 : Number.isFinite(values[i]);
    if (!fits)
      throw new TargetError(
        `Expected target[${i}] to be ${kind === 'labels' ? 'from 0 to 1' : 'finite'}, got ${values[i]}`,
      );
  }
}

function show(target: Target | undefined): string {
  return target !== null && typeof target === 'object' ? `an array of ${target.length}` : String(target);
}
