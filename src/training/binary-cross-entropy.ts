import { checkNumbers, eachStep, type LossKind } from './loss.js';

export interface BinaryCrossEntropyConfig {
  readonly kind: 'binary-cross-entropy';
}

/** −Σ y log ŷ + (1 − y) log(1 − ŷ) of `labels`, y from 0 to 1; ∂L/∂o = ŷ − y. */
export const binaryCrossEntropy: LossKind<BinaryCrossEntropyConfig> = {
  outputs: ['labels'],
  fill: ({ kind }) => ({ kind }),
  create(config, output, kernels) {
    const { size } = output;
    const y = kernels.arena.reserve(size).address;
    return eachStep({
      config,
      check: target => checkNumbers(output, target, 'from 0 to 1', 0, 1),
      of(k, logits, target) {
        k.arena.floats.set(target as Float32Array, y);
        return k.binaryCrossEntropy(logits, y, size);
      },
      gradient(k, _, p, target, to, scale) {
        k.arena.floats.set(target as Float32Array, y);
        k.difference(p, y, to, size, scale);
      },
    });
  },
};
