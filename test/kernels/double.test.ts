import test from 'ava';
import fc from 'fast-check';
import { cosine, exp, log, logAdd, sine } from '../../src/kernels/double.js';

/** The last bits of `Math.exp` and its kin are not the same everywhere: each bound leaves one unit for them. */
const unit = 2 ** -52;

test('exp is within its bound, and without subnormal results', t => {
  let worst = 0;
  for (let i = -20_000; i <= 20_000; i++) {
    const x = i * 0.03539 * (1 + i * 1e-9);
    if (x < -708 || x > 709.7) continue;
    worst = Math.max(worst, Math.abs(exp(x) / Math.exp(x) - 1));
  }
  t.true(worst <= 4e-16 + unit, `${worst}`);
  t.is(exp(0), 1);
  t.is(exp(710), Number.POSITIVE_INFINITY);
  t.is(exp(-709), 0);
  t.is(exp(Number.NEGATIVE_INFINITY), 0);
  t.is(exp(Number.NaN), Number.NaN);
  t.true(Number.isFinite(exp(709.78)) && exp(709.78) > 1.79e308);
});

test('log is within its bound over all numbers', t => {
  fc.assert(
    fc.property(fc.double({ min: 5e-324, noNaN: true, noDefaultInfinity: true }), x => {
      if (x === 0) return;
      const truth = Math.log(x);
      t.true(Math.abs(log(x) - truth) <= (4e-16 + unit) * Math.max(Math.abs(truth), 1e-3), `${x}`);
    }),
    { numRuns: 500 },
  );
  t.is(log(1), 0);
  t.is(log(0), Number.NEGATIVE_INFINITY);
  t.is(log(-1), Number.NaN);
  t.is(log(Number.NaN), Number.NaN);
  t.is(log(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
});

test('logAdd adds in the log, and takes nothing for nothing', t => {
  t.true(Math.abs(logAdd(Math.log(3), Math.log(5)) - Math.log(8)) < 1e-15);
  t.is(logAdd(Number.NEGATIVE_INFINITY, 2), 2);
  t.is(logAdd(2, Number.NEGATIVE_INFINITY), 2);
  t.is(logAdd(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), Number.NEGATIVE_INFINITY);
  t.is(logAdd(-1000, -2000), -1000);
});

test('cosine and sine of turns are within their bound, and exact where they are simple', t => {
  let worst = 0;
  for (const n of [1, 2, 3, 5, 8, 12, 160, 256, 441, 1024, 65_536, 1_000_003]) {
    for (let i = 0; i < 2000; i++) {
      const k = n < 2000 ? i - 1000 : Math.floor((i - 1000) * (n / 700));
      const angle = 2 * Math.PI * ((k % n) / n);
      // A large angle is not exact in float64: the ruler's own error.
      worst = Math.max(worst, Math.abs(cosine(k, n) - Math.cos(angle)) - Math.abs(angle) * unit);
      worst = Math.max(worst, Math.abs(sine(k, n) - Math.sin(angle)) - Math.abs(angle) * unit);
    }
  }
  t.true(worst <= 2.3e-16 + unit / 2, `${worst}`);
  t.deepEqual(
    [0, 1, 2, 3, 4].map(k => cosine(k, 4)),
    [1, 0, -1, 0, 1],
  );
  t.is(cosine(1, 6), cosine(-1, 6));
  t.is(sine(-3, 12), -1);
  t.is(cosine(1, 8), sine(1, 8));
});
