import { ConfigError } from '../errors.js';
import { checkNumbers, eachStep, type LossKind, putNumbers } from './loss.js';

export interface HuberConfig {
  readonly kind: 'huber';
  /** Errors beyond it count by their size, and no longer by its square. In the units of the targets. Default 1. */
  readonly delta?: number;
}

/**
 * Of `values`, what one outlier cannot rule (Huber 1964; PyTorch's `HuberLoss`, of the sum): Σ ½ a² for a = |o − y| up to δ,
 * δ (a − δ/2) beyond; ∂L/∂o = o − y, brought within ±δ.
 */
export const huber: LossKind<HuberConfig> = {
  outputs: ['values'],
  fill({ kind, delta = 1 }) {
    if (!(Math.fround(delta) > 0 && Number.isFinite(Math.fround(delta))))
      throw new ConfigError(`Expected loss.delta to be a positive number, got ${delta}`);
    return { kind, delta };
  },
  create(config, output, kernels) {
    const { size } = output;
    const delta = config.delta!;
    const y = kernels.arena.reserve(size).address;
    return eachStep({
      config,
      check: target => checkNumbers(output, target),
      of(k, logits, target) {
        putNumbers(k, target, y);
        return k.huber(logits, y, size, delta);
      },
      gradient(k, o, _, target, to, scale) {
        putNumbers(k, target, y);
        k.huberBackward(o, y, to, size, delta, scale);
      },
    });
  },
};
