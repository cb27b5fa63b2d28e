import test from 'ava';
import fc from 'fast-check';
import { combine, createAverage, rootOf } from '../../src/training/average.js';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

test('each form is what its definition says of the whole history', t => {
  const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(numbers, fc.constantFrom(0.5, 0.9, 1), fc.integer({ min: 1, max: 20 }), (values, alpha, width) => {
      const average = createAverage(alpha, width);
      values.forEach((value, i) => {
        average.add(value);
        const history = values.slice(0, i + 1);
        const newest = history.slice(-width);
        const weights = history.map((_, j) => alpha ** (i - j));
        const { mean, window, fading } = average.read();
        t.is(mean, sum(history) / history.length);
        t.true(Math.abs(window - sum(newest) / newest.length) < 1e-9);
        t.true(Math.abs(fading - sum(history.map((one, j) => one * weights[j])) / sum(weights)) < 1e-9);
      });
    }),
  );
});

test('what a spike leaves in the sliding mean goes with it', t => {
  const average = createAverage(0.9, 8);
  average.add(1e300);
  for (let i = 0; i < 16; i++) average.add(0.1);
  t.true(Math.abs(average.read().window - 0.1) < 1e-12);
  const broken = createAverage(0.9, 8);
  broken.add(Number.NaN);
  for (let i = 0; i < 16; i++) broken.add(2);
  t.is(broken.read().window, 2);
});

test('what is no finite number does not stay in the fading mean', t => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const average = createAverage(0.5, 8);
    average.add(4);
    average.add(bad);
    t.false(Number.isFinite(average.read().fading));
    average.add(2);
    t.is(average.read().fading, 2);
    const again = createAverage(0.5, 8, JSON.parse(JSON.stringify(average.state())));
    for (const one of [average, again]) {
      one.add(5);
      t.is(one.read().fading, 4);
      t.false(Number.isFinite(one.read().mean));
    }
  }
});

test('before the first value there is none; forms are combined one by one', t => {
  const none = { mean: Number.NaN, window: Number.NaN, fading: Number.NaN };
  t.deepEqual(createAverage(1, 3).read(), none);
  t.deepEqual(rootOf({ mean: 4, window: 9, fading: 16 }), { mean: 2, window: 3, fading: 4 });
  const [a, b] = [
    { mean: 1, window: 2, fading: 3 },
    { mean: 4, window: 5, fading: 6 },
  ];
  t.deepEqual(
    combine(a, b, (x, y) => x * y),
    { mean: 4, window: 10, fading: 18 },
  );
});
