import type { Output } from './output.js';

/**
 * A forecast with its band: for each value a normal density. o(t) is (2 · size): the means m, then s; ŷ(t) is the means, then the
 * standard deviations σ = ln(1 + e^s) + 2⁻¹⁰, in the units of the targets.
 *
 * softplus rather than e^s: it grows no faster than s, so that one large error does not throw σ orders of magnitude off (as DeepAR
 * does: Salinas et al. 2020, section 3.1). The least deviation keeps the loss of a value that never varies finite.
 * σ is within 3e-7 of the exact one, relatively (softplus of kernels/functions.ts, and one sum).
 */
export const gaussian: Output = {
  width: output => 2 * output.size,
  predict: (k, o, p, stride, rows, { size }) => k.gaussian(o, p, stride, rows, size),
};
