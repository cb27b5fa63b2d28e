/** Each step multiplies the lead of the largest by the ratio of the squares. */
const defaultSteps = 20;

/**
 * The largest singular value of a square matrix, from below, by power iteration on WᵀW (Golub and Van Loan, "Matrix
 * Computations", section 8.2), from + × ÷ √ alone. It begins with the same vector each time, so nothing is remembered.
 *
 * @param at element of W, row-major
 * @param size rows and columns
 */
export function spectralNorm(at: (index: number) => number, size: number, steps = defaultSteps): number {
  let v = Float64Array.from({ length: size }, (_, i) => 1 + i / size);
  let norm = 0;
  for (let step = 0; step < steps; step++) {
    const length = lengthOf(v);
    if (!(length > 0 && Number.isFinite(length))) return norm === 0 ? length : Number.POSITIVE_INFINITY;
    const u = new Float64Array(size);
    const next = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let j = 0; j < size; j++) sum += at(i * size + j) * (v[j] / length);
      u[i] = sum;
      for (let j = 0; j < size; j++) next[j] += at(i * size + j) * sum;
    }
    norm = lengthOf(u);
    v = next;
  }
  return norm;
}

function lengthOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
