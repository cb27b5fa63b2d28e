import test from 'ava';
import fc from 'fast-check';
import { deviation, noStatistics, observe, type Statistics } from '../../src/encoders/statistics.js';
import { createRandom } from '../../src/random.js';

const over = (values: readonly number[], clamp = 1e300, span = Number.POSITIVE_INFINITY): Statistics =>
  values.reduce((statistics, value) => observe(statistics, value, clamp, span), noStatistics);

const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));

test('mean and variance are those of two passes over the values', t => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1 }), values => {
      const { count, mean, variance } = over(values);
      const expected = values.reduce((a, b) => a + b, 0) / values.length;
      t.is(count, values.length);
      t.true(near(mean, expected));
      t.true(near(variance, values.reduce((sum, value) => sum + (value - expected) ** 2, 0) / values.length));
    }),
  );
});

test('small variations of great numbers are not lost', t => {
  const values = Array.from({ length: 1000 }, (_, i) => 1e9 + (i % 2));
  t.true(Math.abs(over(values).variance - 0.25) < 1e-6);
});

test('a spike of a million deviations passes, and without the clamp it does not', t => {
  const random = createRandom(4);
  const before = Array.from({ length: 200 }, () => 5 + random.normal());
  const after = Array.from({ length: 300 }, () => 5 + random.normal());
  const clamped = over([...before, 1e6, ...after], 6);
  t.true(Math.abs(clamped.mean - 5) < 0.3 && Math.abs(deviation(clamped) - 1) < 0.2);
  const ruined = over([...before, 1e6, ...after]);
  t.true(deviation(ruined) > 10_000);
});

test('a new level is learned in spite of the clamp', t => {
  const random = createRandom(5);
  const values = Array.from({ length: 1000 }, () => random.normal());
  const moved = over([...values, ...Array.from({ length: 5000 }, () => 1000 + random.normal())], 6);
  t.true(moved.mean > 600);
});

test('with a span, old values fade', t => {
  const values = [...Array<number>(1000).fill(0), ...Array<number>(500).fill(1)];
  t.true(over(values, 6, 100).mean > 0.99);
  t.true(over(values, 6).mean < 0.34);
});

test('a column that never varied has its own size as unit', t => {
  t.is(deviation(over([7, 7, 7])), 7);
  t.is(deviation(over([-7])), 7);
  t.is(deviation(over([0, 0])), 1);
  t.is(deviation(noStatistics), 1);
});
