import { ConfigError, expectOptions, InputError } from '../errors.js';
import { exp, sigmoid, tanh } from '../kernels/functions.js';
import type { Random } from '../random.js';
import { blocksOf, mostCorrelation, mostDeviation, within } from './mixture.js';
import { checkDraw, sample } from './sample.js';

export interface OffsetOptions {
  /** 0 draws as it was learned; the larger, the neater: π ∝ exp(π̂ (1 + bias)), σ = exp(σ̂ − bias). Default 0. */
  readonly bias?: number;
}

const { fround } = Math;

/**
 * Draws (Δx, Δy, end) from o of an output of kind `mixture` (Graves 2013, equations 23 to 25, the bias of 61 and 62): the same o and the same
 * random state give the same offset everywhere.
 *
 * @param logits o, (1 + 6 · size)
 * @throws ConfigError if the bias is none, or another option is there, or `random` is not what `createRandom` returns
 * @throws InputError if o has another length, or a number in it is not finite
 */
export function sampleOffset(logits: ArrayLike<number>, options: OffsetOptions, random: Random): Float32Array {
  checkDraw(logits, random);
  expectOptions(options, ['bias']);
  const { bias = 0 } = options;
  checkBias(bias);
  const size = (logits.length - 1) / 6;
  if (!Number.isInteger(size) || size < 1)
    throw new InputError(`Expected o of a mixture to have 1 + 6 · size numbers, got ${logits.length}`);
  for (let i = 0; i < logits.length; i++)
    if (!Number.isFinite(logits[i])) throw new InputError(`Expected number ${i} to be finite, got ${logits[i]}`, i);
  const at = blocksOf(size);
  const weights = Array.from({ length: size }, (_, j) => fround(logits[at.weight + j] * (1 + bias)));
  const j = sample(weights, {}, random);
  const deviation = (block: number): number => exp(fround(within(logits[block + j], mostDeviation) - bias));
  const rho = tanh(within(logits[at.correlation + j], mostCorrelation));
  const [a, b] = [random.normal(), random.normal()];
  const across = rho * a + Math.sqrt(1 - rho * rho) * b;
  return Float32Array.of(
    logits[at.meanX + j] + deviation(at.deviationX) * a,
    logits[at.meanY + j] + deviation(at.deviationY) * across,
    random.uniform() < sigmoid(logits[at.end]) ? 1 : 0,
  );
}

const mostBias = 20;

/** @throws ConfigError */
export function checkBias(bias: number): void {
  if (!(bias >= 0 && bias <= mostBias))
    throw new ConfigError(`Expected bias to be a number from 0 to ${mostBias}, got ${bias}`);
}
