import type { Address, Kernels } from '../kernels/kernels.js';
import { arithmeticOf } from '../kernels/reference.js';
import type { Output, OutputConfig } from './output.js';

/**
 * The next offset of a pen: a mixture of `size` normal densities of the plane, and whether the pen leaves then (Graves 2013,
 * arXiv:1308.0850, equations 18 to 22). o is, block by block, ê (1), π̂, μ̂₁, μ̂₂, σ̂₁, σ̂₂, ρ̂ (size each); and ŷ
 *
 *     e = σ(ê)   π = softmax(π̂)   μ = μ̂   σ = exp(σ̂)   ρ = tanh(ρ̂)
 *
 * σ̂ is brought within ±7 and ρ̂ within ±4 first, so that every density is a finite number in float32.
 */
export const mixture: Output = {
  width: ({ size }) => 1 + 6 * size,
  targetWidth: 3,
  predict(k, logits, predictions, stride, rows, output) {
    const { floats } = k.arena;
    for (let row = 0; row < rows; row++) {
      const to = predictions + row * stride;
      activate(k, logits + row * stride, output, floats, to);
      floats.fill(0, to + mixture.width(output), to + stride);
    }
  },
};

export const mostDeviation = 7;
export const mostCorrelation = 4;

/** Where each block begins, with so many densities. */
export function blocksOf(size: number) {
  const at = (block: number): number => 1 + block * size;
  return {
    end: 0,
    weight: at(0),
    meanX: at(1),
    meanY: at(2),
    deviationX: at(3),
    deviationY: at(4),
    correlation: at(5),
  };
}

/** ŷ from the o at an address, into `to` from `place` on. */
export function activate(
  k: Kernels,
  logits: Address,
  { size }: OutputConfig,
  to: { [index: number]: number },
  place: number,
): void {
  const { exp, tanh, sigmoid, round } = arithmeticOf(k);
  const { floats: o } = k.arena;
  const at = blocksOf(size);
  to[place] = sigmoid(o[logits]);
  let most = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < size; j++) most = Math.max(most, o[logits + at.weight + j]);
  let sum = 0;
  for (let j = 0; j < size; j++) {
    const mass = exp(round(o[logits + at.weight + j] - most));
    to[place + at.weight + j] = mass;
    sum = round(sum + mass);
  }
  for (let j = 0; j < size; j++) {
    to[place + at.weight + j] = round(to[place + at.weight + j] / sum);
    to[place + at.meanX + j] = o[logits + at.meanX + j];
    to[place + at.meanY + j] = o[logits + at.meanY + j];
    to[place + at.deviationX + j] = exp(within(o[logits + at.deviationX + j], mostDeviation));
    to[place + at.deviationY + j] = exp(within(o[logits + at.deviationY + j], mostDeviation));
    to[place + at.correlation + j] = tanh(within(o[logits + at.correlation + j], mostCorrelation));
  }
}

export function within(value: number, most: number): number {
  return Math.min(Math.max(value, -most), most);
}
