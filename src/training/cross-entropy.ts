import { ConfigError } from '../errors.js';
import { checkClass, eachStep, type LossKind } from './loss.js';

export interface CrossEntropyConfig {
  readonly kind: 'cross-entropy';
  /** How much a step teaches by its class: a number from 0 for each. Default 1 each. What a step's loss is said to be is without them. */
  readonly classWeights?: readonly number[];
}

/** −log softmax(o)[y] of `classes`; ∂L/∂o = ŷ − y, where y is 1 for the class. */
export const crossEntropy: LossKind<CrossEntropyConfig> = {
  outputs: ['classes'],
  fill({ kind, classWeights }, { size }) {
    if (classWeights === undefined) return { kind };
    const fits =
      Array.isArray(classWeights) &&
      classWeights.length === size &&
      classWeights.every(weight => weight >= 0 && Number.isFinite(Math.fround(weight)));
    if (!fits)
      throw new ConfigError(
        `Expected loss.classWeights to be ${size} numbers from 0, one for each class, got ${JSON.stringify(classWeights)}`,
      );
    return { kind, classWeights: [...classWeights] };
  },
  create(config, output, kernels) {
    const { size } = output;
    const { classWeights } = config;
    const oneHot = kernels.arena.reserve(size).address;
    return eachStep({
      config,
      check: target => checkClass(output, target),
      ...(classWeights && { weightOf: (target: unknown) => classWeights[target as number] }),
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
