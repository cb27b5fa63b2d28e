import test from 'ava';
import { createAverage } from '../../src/training/average.js';

test('the fading average is S / B of its definition, and the mean has no memory loss', t => {
  const average = createAverage(0.5);
  for (const value of [4, 2, 9]) average.add(value);
  t.deepEqual(average.read(), { mean: 5, fading: (9 + 0.5 * (2 + 0.5 * 4)) / (1 + 0.5 * (1 + 0.5)) });
  t.deepEqual(average.root(), { mean: Math.sqrt(5), fading: Math.sqrt(11 / 1.75) });
});

test('without fading both are the mean, and before the first value there is none', t => {
  const average = createAverage(1);
  t.deepEqual(average.read(), { mean: Number.NaN, fading: Number.NaN });
  for (const value of [1, 2, 6]) average.add(value);
  t.deepEqual(average.read(), { mean: 3, fading: 3 });
});
