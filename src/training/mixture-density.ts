import { TargetError } from '../errors.js';
import type { Address, Kernels } from '../kernels/kernels.js';
import { arithmeticOf } from '../kernels/reference.js';
import { activate, blocksOf, mixture, mostCorrelation, mostDeviation, within } from '../model/mixture.js';
import { checkNumbers, eachStep, type LossKind, type Target } from './loss.js';

export interface MixtureDensityConfig {
  readonly kind: 'mixture-density';
}

/**
 * −log Σ π N(x | μ, σ, ρ) − log of the Bernoulli of e, of a target (Δx, Δy, end) (Graves 2013, equations 23 to 37), in nats. With
 * γ the share of each density in the target, z = (x − μ) / σ, C = 1 / (1 − ρ²) and Z = z₁² + z₂² − 2 ρ z₁ z₂:
 *
 *     ∂L/∂ê = e − end   ∂L/∂π̂ = π − γ   ∂L/∂μ̂₁ = −γ C (z₁ − ρ z₂) / σ₁   ∂L/∂σ̂₁ = −γ (C z₁ (z₁ − ρ z₂) − 1)
 *     ∂L/∂ρ̂ = −γ (z₁ z₂ + ρ (1 − C Z))
 *
 * and 0 where σ̂ or ρ̂ is beyond what it is brought within. Arithmetic of float32, here alone: no kernel does it otherwise.
 */
export const mixtureDensity: LossKind<MixtureDensityConfig> = {
  outputs: ['mixture'],
  fill: ({ kind }) => ({ kind }),
  create(config, output, kernels) {
    const { size } = output;
    const at = blocksOf(size);
    const width = mixture.width(output);
    const { exp, log, round, flush } = arithmeticOf(kernels);
    const y = new Float64Array(width);
    /** log π N of each density; then its share in the target. */
    const shares = new Float64Array(size);
    const zs = { x: new Float64Array(size), y: new Float64Array(size), Z: new Float64Array(size) };
    const log2Pi = round(1.8378770664093453);

    /** −log Σ π N, with the shares and the distances left behind. */
    const density = (k: Kernels, o: Address, target: Float32Array): number => {
      const { floats } = k.arena;
      activate(k, o, output, y, 0);
      let most = Number.NEGATIVE_INFINITY;
      for (let j = 0; j < size; j++) {
        const rho = y[at.correlation + j];
        const zx = round(round(target[0] - y[at.meanX + j]) / y[at.deviationX + j]);
        const zy = round(round(target[1] - y[at.meanY + j]) / y[at.deviationY + j]);
        const squares = round(round(zx * zx) + round(zy * zy));
        const Z = round(squares - round(round(2 * rho) * round(zx * zy)));
        const rest = round(1 - round(rho * rho));
        const spread = round(
          within(floats[o + at.deviationX + j], mostDeviation) + within(floats[o + at.deviationY + j], mostDeviation),
        );
        const far = round(Z / round(2 * rest));
        const scale = round(round(log2Pi + spread) + round(0.5 * log(rest)));
        shares[j] = round(round(log(y[at.weight + j]) - scale) - far);
        zs.x[j] = zx;
        zs.y[j] = zy;
        zs.Z[j] = Z;
        most = Math.max(most, shares[j]);
      }
      let sum = 0;
      for (let j = 0; j < size; j++) {
        shares[j] = exp(round(shares[j] - most));
        sum = round(sum + shares[j]);
      }
      for (let j = 0; j < size; j++) shares[j] = round(shares[j] / sum);
      return -round(most + log(sum));
    };

    /** max(ê, 0) − ê end + log(1 + e^−|ê|). */
    const bernoulli = (o: number, end: number): number =>
      round(round(Math.max(o, 0) - round(o * end)) + log(round(1 + exp(-Math.abs(o)))));

    return eachStep({
      config,
      check: checkOffset,
      of: (k, o, target) =>
        round(density(k, o, target as Float32Array) + bernoulli(k.arena.floats[o], (target as Float32Array)[2])),

      gradient(k, o, _, target, to, scale) {
        const { floats } = k.arena;
        const put = (place: number, value: number): void => {
          floats[to + place] = flush(round(value * scale));
        };
        density(k, o, target as Float32Array);
        put(at.end, round(y[at.end] - (target as Float32Array)[2]));
        for (let j = 0; j < size; j++) {
          const [share, rho] = [shares[j], y[at.correlation + j]];
          const [zx, zy] = [zs.x[j], zs.y[j]];
          const C = round(1 / round(1 - round(rho * rho)));
          const alongX = round(C * round(zx - round(rho * zy)));
          const alongY = round(C * round(zy - round(rho * zx)));
          const free = (block: number, most: number): boolean => Math.abs(floats[o + block + j]) <= most;
          put(at.weight + j, round(y[at.weight + j] - share));
          put(at.meanX + j, -round(share * round(alongX / y[at.deviationX + j])));
          put(at.meanY + j, -round(share * round(alongY / y[at.deviationY + j])));
          put(
            at.deviationX + j,
            free(at.deviationX, mostDeviation) ? -round(share * round(round(zx * alongX) - 1)) : 0,
          );
          put(
            at.deviationY + j,
            free(at.deviationY, mostDeviation) ? -round(share * round(round(zy * alongY) - 1)) : 0,
          );
          const turn = round(round(zx * zy) + round(rho * round(1 - round(C * zs.Z[j]))));
          put(at.correlation + j, free(at.correlation, mostCorrelation) ? -round(share * turn) : 0);
        }
        k.clear(to + width, ((width + 3) & ~3) - width);
      },
    });
  },
};

/** @throws TargetError */
function checkOffset(target: Target): void {
  if (target === null) return;
  checkNumbers({ kind: 'values', size: 3 }, target);
  const end = (target as Float32Array)[2];
  if (!(end >= 0 && end <= 1))
    throw new TargetError(`Expected target[2], the end of a stroke, to be from 0 to 1, got ${end}`);
}
