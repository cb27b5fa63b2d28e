import type { Address, Kernels } from '../kernels/kernels.js';

export type OutputKind = 'classes' | 'labels' | 'values' | 'gaussian' | 'mixture';

/** What a network says: its kind, and how many of what it is about. */
export interface OutputConfig {
  readonly kind: OutputKind;
  /** Classes, labels, values or densities. */
  readonly size: number;
}

/** What each kind of output fills in. */
export interface Output {
  /** Numbers of o(t), and as many of ŷ(t). */
  width(output: OutputConfig): number;
  /** Numbers of a target, where they are not `size`. */
  readonly targetWidth?: number;
  /** From o to ŷ in each row, padding +0; without it ŷ is o itself. */
  readonly predict?: (
    k: Kernels,
    logits: Address,
    predictions: Address,
    stride: number,
    rows: number,
    output: OutputConfig,
  ) => void;
}
