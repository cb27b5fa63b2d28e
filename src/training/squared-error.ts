import { checkNumbers, eachStep, type LossKind, putNumbers } from './loss.js';

export interface SquaredErrorConfig {
  readonly kind: 'squared-error';
}

/** ½ Σ (o − y)² of `values`: in nats, that of a normal density of variance 1, up to a constant; ∂L/∂o = o − y. */
export const squaredError: LossKind<SquaredErrorConfig> = {
  outputs: ['values'],
  fill: ({ kind }) => ({ kind }),
  create(config, output, kernels) {
    const { size } = output;
    const y = kernels.arena.reserve(size).address;
    return eachStep({
      config,
      check: target => checkNumbers(output, target),
      of(k, logits, target) {
        putNumbers(k, target, y);
        return k.squaredError(logits, y, size);
      },
      gradient(k, o, _, target, to, scale) {
        putNumbers(k, target, y);
        k.difference(o, y, to, size, scale);
      },
    });
  },
};
