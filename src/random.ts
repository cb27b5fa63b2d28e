import { ConfigError, expect } from './errors.js';

/**
 * A seeded generator of random numbers: the same seed gives the same numbers on every machine and engine.
 *
 * xoshiro128++ (Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators"), seeded by splitmix32.
 * Only + − × ÷ √ on float64 and 32-bit integer operations, so no engine can differ.
 */
export interface Random {
  /** 32 random bits, as an unsigned integer. */
  bits(): number;
  /** Uniform on [0, 1) in steps of 2⁻²⁴: exact in float32. */
  uniform(): number;
  /** A standard normal number (Marsaglia's polar method). */
  normal(): number;
  /** An integer on [0, n), unbiased. */
  integer(n: number): number;
  /** The state, four unsigned 32-bit words; `createRandom(state)` goes on from here. */
  state(): Uint32Array;
}

/**
 * @param seed a non-negative integer below 2⁵³, or a `state()` to go on from
 * @throws ConfigError if the seed is neither
 */
export function createRandom(seed: number | Uint32Array): Random {
  const s = seed instanceof Uint32Array ? checkState(seed) : expandSeed(seed);

  const bits = (): number => {
    const sum = (s[0] + s[3]) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + s[0]) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  };

  const uniform = (): number => (bits() >>> 8) / 16777216;

  const normal = (): number => {
    for (;;) {
      const u = 2 * uniform() - 1;
      const v = 2 * uniform() - 1;
      const square = u * u + v * v;
      // The second number of the pair is dropped, so that the state is the four words and nothing else.
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * naturalLog(square)) / square);
    }
  };

  const integer = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 4294967296) {
      throw new ConfigError(`Expected n to be an integer from 1 to 2^32, got ${n}`);
    }
    const limit = 4294967296 - (4294967296 % n);
    for (;;) {
      const value = bits();
      if (value < limit) return value % n;
    }
  };

  return { bits, uniform, normal, integer, state: () => Uint32Array.from(s) };
}

function expandSeed(seed: number): Uint32Array {
  expect(Number.isSafeInteger(seed) && seed >= 0, 'seed', 'an integer from 0 to 2^53 − 1', seed);
  const s = new Uint32Array(4);
  const high = Math.floor(seed / 4294967296);
  let z = (seed ^ Math.imul(high, 0x9e3779b1)) | 0;
  for (let i = 0; i < 4; i++) {
    if (i === 2) z ^= Math.imul(high, 0x85ebca6b);
    z = (z + 0x9e3779b9) | 0;
    let w = z ^ (z >>> 16);
    w = Math.imul(w, 0x21f0aaad);
    w ^= w >>> 15;
    w = Math.imul(w, 0x735a2d97);
    s[i] = w ^ (w >>> 15);
  }
  return s;
}

function checkState(state: Uint32Array): Uint32Array {
  if (state.length !== 4 || state.every(word => word === 0)) {
    throw new ConfigError(`Expected a random state to be four unsigned 32-bit words, not all zero, got ${state}`);
  }
  return Uint32Array.from(state);
}

/**
 * ln x for x in (0, 1), in float64: x = m · 2^e with m in [√½, √2), ln m = 2 artanh((m − 1)/(m + 1)) as a series.
 * `Math.log` may differ in the last bit between engines.
 */
function naturalLog(x: number): number {
  let m = x;
  let e = 0;
  while (m < Math.SQRT1_2) {
    m *= 2;
    e--;
  }
  const z = (m - 1) / (m + 1);
  const square = z * z;
  let sum = 0;
  for (let k = 25; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * z * sum + e * Math.LN2;
}
