import type { Kernels } from '../kernels/kernels.js';
import type { Range } from './optimizer.js';

/** How far a gradient is followed. */
export interface ClipOptions {
  /** Each element is brought within ± this, before the norm is looked at; `Infinity` for none. */
  readonly maxGradientElement: number;
  /** The gradient is scaled down to this global norm; `Infinity` for none. */
  readonly maxGradientNorm: number;
}

export interface Clipped {
  /** Euclidean norm before anything was clipped. */
  readonly norm: number;
  /** Factor on the gradient. */
  readonly scale: number;
  /** Euclidean norm of what is followed. */
  readonly left: number;
  /** Whether the gradient is followed less far than it goes. */
  readonly clipped: boolean;
}

/** Clips by element, in place, and then by the norm of what is left, as a factor. A gradient that is not finite stays. */
export function clipGradient(
  k: Kernels,
  gradient: number,
  ranges: readonly Range[],
  { maxGradientElement, maxGradientNorm }: ClipOptions,
): Clipped {
  const normOf = (): number => {
    let squares = 0;
    for (const [at, length] of ranges) squares += k.sumSquares(gradient + at, length);
    return Math.sqrt(squares);
  };
  const norm = normOf();
  if (!Number.isFinite(norm)) return { norm, scale: 1, left: norm, clipped: false };
  let beyond = 0;
  if (maxGradientElement < Number.POSITIVE_INFINITY) {
    for (const [at, length] of ranges) beyond += k.clamp(gradient + at, length, maxGradientElement);
  }
  const left = beyond > 0 ? normOf() : norm;
  const scaled = left > maxGradientNorm;
  if (scaled) return { norm, scale: maxGradientNorm / left, left: maxGradientNorm, clipped: true };
  return { norm, scale: 1, left, clipped: beyond > 0 };
}
