import { checkNumbers, eachStep, type LossKind, putNumbers } from './loss.js';

export interface GaussianConfig {
  readonly kind: 'gaussian';
}

/**
 * The negative log-likelihood of normal densities, of outputs that are `gaussian` (Nix and Weigend 1994; PyTorch's `GaussianNLLLoss`
 * with `full`, of the sum): Σ log σ + ½ log 2π + ½ z², z = (m − y) / σ; ∂L/∂m = z / σ, ∂L/∂σ = (1 − z²) / σ.
 */
export const gaussianLoss: LossKind<GaussianConfig> = {
  outputs: ['gaussian'],
  fill: ({ kind }) => ({ kind }),
  create(config, output, kernels) {
    const { size } = output;
    const y = kernels.arena.reserve(size).address;
    return eachStep({
      config,
      check: target => checkNumbers(output, target),
      of(k, logits, target) {
        putNumbers(k, target, y);
        return k.gaussianLoss(logits, y, size);
      },
      gradient(k, o, p, target, to, scale) {
        putNumbers(k, target, y);
        k.gaussianBackward(o, p, y, to, size, scale);
      },
    });
  },
};
