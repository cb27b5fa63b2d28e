import type { Arena } from './memory.js';

/** A place in the arena, counted in elements (not bytes) from its start. A multiple of 4 unless said otherwise. */
export type Address = number;

/**
 * Arithmetic on the memory of one arena; knows no network.
 *
 * *Rows.* A run of vectors: `address` of the first, `stride` elements from one to the next (a multiple of 4). Widths called
 * `n` are padded widths, multiples of 4, unless said otherwise. The padding of every row is +0 and stays +0.
 *
 * *Packed matrix.* (k inputs × n outputs), n a multiple of 4: the columns are cut into panels, as many of 32 as fit, then
 * at most one each of 16, 8 and 4; panel by panel, each is k rows of its own width. So the panel that begins at column j
 * begins at address + j · k. The layout is part of the law of bits (it orders whole-tensor sums).
 *
 * *Sums.* One float32 accumulator an output element, ascending; multiply, then add, never fused. A sum over a whole tensor
 * is 16 interleaved partial sums, ascending, then added in order. *Small numbers.* "Flushed": below 2⁻⁶⁰ in
 * magnitude is +0. Functions that end in `Backward` are the derivatives of the function of that name.
 */
export interface Kernels {
  readonly name: 'simd' | 'reference' | 'float64';
  readonly arena: Arena;

  /** Copies n numbers (any n, any address), flushed, and pads the last group of 4 with +0. Returns the index of the first that is not finite, or −1. */
  load(from: Address, to: Address, n: number): number;
  /** Copies n numbers (any n, any address) as they are. */
  copy(from: Address, to: Address, n: number): void;
  /** Sets n numbers to +0. */
  clear(to: Address, n: number): void;
  /** Sets each row to the vector `from` (n). */
  setRows(y: Address, yStride: number, rows: number, from: Address, n: number): void;

  /** y += x · W for each row. x (rows × k, k any), W packed (k × n), y (rows × n); the three lie apart. */
  multiply(
    x: Address,
    xStride: number,
    w: Address,
    y: Address,
    yStride: number,
    rows: number,
    k: number,
    n: number,
  ): void;
  /** y += row `index` of W: what multiplying with a one-hot x would add. W packed (k × n), y (n). */
  addRow(w: Address, index: number, y: Address, k: number, n: number): void;
  /** Wᵀ, packed (n × k rounded up to 4), from W packed (k × n). The padding is +0. */
  transpose(w: Address, wt: Address, k: number, n: number): void;
  /** W = xᵀ · d, rows ascending. x (rows × k, k any), d (rows × n), W packed (k × n). */
  outer(x: Address, xStride: number, d: Address, dStride: number, w: Address, rows: number, k: number, n: number): void;
  /** W += xᵀ · d, as `outer`. */
  addOuter(
    x: Address,
    xStride: number,
    d: Address,
    dStride: number,
    w: Address,
    rows: number,
    k: number,
    n: number,
  ): void;
  /** Row `index` of W += d. W packed (k × n), d (n). */
  addToRow(d: Address, w: Address, index: number, k: number, n: number): void;
  /** b = Σ rows of d, rows ascending. d (rows × n), b (n). */
  sumRows(d: Address, dStride: number, b: Address, rows: number, n: number): void;
  /** y = a ∘ b over n numbers. */
  times(a: Address, b: Address, y: Address, n: number): void;
  /** y += a ∘ b over n numbers. */
  addTimes(a: Address, b: Address, y: Address, n: number): void;
  /** Σ aᵢ² over n numbers, each aᵢ flushed. */
  sumSquares(a: Address, n: number): number;
  /** Brings n numbers within ±limit; NaN stays. Returns 1 if one was beyond, else 0. */
  clamp(a: Address, n: number, limit: number): number;

  /** h = tanh(a + b), flushed. a, h (rows × n), b (n). */
  elmanTanh(a: Address, aStride: number, b: Address, h: Address, hStride: number, rows: number, n: number): void;
  /** d = dh ∘ (1 − h²), flushed. */
  elmanTanhBackward(
    dh: Address,
    dhStride: number,
    h: Address,
    hStride: number,
    d: Address,
    dStride: number,
    rows: number,
    n: number,
  ): void;
  /** h = max(a + b, 0), flushed; NaN stays NaN. */
  elmanRelu(a: Address, aStride: number, b: Address, h: Address, hStride: number, rows: number, n: number): void;
  /** d = dh where h > 0, else +0; flushed. */
  elmanReluBackward(
    dh: Address,
    dhStride: number,
    h: Address,
    hStride: number,
    d: Address,
    dStride: number,
    rows: number,
    n: number,
  ): void;

  /**
   * The gates of an LSTM. a (rows × 4n), four blocks i, f, g, o: in, the sums; out, the activated gates
   * i = σ(aᵢ + bᵢ), f = σ(a_f + b_f), g = tanh(a_g + b_g), o = σ(a_o + b_o). b (4n).
   * c = f ∘ c0 + i ∘ g, flushed; s = tanh(c); h = o ∘ s, flushed. c0, c, s, h (rows × n), one stride for the four.
   */
  lstm(
    a: Address,
    aStride: number,
    b: Address,
    c0: Address,
    c: Address,
    s: Address,
    h: Address,
    stride: number,
    rows: number,
    n: number,
  ): void;
  /**
   * a: the activated gates; dc (rows × n): in, ∂L/∂c from the step after; out, ∂L/∂c0 from this one.
   * d (rows × 4n, stride of a): ∂L/∂a of i, f, g, o, flushed.
   *   δ = dc + (dh ∘ o) ∘ (1 − s²);  dᵢ = (δ ∘ g) ∘ (i ∘ (1 − i));  d_f = (δ ∘ c0) ∘ (f ∘ (1 − f));
   *   d_g = (δ ∘ i) ∘ (1 − g²);  d_o = (dh ∘ s) ∘ (o ∘ (1 − o));  dc = δ ∘ f
   */
  lstmBackward(
    dh: Address,
    dc: Address,
    a: Address,
    aStride: number,
    c0: Address,
    s: Address,
    stride: number,
    d: Address,
    rows: number,
    n: number,
  ): void;

  /**
   * The gates of a GRU, reset after the product. a (rows × 4n), four blocks x, r, z, m: in, the sums of the candidate's
   * input part, of reset and update, and of the candidate's hidden part; out, the candidate, the gates, m.
   * b (3n): r, z, m.  r = σ(a_r + b_r), z = σ(a_z + b_z), m = a_m + b_m, x = tanh(aₓ + r ∘ m); h = (1 − z) ∘ x + z ∘ h0, flushed.
   */
  gru(a: Address, aStride: number, b: Address, h0: Address, h: Address, stride: number, rows: number, n: number): void;
  /**
   * a: the activated gates. d (rows × 4n, stride of a): ∂L/∂a of x, r, z, m, flushed. dh0 (rows × n) += dh ∘ z.
   *   dₓ = (dh ∘ (1 − z)) ∘ (1 − x²);  d_r = (dₓ ∘ m) ∘ (r ∘ (1 − r));  d_z = (dh ∘ (h0 − x)) ∘ (z ∘ (1 − z));  d_m = dₓ ∘ r
   */
  gruBackward(
    dh: Address,
    dh0: Address,
    a: Address,
    aStride: number,
    h0: Address,
    stride: number,
    d: Address,
    rows: number,
    n: number,
  ): void;

  /**
   * p = softmax of the first n numbers (any n) of each row, padding +0. Where o is d below the largest of its row, the relative error is
   * ≤ (d + ln n + n/16 + 20) · 2⁻²⁴: of d and of the mean d as they are rounded, of the sums, of two `exp` and of the quotient. From
   * d = 86.99 on p is +0; between 0 and 2⁻¹²⁶ it is a multiple of 2⁻¹⁴⁹. NaN or +∞ in a row, and −∞ alone, make p NaN.
   */
  softmax(o: Address, p: Address, stride: number, rows: number, n: number): void;
  /** p = σ(o) for the first n numbers (any n) of each row, padding +0. */
  sigmoid(o: Address, p: Address, stride: number, rows: number, n: number): void;
  /** −log softmax(o)[target] of one row of n (any n), in nats. */
  crossEntropy(o: Address, target: number, n: number): number;
  /** Σ max(o, 0) − o·y + log(1 + e^−|o|) over one row of n (any n), in nats. y (n). */
  binaryCrossEntropy(o: Address, y: Address, n: number): number;
  /** ½ Σ (o − y)² over one row of n (any n): in nats, that of a normal density of variance 1, up to a constant. */
  squaredError(o: Address, y: Address, n: number): number;
  /** Σ c (a − c/2) with a = |o − y| and c = min(a, δ), over one row of n (any n): ½a² up to δ, δ (a − δ/2) beyond. y (n). */
  huber(o: Address, y: Address, n: number, delta: number): number;
  /** d = (o − y, brought within ±δ) · scale, flushed, for one row of n (any n), padding +0. */
  huberBackward(o: Address, y: Address, d: Address, n: number, delta: number, scale: number): void;

  /** For each row of means m and s (n each, any n): p = m, then the deviations σ = softplus(s) + 2⁻¹⁰; padding +0. */
  gaussian(o: Address, p: Address, stride: number, rows: number, n: number): void;
  /** Σ log σ + ½ log 2π + ½ ((m − y) / σ)² over one row o of m and s (n each, any n), in nats. y (n). */
  gaussianLoss(o: Address, y: Address, n: number): number;
  /**
   * d (2n, padding +0), flushed, of one row o of m and s and its p: z = (m − y) / σ;
   * d_m = (z / σ) · scale;  d_s = (((1 − z²) / σ) ∘ σ(s)) · scale, σ(s) the slope of softplus.
   */
  gaussianBackward(o: Address, p: Address, y: Address, d: Address, n: number, scale: number): void;

  /** d = (p − y) · scale, flushed, for one row of n (any n), padding +0: ∂L/∂o of the first three losses. */
  difference(p: Address, y: Address, d: Address, n: number, scale: number): void;

  /**
   * Stochastic gradient descent with momentum (as PyTorch `SGD`): m = momentum · m + g · scale; w = w − rate · m.
   * g flushed, m below 2⁻¹²⁰ is +0. With momentum 0, m is neither read nor written.
   */
  sgd(w: Address, g: Address, m: Address, n: number, scale: number, rate: number, momentum: number): void;
  /**
   * Adam (Kingma and Ba 2015, algorithm 1, as PyTorch `Adam`) and AdamW (Loshchilov and Hutter 2019): g' = g · scale;
   * m = β1 · m + (1 − β1) · g'; v = β2 · v + (1 − β2) · g'²; w = w · keep − rate · m / (√v · root + ε), where the caller gives
   * rate / (1 − β1^t) as `rate`, 1 / √(1 − β2^t) as `root`, and 1 less the weight decay of this step as `keep`. With β1 and root 0 and 1
   * it is RMSProp. g flushed; m below 2⁻¹²⁰ in magnitude and v below 2⁻¹²⁰ are +0. With β1 = 0, m is g' and neither read nor
   * written. n is a multiple of 16, as the tensors of a model are.
   */
  adam(
    w: Address,
    g: Address,
    m: Address,
    v: Address,
    n: number,
    scale: number,
    rate: number,
    beta1: number,
    beta2: number,
    root: number,
    epsilon: number,
    keep: number,
  ): void;
  /** Adagrad (Duchi et al. 2011, as PyTorch `Adagrad`): g' = g · scale; v = v + g'²; w = w − rate · g' / (√v + ε). g flushed. */
  adagrad(w: Address, g: Address, v: Address, n: number, scale: number, rate: number, epsilon: number): void;
}
