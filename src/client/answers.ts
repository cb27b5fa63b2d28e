import type { Carry } from '../model/carry.js';
import type { Target } from '../training/loss.js';
import type { Updated } from '../wire/messages.js';

/** What was asked for of one step. */
export interface RemoteStep {
  /** Counted from 1. */
  readonly number: number;
  /** ŷ(t); empty where it was not asked for. */
  readonly prediction: Float32Array;
  /** The largest outputs, largest first, where top k or argmax was asked for. */
  readonly topIndices?: readonly number[];
  readonly topValues?: Float32Array;
  /** o(t), where asked for. */
  readonly logits?: Float32Array;
  /** h(t), and c(t) where the cell has one, where asked for. */
  readonly carry?: Carry;
}

/** What an update did, named as a trainer's. */
export type RemoteUpdate = Omit<Updated, 'type' | 'session'>;

/** What `tbptt` emits, as far as it is sent. */
export type RemoteLearned =
  | {
      readonly kind: 'step';
      readonly number: number;
      readonly step: RemoteStep;
      readonly target: Target | undefined;
      readonly loss: number | null;
      /** With a guard: the input was far larger than inputs usually are, and was brought down. */
      readonly limited?: true;
    }
  /** The target of step `number` came, and was scored against what was predicted then. */
  | { readonly kind: 'late'; readonly number: number; readonly loss: number }
  | { readonly kind: 'expired'; readonly number: number }
  | { readonly kind: 'duplicate'; readonly number: number }
  | { readonly kind: 'update'; readonly update: RemoteUpdate };
