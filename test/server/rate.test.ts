import test from 'ava';
import { createRate, takeOne } from '../../src/server/rate.js';

test('so many pass at once, and then as many a second', t => {
  let time = 0;
  const rate = createRate(10, 0);
  const take = () => takeOne(rate, () => time);
  const taken = Array.from({ length: 9 }, () => take());
  t.deepEqual(taken, new Array(9).fill(0));
  t.is(take(), 100);
  let passed = 0;
  for (; time < 10_000; time += 10) if (take() === 0) passed++;
  t.true(passed < 100, 'one that takes what it may not waits the longer');
  t.true(take() <= 1100);
  time += 5000;
  const later = Array.from({ length: 12 }, () => take());
  t.deepEqual(later.slice(0, 9), new Array(9).fill(0));
  t.true(later[11] > 0);
});

test('one that waits as long as it is told passes always', t => {
  let time = 0;
  const rate = createRate(50, 0);
  let messages = 0;
  while (time < 60_000) {
    time += takeOne(rate, () => time);
    messages++;
  }
  t.true(messages >= 50 * 60 && messages <= 50 * 61 + 1, String(messages));
});

test('without a bound nothing waits', t => {
  const rate = createRate(Number.POSITIVE_INFINITY, 0);
  for (let i = 0; i < 1000; i++) if (takeOne(rate, () => 0) !== 0) t.fail();
  t.pass();
});
