import test from 'ava';
import * as coefficients from '../../src/kernels/coefficients.js';
import { exp, flush, log, sigmoid, softplus, tanh } from '../../src/kernels/functions.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { createReference } from '../../src/kernels/reference.js';
import { createSimd } from '../../src/kernels/wasm.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';

type Numeric = (x: number) => number;

const floats = new Float32Array(1);
const words = new Int32Array(floats.buffer);

/** The float32 whose bits are `steps` above those of x: for positive steps, further from zero. */
function neighbour(x: number, steps: number): number {
  floats[0] = x;
  words[0] += steps;
  return floats[0];
}

const specials = [
  ...[0, 0.5, 1, 2, 1e-3, 1e-10, 1e-19, 1e-30, 1e-40, 2 ** -30, 2 ** -60, 2 ** -61, 2 ** -126, 2 ** -149, 1e30],
  ...[Math.SQRT1_2, Math.SQRT2, Math.LN2 / 2, 1.5 * Math.LN2, 16777216, 9, 20, 80, 3.4028234663852886e38, Infinity],
  ...[86.98997, 87, 87.25, 87.5, 88, 88.37, 88.72283, 89, 90, 100, 104, coefficients.tanhLimit, Number.NaN],
].flatMap(x => [x, -x, neighbour(x, 1), -neighbour(x, 1), neighbour(x, -1), -neighbour(x, -1)]);

/** Float32 numbers of every sign and exponent: each 2053rd pattern of bits, ascending within a sign, and the special ones. */
const sweep = ((step: number) => {
  const count = Math.ceil(2 ** 32 / step);
  const length = Math.ceil((count + specials.length) / 4) * 4;
  const x = new Float32Array(length);
  const bits = new Uint32Array(x.buffer);
  for (let i = 0; i < count; i++) bits[i] = i * step;
  x.set(specials, count);
  return x;
})(2053);

const exactSigmoid: Numeric = x => 1 / (1 + Math.exp(-x));

/** Largest |f(x)/exact(x) − 1| over the swept numbers from low to high; NaN if there is one. */
function largestError(f: Numeric, exact: Numeric, low: number, high: number): number {
  let largest = 0;
  for (const x of sweep) {
    if (!(x >= low && x <= high)) continue;
    const truth = exact(x);
    const error = truth === 0 ? Math.abs(f(x)) : Math.abs(f(x) / truth - 1);
    if (!(error <= largest)) largest = error;
  }
  return largest;
}

// Found over all 2³² inputs by scripts/prove-functions.js.
const bounds = { exp: 9.81e-8, log: 8.16e-8, tanh: 2.92e-7, sigmoid: 1.54e-7, softplus: 2.4e-7 };
const vanishes = -86.98997;
const overflows = 88.72283;

test('exp is within its bound of e^x', t => {
  t.true(largestError(exp, Math.exp, vanishes, overflows) <= bounds.exp);
});

test('log is within its bound of ln x, near 1 and for subnormal numbers too', t => {
  t.true(largestError(log, Math.log, 2 ** -149, 3.4028234663852886e38) <= bounds.log);
  for (let steps = -3000; steps <= 3000; steps++) {
    const x = neighbour(1, steps);
    t.true(Math.abs(log(x) - Math.log(x)) <= bounds.log * Math.abs(Math.log(x)));
  }
});

test('tanh is within its bound of tanh x over all numbers, and never beyond ±1', t => {
  t.true(largestError(tanh, Math.tanh, -Infinity, Infinity) <= bounds.tanh);
  t.true(sweep.every(x => Number.isNaN(x) || Math.abs(tanh(x)) <= 1));
  for (let steps = -20000; steps <= 20000; steps++) {
    const x = neighbour(coefficients.tanhLimit, steps);
    if (steps < 0 ? !(tanh(x) < 1) : tanh(x) !== 1) t.fail(`tanh(${x}) is ${tanh(x)}`);
  }
});

test('sigmoid is within its bound of 1 / (1 + e^−x), relatively, down to where it vanishes', t => {
  t.true(largestError(sigmoid, exactSigmoid, vanishes, Infinity) <= bounds.sigmoid);
});

const exactSoftplus: Numeric = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

test('softplus is within its bound of ln(1 + e^x), relatively, down to where it vanishes', t => {
  t.true(largestError(softplus, exactSoftplus, vanishes, Infinity) <= bounds.softplus);
  t.is(softplus(Infinity), Infinity);
  t.is(softplus(-Infinity), 0);
  t.is(softplus(Number.NaN), Number.NaN);
  t.is(softplus(-87), 0);
});

test('a function that is one unit in the last place further off misses its bound', t => {
  const off = (f: Numeric) => (x: number) => neighbour(f(x), 1);
  t.true(largestError(off(exp), Math.exp, vanishes, overflows) > bounds.exp);
  t.true(largestError(off(log), Math.log, 2 ** -149, 3.4e38) > bounds.log);
  t.true(largestError(off(tanh), Math.tanh, -Infinity, Infinity) > bounds.tanh);
  t.true(largestError(off(sigmoid), exactSigmoid, vanishes, Infinity) > bounds.sigmoid);
  t.true(largestError(off(softplus), exactSoftplus, vanishes, Infinity) > bounds.softplus);
});

/** By how much the softmax of rows of many kinds misses its bound, as a factor: at most 1 where it keeps it. */
function softmaxExcess(kernels: Kernels, softmax = kernels.softmax): number {
  const random = createRandom(4);
  let largest = 0;
  for (const n of [...Array.from({ length: 70 }, (_, i) => i + 1), 1000, 65536]) {
    for (const scale of [1e-3, 1, 10, 40, 1e37]) {
      const [o, p] = [kernels.arena.reserve(n), kernels.arena.reserve(n)];
      const row = Float32Array.from({ length: n }, () => scale * random.normal());
      o.array.set(row);
      softmax(o.address, p.address, n, 1, n);
      const max = row.reduce((a, b) => Math.max(a, b));
      const total = row.reduce((sum, x) => sum + Math.exp(x - max), 0);
      row.forEach((x, i) => {
        const [d, y] = [max - x, p.array[i]];
        const truth = Math.exp(-d) / total;
        if (d > 86.99) largest = y === 0 ? largest : Infinity;
        // Where exp may already have vanished, and where p is subnormal, there is no relative error to speak of.
        else if (d < 86.98 && truth >= 2 ** -126) {
          const bound = (d + Math.log(n) + n / 16 + 20) * 2 ** -24;
          const excess = Math.abs(y / truth - 1) / bound;
          if (!(excess <= largest)) largest = excess;
        }
      });
    }
  }
  return largest;
}

test('softmax is within its bound, for few numbers and many, near and far apart', async t => {
  const simd = await createSimd();
  if (simd === null) throw new Error('Expected SIMD to run here');
  for (const kernels of [simd, createReference('float32')]) {
    const excess = softmaxExcess(kernels);
    t.true(excess <= 1, `${kernels.name}: ${excess} of the bound`);
    const off: typeof kernels.softmax = (o, p, stride, rows, n) => {
      kernels.softmax(o, p, stride, rows, n);
      kernels.arena.floats[p] *= 1 + 2 ** -19;
    };
    t.true(softmaxExcess(kernels, off) > 1, 'a first number that is 32 · 2⁻²⁴ off is seen');
  }
});

test('softmax of what is no finite number, and of numbers that are far below the largest', t => {
  const kernels = createReference('float32');
  const softmax = (...row: number[]): number[] => {
    const [o, p] = [kernels.arena.reserve(4), kernels.arena.reserve(4)];
    o.array.set(row);
    kernels.softmax(o.address, p.address, 4, 1, row.length);
    return [...p.array.subarray(0, row.length)];
  };
  const none = Number.NaN;
  t.deepEqual(softmax(3e38, -3e38, -Infinity), [1, 0, 0]);
  t.deepEqual(softmax(7), [1]);
  for (const row of [
    [none, 1],
    [Infinity, 1],
    [-Infinity, -Infinity],
  ])
    t.true(softmax(...row).every(Number.isNaN));
});

test('special values', t => {
  const { NaN: none } = Number;
  const cases: [string, Numeric, [number, number][]][] = [
    [
      'exp',
      exp,
      [
        [0, 1],
        [-0, 1],
        [Infinity, Infinity],
        [-Infinity, 0],
        [none, none],
        [89, Infinity],
        [-87, 0],
      ],
    ],
    [
      'log',
      log,
      [
        [1, 0],
        [0, -Infinity],
        [-0, -Infinity],
        [Infinity, Infinity],
        [-Infinity, none],
        [none, none],
      ],
    ],
    [
      'log',
      log,
      [
        [-1, none],
        [-1e-40, none],
        [2 ** -149, Math.fround(-149 * Math.LN2)],
      ],
    ],
    [
      'tanh',
      tanh,
      [
        [0, 0],
        [-0, -0],
        [Infinity, 1],
        [-Infinity, -1],
        [none, none],
        [1e-20, Math.fround(1e-20)],
      ],
    ],
    [
      'tanh',
      tanh,
      [
        [2 ** -149, 2 ** -149],
        [-(2 ** -149), -(2 ** -149)],
      ],
    ],
    [
      'sigmoid',
      sigmoid,
      [
        [0, 0.5],
        [-0, 0.5],
        [Infinity, 1],
        [-Infinity, 0],
        [none, none],
        [-87, 0],
        [17, 1],
      ],
    ],
    [
      'flush',
      flush,
      [
        [0, 0],
        [-0, 0],
        [2 ** -60, 2 ** -60],
        [-(2 ** -60), -(2 ** -60)],
        [1e-19, 0],
        [-1e-19, 0],
      ],
    ],
    [
      'flush',
      flush,
      [
        [none, none],
        [Infinity, Infinity],
        [-Infinity, -Infinity],
        [2 ** -149, 0],
        [1.5, 1.5],
      ],
    ],
  ];
  for (const [name, f, pairs] of cases) {
    for (const [x, y] of pairs) t.is(f(Math.fround(x)), y, `${name}(${x})`);
  }
});

test('where exp overflows and where exp and sigmoid vanish', t => {
  t.is(exp(88.72283172607422), 3.402798519021476e38);
  t.is(exp(neighbour(88.72283172607422, 1)), Infinity);
  for (const f of [exp, sigmoid]) {
    t.is(f(-86.9899673461914), 1.6624063308181603e-38);
    t.is(f(neighbour(-86.9899673461914, 1)), 0);
  }
});

test('every result is a float32, and none is subnormal but tanh of a subnormal number', t => {
  const smallestNormal = 2 ** -126;
  const wrong = (f: Numeric) =>
    sweep.find(x => {
      const y = f(x);
      return !Object.is(Math.fround(y), y) || (y !== 0 && Math.abs(y) < smallestNormal && y !== x);
    });
  for (const f of [exp, log, tanh, sigmoid, flush, softplus]) t.is(wrong(f), undefined, f.name);
});

test('between neighbouring numbers none falls, but for a few units in the last place', t => {
  const order = (y: number) => {
    floats[0] = y;
    return words[0] < 0 ? -(words[0] & 0x7fffffff) : words[0];
  };
  const largestFall = (f: Numeric, low: number, high: number) => {
    let largest = 0;
    for (let start = order(low); start < order(high); start += 40013) {
      for (let i = start; i < start + 200; i++) {
        const x = neighbour(0, i);
        largest = Math.max(largest, order(f(x)) - order(f(neighbour(0, i + 1))));
        largest = Math.max(largest, order(f(-neighbour(0, i + 1))) - order(f(-x)));
      }
    }
    return largest;
  };
  t.true(largestFall(exp, 1e-4, 90) <= 1);
  t.true(largestFall(x => log(Math.abs(x)) * Math.sign(x), 1e-4, 1e4) <= 1);
  t.true(largestFall(sigmoid, 1e-4, 90) <= 1);
  t.true(largestFall(tanh, 1e-4, 10) <= 6);
});

test('every coefficient is a float32', t => {
  for (const [name, value] of Object.entries(coefficients)) t.is(Math.fround(value), value, name);
});

type Exports = Kernels & { applyFunction(which: number, from: number, to: number, n: number): void };

test('the module and TypeScript give the same bits', async t => {
  const simd = (await createSimd()) as Exports | null;
  if (simd === null) throw new Error('Expected SIMD to run here');
  const chunk = 65536;
  const from = simd.arena.reserve(chunk);
  const to = simd.arena.reserve(chunk);
  const differing = (which: number, f: Numeric): number | undefined => {
    for (let start = 0; start < sweep.length; start += chunk) {
      const x = sweep.subarray(start, start + chunk);
      from.array.set(x);
      simd.applyFunction(which, 4 * from.address, 4 * to.address, x.length);
      const at = firstDifference(to.array.subarray(0, x.length), x.map(f));
      if (at >= 0) return x[at];
    }
    return undefined;
  };
  for (const [which, f] of [exp, log, tanh, sigmoid, flush, softplus].entries())
    t.is(differing(which, f), undefined, f.name);
  t.not(
    differing(2, x => -tanh(-x) + 0),
    undefined,
    'the comparison sees the sign of zero',
  );
  t.not(
    differing(0, x => (x === 1 ? neighbour(exp(x), 1) : exp(x))),
    undefined,
    'the comparison sees one bit of one number',
  );
});
