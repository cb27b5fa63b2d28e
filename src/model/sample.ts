import { ConfigError, expect, expectOptions, InputError, kindOf } from '../errors.js';
import { exp } from '../kernels/functions.js';
import type { Random } from '../random.js';

export interface SampleOptions {
  /** Logits are divided by it: below 1 bolder, above 1 wilder; 0 takes the greatest. Default 1. */
  readonly temperature?: number;
  /** Only the k greatest logits, the earlier of equal ones first, may be drawn. Default all. */
  readonly topK?: number;
}

const { fround } = Math;

/**
 * Draws a class from softmax(o / temperature): the same logits and the same random state give the same class everywhere. Two
 * words of the random numbers are used, whatever is drawn.
 *
 * @param logits o, (classes); −∞ is never drawn
 * @throws ConfigError if an option is wrong, or none that there is, or `random` is not what `createRandom` returns
 * @throws InputError if there are no logits, one is NaN or +∞, or all are −∞
 */
export function sample(logits: ArrayLike<number>, options: SampleOptions, random: Random): number {
  checkDraw(logits, random);
  expectOptions(options, ['temperature', 'topK']);
  const { temperature = 1, topK = logits.length } = options;
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    throw new ConfigError(`Expected temperature to be a number from 0, got ${temperature}`);
  if (!(Number.isInteger(topK) && topK >= 1) && logits.length > 0)
    throw new ConfigError(`Expected topK to be an integer from 1, got ${topK}`);
  const best = argmax(logits);
  // 53 random bits, so that classes of small probability have their share.
  const share = (random.bits() * 2 ** 21 + (random.bits() >>> 11)) / 2 ** 53;
  if (temperature === 0) return best;

  const allowed = Array.from({ length: logits.length }, (_, i) => i);
  if (topK < logits.length) {
    allowed.sort((a, b) => logits[b] - logits[a] || a - b).length = topK;
    allowed.sort((a, b) => a - b);
  }
  const masses = allowed.map(i => exp(fround((logits[i] - logits[best]) / temperature)));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  const limit = share * total;
  let sum = 0;
  for (let i = 0; i < allowed.length; i++) {
    sum += masses[i];
    if (limit < sum) return allowed[i];
  }
  return best;
}

/**
 * The place of the greatest number, the first of equal ones.
 *
 * @throws InputError if there are none, one is NaN or +∞, or all are −∞
 */
export function argmax(values: ArrayLike<number>): number {
  checkNumbers(values);
  let best = -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isNaN(value) || value === Number.POSITIVE_INFINITY)
      throw new InputError(`Expected number ${i} to be finite, got ${value}`, i);
    if (value > (best < 0 ? Number.NEGATIVE_INFINITY : values[best])) best = i;
  }
  if (best < 0)
    throw new InputError(`Expected at least one number above −∞, got ${values.length > 0 ? 'none' : 'no numbers'}`);
  return best;
}

/** @throws InputError without logits; ConfigError without random numbers */
export function checkDraw(logits: ArrayLike<number>, random: Random): void {
  checkNumbers(logits);
  expect(typeof random?.bits === 'function', 'random', 'what createRandom returns', kindOf(random));
}

function checkNumbers(values: ArrayLike<number>): void {
  if (typeof values !== 'object' || typeof values?.length !== 'number')
    throw new InputError(`Expected a list of numbers, got ${kindOf(values)}`);
}
