import { ConfigError } from '../errors.js';
import { flush } from '../kernels/functions.js';
import { checkNumbers, eachStep, type LossKind, putNumbers } from './loss.js';

export interface GaussianConfig {
  readonly kind: 'gaussian';
  /**
   * The gradient of each value is followed times σ^2β (β-NLL; Seitzer et al. 2022): 0, ½ or 1. Default 1, with which a mean learns as by the squared
   * error; with 0, gradients of sharp forecasts are so large that a clipped norm makes bands too narrow. The loss is told without it.
   */
  readonly beta?: 0 | 0.5 | 1;
}

/**
 * The negative log-likelihood of normal densities, of outputs that are `gaussian` (Nix and Weigend 1994; PyTorch's `GaussianNLLLoss`
 * with `full`, of the sum): Σ log σ + ½ log 2π + ½ z², z = (m − y) / σ; ∂L/∂m = z / σ, ∂L/∂σ = (1 − z²) / σ.
 */
export const gaussianLoss: LossKind<GaussianConfig> = {
  outputs: ['gaussian'],
  fill({ kind, beta = 1 }) {
    if (beta !== 0 && beta !== 0.5 && beta !== 1)
      throw new ConfigError(`Expected loss.beta to be 0, 0.5 or 1, got ${String(beta)}`);
    return { kind, beta };
  },
  create(config, output, kernels) {
    const { size } = output;
    const { beta } = config;
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
        if (beta === 0) return;
        const { floats } = k.arena;
        for (let i = 0; i < size; i++) {
          const deviation = floats[p + size + i];
          const by = beta === 1 ? deviation * deviation : deviation;
          for (const at of [to + i, to + size + i]) floats[at] = flush(floats[at] * by);
        }
      },
    });
  },
};
