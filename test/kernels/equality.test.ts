import test, { type ExecutionContext } from 'ava';
import type { Kernels } from '../../src/kernels/kernels.js';
import { type Region, roundUp } from '../../src/kernels/memory.js';
import { createReference } from '../../src/kernels/reference.js';
import { createSimd } from '../../src/kernels/wasm.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';

type Fill = (n: number) => Float32Array;

const special = [
  0,
  -0,
  1,
  -1,
  1e-40,
  -1e-40,
  2 ** -60,
  2 ** -61,
  -(2 ** -60),
  3e38,
  -3e38,
  Infinity,
  -Infinity,
  Number.NaN,
  88.8,
  -88.8,
  1e-20,
  1e-37,
];

/** The kinds of numbers that every kernel sees. */
function fills(seed: number): Record<string, Fill> {
  const random = createRandom(seed);
  const make =
    (draw: () => number): Fill =>
    n =>
      Float32Array.from({ length: n }, draw);
  return {
    random: make(() => random.normal()),
    subnormal: make(() => random.normal() * 1e-39),
    tiny: make(() => random.normal() * 2 ** -60),
    huge: make(() => random.normal() * 1e37),
    special: make(() => (random.uniform() < 0.15 ? special[random.integer(special.length)] : random.normal())),
  };
}

const sizes = [...Array.from({ length: 70 }, (_, i) => i + 1), 96, 128, 129, 200];

/**
 * Runs one call on both kernels, on memories that hold the same numbers, and compares all of the memory after.
 * `call` gets the addresses of blocks of the given lengths.
 */
function same(
  t: ExecutionContext,
  what: string,
  pair: readonly [Kernels, Kernels],
  lengths: number[],
  fill: Fill,
  call: (k: Kernels, at: number[]) => unknown,
): void {
  const blocks = lengths.map(length => fill(roundUp(length, 4)));
  const results = pair.map(kernels => {
    const regions: Region[] = blocks.map(block => kernels.arena.reserve(block.length));
    regions.forEach((region, i) => {
      region.array.set(blocks[i]);
    });
    const returned = call(
      kernels,
      regions.map(region => region.address),
    );
    return { returned: returned === undefined ? 0 : (returned as number), memory: regions.map(region => region.array) };
  });
  const [simd, reference] = results;
  const differs = firstDifference([simd.returned], [reference.returned]);
  if (differs >= 0) t.fail(`${what}: returned ${simd.returned} and ${reference.returned}`);
  simd.memory.forEach((memory, i) => {
    const at = firstDifference(memory, reference.memory[i]);
    if (at >= 0)
      t.fail(
        `${what}: block ${i} differs at ${at}: simd ${memory[at]}, reference ${reference.memory[i][at]}, before ${blocks[i][at]}`,
      );
  });
}

async function pair(): Promise<readonly [Kernels, Kernels]> {
  const simd = await createSimd();
  if (simd === null) throw new Error('Expected SIMD to run here');
  return [simd, createReference('float32')];
}

/** The memory of a run grows with each call, so each case gets kernels of its own. */
async function eachCase(
  t: ExecutionContext,
  run: (kernels: readonly [Kernels, Kernels], size: number, fill: Fill, label: string) => void,
): Promise<void> {
  for (const [name, fill] of Object.entries(fills(17))) {
    let kernels = await pair();
    for (const size of sizes) {
      if (kernels[0].arena.size() > 4e6) kernels = await pair();
      run(kernels, size, fill, `${name}, size ${size}`);
    }
  }
  t.pass();
}

const padded = (n: number): number => roundUp(n, 4);

const title = (names: string) => `${names}: SIMD and reference are equal to the bit for all sizes and kinds of numbers`;

test(title('load, copy, clear, setRows, sumRows, times, addTimes, sumSquares'), async t => {
  await eachCase(t, (kernels, size, fill, label) => {
    const n = padded(size);
    same(t, `load, ${label}`, kernels, [size, n], fill, (k, [a, b]) => k.load(a, b, size));
    same(t, `load from an odd address, ${label}`, kernels, [size + 1, n], fill, (k, [a, b]) => k.load(a + 1, b, size));
    same(t, `copy, ${label}`, kernels, [size + 1, size + 2], fill, (k, [a, b]) => k.copy(a + 1, b + 2, size));
    same(t, `clear, ${label}`, kernels, [size + 4], fill, (k, [a]) => k.clear(a, size));
    same(t, `setRows, ${label}`, kernels, [n, 3 * (n + 4)], fill, (k, [a, y]) => k.setRows(y, n + 4, 3, a, n));
    same(t, `sumRows, ${label}`, kernels, [n, 5 * n], fill, (k, [b, d]) => k.sumRows(d, n, b, 5, n));
    same(t, `times, ${label}`, kernels, [n, n, n], fill, (k, [a, b, y]) => k.times(a, b, y, n));
    same(t, `addTimes, ${label}`, kernels, [n, n, n], fill, (k, [a, b, y]) => k.addTimes(a, b, y, n));
    same(t, `sumSquares, ${label}`, kernels, [size], fill, (k, [a]) => k.sumSquares(a, size));
  });
});

test(title('multiply, addRow, transpose, outer, addOuter, addToRow'), async t => {
  await eachCase(t, (kernels, size, fill, label) => {
    const shapes = [
      [1, size, 20],
      [1, 7, padded(size)],
      [4, 5, padded(size)],
      [1 + (size % 9), size, padded(1 + ((size * 7) % 70))],
      [30 + (size % 6), 5, padded(1 + ((size * 7) % 40))],
    ];
    for (const [rows, k, n] of shapes) {
      const shape = `${label}, ${rows} × ${k} × ${n}`;
      const xStride = padded(k) + 4;
      same(t, `multiply, ${shape}`, kernels, [rows * xStride, k * n, rows * n], fill, (one, [x, w, y]) =>
        one.multiply(x, xStride, w, y, n, rows, k, n),
      );
      same(t, `addRow, ${shape}`, kernels, [k * n, n], fill, (one, [w, y]) => one.addRow(w, k >> 1, y, k, n));
      same(t, `transpose, ${shape}`, kernels, [k * n, n * padded(k)], fill, (one, [w, wt]) =>
        one.transpose(w, wt, k, n),
      );
      same(t, `outer, ${shape}`, kernels, [rows * xStride, rows * n, k * n], fill, (one, [x, d, w]) =>
        one.outer(x, xStride, d, n, w, rows, k, n),
      );
      same(t, `addOuter, ${shape}`, kernels, [rows * xStride, rows * n, k * n], fill, (one, [x, d, w]) =>
        one.addOuter(x, xStride, d, n, w, rows, k, n),
      );
      same(t, `addToRow, ${shape}`, kernels, [n, k * n], fill, (one, [d, w]) => one.addToRow(d, w, k >> 1, k, n));
    }
  });
});

/** Products whose matrix does not stay in the first cache, or in the second, by one row and by many. */
const large = [
  [1, 130, 96],
  [1, 512, 544],
  [33, 257, 1036],
  [24, 1200, 232],
] as const;

test('large products: SIMD and reference are equal to the bit', async t => {
  for (const [name, fill] of Object.entries(fills(18))) {
    for (const [rows, k, n] of large) {
      const what = `${name}, ${rows} × ${k} × ${n}`;
      same(t, what, await pair(), [rows * k, k * n, rows * n], fill, (one, [x, w, y]) =>
        one.multiply(x, k, w, y, n, rows, k, n),
      );
    }
  }
  t.pass();
});

test('a product reads nothing behind its matrix: it may lie at the end of the memory', async t => {
  for (const [rows, k, n] of large) {
    const [simd] = await pair();
    const { arena } = simd;
    const [x, y] = [arena.reserve(rows * k), arena.reserve(rows * n)];
    arena.reserve(k * n);
    const end = arena.floats.length;
    const behind = { x: x.address, w: end - k * n, y: y.address };
    arena.floats.fill(1, behind.w);
    x.array.fill(1);
    simd.multiply(behind.x, k, behind.w, behind.y, n, rows, k, n);
    t.true(
      y.array.every(sum => sum === k),
      `${rows} × ${k} × ${n}`,
    );
    t.throws(() => simd.multiply(behind.x, k, behind.w + 16, behind.y, n, rows, k, n), { message: /out of bounds/ });
  }
});

test(title('the cells, forward and backward'), async t => {
  await eachCase(t, (kernels, size, fill, label) => {
    const n = padded(size);
    const rows = 1 + (size % 4);
    const r = rows * n;
    for (const name of ['elmanTanh', 'elmanRelu'] as const) {
      same(t, `${name}, ${label}`, kernels, [r, n, r], fill, (k, [a, b, h]) => k[name](a, n, b, h, n, rows, n));
    }
    for (const name of ['elmanTanhBackward', 'elmanReluBackward'] as const) {
      same(t, `${name}, ${label}`, kernels, [r, r, r], fill, (k, [dh, h, d]) => k[name](dh, n, h, n, d, n, rows, n));
    }
    same(t, `lstm, ${label}`, kernels, [4 * r, 4 * n, r, r, r, r], fill, (k, [a, b, c0, c, s, h]) =>
      k.lstm(a, 4 * n, b, c0, c, s, h, n, rows, n),
    );
    same(t, `lstmBackward, ${label}`, kernels, [r, r, 4 * r, r, r, 4 * r], fill, (k, [dh, dc, a, c0, s, d]) =>
      k.lstmBackward(dh, dc, a, 4 * n, c0, s, n, d, rows, n),
    );
    same(t, `gru, ${label}`, kernels, [4 * r, 3 * n, r, r], fill, (k, [a, b, h0, h]) =>
      k.gru(a, 4 * n, b, h0, h, n, rows, n),
    );
    same(t, `gruBackward, ${label}`, kernels, [r, r, 4 * r, r, 4 * r], fill, (k, [dh, dh0, a, h0, d]) =>
      k.gruBackward(dh, dh0, a, 4 * n, h0, n, d, rows, n),
    );
  });
});

test(title('readouts and losses'), async t => {
  await eachCase(t, (kernels, size, fill, label) => {
    const n = padded(size);
    for (const name of ['softmax', 'sigmoid'] as const) {
      same(t, `${name}, ${label}`, kernels, [3 * n, 3 * n], fill, (k, [o, p]) => k[name](o, p, n, 3, size));
    }
    same(t, `crossEntropy, ${label}`, kernels, [n], fill, (k, [o]) => k.crossEntropy(o, size >> 1, size));
    for (const name of ['binaryCrossEntropy', 'squaredError'] as const) {
      same(t, `${name}, ${label}`, kernels, [n, n], fill, (k, [o, y]) => k[name](o, y, size));
    }
    for (const delta of [0.5, 1e30]) {
      same(t, `huber, ${label}`, kernels, [n, n], fill, (k, [o, y]) => k.huber(o, y, size, delta));
      same(t, `huberBackward, ${label}`, kernels, [n, n, n], fill, (k, [o, y, d]) =>
        k.huberBackward(o, y, d, size, delta, 1 / 3),
      );
    }
    const twice = padded(2 * size) + 4;
    same(t, `gaussian, ${label}`, kernels, [3 * twice, 3 * twice], fill, (k, [o, p]) =>
      k.gaussian(o, p, twice, 3, size),
    );
    same(t, `gaussianLoss, ${label}`, kernels, [twice, n], fill, (k, [o, y]) => k.gaussianLoss(o, y, size));
    same(t, `gaussianBackward, ${label}`, kernels, [twice, twice, n, twice], fill, (k, [o, p, y, d]) =>
      k.gaussianBackward(o, p, y, d, size, 1 / 3),
    );
    same(t, `clamp, ${label}`, kernels, [size + 1], fill, (k, [a]) => k.clamp(a + 1, size, 0.7));
    same(t, `difference, ${label}`, kernels, [n, n, n], fill, (k, [p, y, d]) => k.difference(p, y, d, size, 1 / 3));
  });
});

test(title('sgd, adam, adagrad'), async t => {
  await eachCase(t, (kernels, size, fill, label) => {
    const n = padded(size);
    same(t, `sgd, ${label}`, kernels, [n, n, n], fill, (k, [w, g, m]) => k.sgd(w, g, m, n, 0.7, 0.01, 0));
    same(t, `sgd with momentum, ${label}`, kernels, [n, n, n], fill, (k, [w, g, m]) =>
      k.sgd(w, g, m, n, 0.7, 0.01, 0.9),
    );
    // Less than any float32: none.
    same(t, `sgd with next to no momentum, ${label}`, kernels, [n, n, n], fill, (k, [w, g, m]) =>
      k.sgd(w, g, m, n, 0.7, 0.01, 1e-50),
    );
    const adam =
      (beta1: number, keep: number, scale = 0.7) =>
      (k: Kernels, [w, g, m, v]: number[]) =>
        k.adam(w, g, m, v, roundUp(size, 16), scale, 0.01, beta1, 0.999, 1.3, 1e-8, keep);
    const blocks = new Array(4).fill(roundUp(size, 16));
    same(t, `adam, ${label}`, kernels, blocks, fill, adam(0.9, 1));
    same(t, `adam without a first moment, ${label}`, kernels, blocks, fill, adam(0, 1));
    same(t, `adamw, ${label}`, kernels, blocks, fill, adam(0.9, 0.99));
    same(t, `adam, not scaled, ${label}`, kernels, blocks, fill, adam(0.9, 1, 1));
    same(t, `adam without a first moment, not scaled, ${label}`, kernels, blocks, fill, adam(0, 1, 1));
    same(t, `adagrad, ${label}`, kernels, [n, n, n], fill, (k, [w, g, v]) => k.adagrad(w, g, v, n, 0.7, 0.01, 1e-10));
  });
});

test('the comparison sees a single bit', async t => {
  const [simd, reference] = await pair();
  const a = simd.arena.reserve(8);
  const b = reference.arena.reserve(8);
  a.array.fill(1);
  b.array.fill(1);
  t.is(firstDifference(a.array, b.array), -1);
  b.array[5] = 1 + 2 ** -23;
  t.is(firstDifference(a.array, b.array), 5);
  t.is(firstDifference([0], [-0]), 0);
  t.is(firstDifference([Number.NaN], [-Number.NaN]), -1);
});

test('the padding of a packed product does not reach its neighbours', async t => {
  const [simd] = await pair();
  const y = simd.arena.reserve(12);
  const x = simd.arena.reserve(4);
  const w = simd.arena.reserve(3 * 8);
  y.array.fill(5);
  x.array.fill(1);
  w.array.fill(1);
  simd.multiply(x.address, 4, w.address, y.address, 8, 1, 3, 8);
  t.deepEqual([...y.array], [8, 8, 8, 8, 8, 8, 8, 8, 5, 5, 5, 5]);
});

test('the comparison of two runs fails when one of them is off by a bit', async t => {
  const kernels = await pair();
  const attempt = await t.try(tt => {
    same(tt, 'addRow', kernels, [8, 4], fills(1).random, (k, [w, y]) =>
      k.addRow(w, k.name === 'simd' ? 0 : 1, y, 2, 4),
    );
    tt.pass();
  });
  attempt.discard();
  t.false(attempt.passed);
});
