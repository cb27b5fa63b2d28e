import { checkClass, eachStep, type LossKind } from './loss.js';

export interface CrossEntropyConfig {
  readonly kind: 'cross-entropy';
}

/** −log softmax(o)[y] of `classes`; ∂L/∂o = ŷ − y, where y is 1 for the class. */
export const crossEntropy: LossKind<CrossEntropyConfig> = {
  outputs: ['classes'],
  fill: ({ kind }) => ({ kind }),
  create(config, output, kernels) {
    const { size } = output;
    const oneHot = kernels.arena.reserve(size).address;
    return eachStep({
      config,
      check: target => checkClass(output, target),
      of: (k, logits, target) => k.crossEntropy(logits, target as number, size),
      gradient(k, _, p, target, to, scale) {
        const { floats } = k.arena;
        floats[oneHot + (target as number)] = 1;
        k.difference(p, oneHot, to, size, scale);
        floats[oneHot + (target as number)] = 0;
      },
    });
  },
};
