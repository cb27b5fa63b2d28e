import test from 'ava';
import fc from 'fast-check';
import { createRate, takeOne, waitForOne } from '../../src/server/rate.js';

test('so many pass at once, and then as many a second', t => {
  let time = 0;
  const rate = createRate(10, 0);
  const take = () => takeOne(rate, time);
  const taken = Array.from({ length: 9 }, () => take());
  t.deepEqual(taken, new Array(9).fill(0));
  t.is(take(), 100);
  time += 50;
  t.is(waitForOne(rate, time), 50);
  time += 50;
  t.is(waitForOne(rate, time), 0);
  t.is(take(), 100);
  time += 500;
  const later = Array.from({ length: 6 }, () => take());
  t.deepEqual(later, [0, 0, 0, 0, 100, 200], 'what was taken though it was not there is waited for');
  time += 60_000;
  t.deepEqual(
    Array.from({ length: 10 }, () => take()),
    [...new Array(9).fill(0), 100],
    'no more than the brim',
  );
});

test('who has sent nothing for long, or little, may send no more at once than others', t => {
  const rate = createRate(100, 0);
  let passed = 0;
  while (takeOne(rate, 1000) === 0) passed++;
  t.is(passed, 99);
});

test('in no stretch of time does more pass than at once, and a second', t => {
  const pauses = fc.array(fc.oneof(fc.constant(0), fc.nat(30), fc.nat(3000)), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), pauses, (perSecond, pauses) => {
      const rate = createRate(perSecond, 0);
      const times: number[] = [];
      let time = 0;
      for (const pause of pauses) {
        time += pause;
        times.push(time);
        time += takeOne(rate, time);
      }
      for (let from = 0; from < times.length; from++) {
        for (let to = from; to < times.length; to++) {
          const most = perSecond + ((times[to] - times[from]) * perSecond) / 1000;
          if (to - from + 1 > most + 1e-6) return false;
        }
      }
      return true;
    }),
  );
  t.pass();
});

test('one that waits as long as it is told passes always', t => {
  let time = 0;
  const rate = createRate(50, 0);
  let messages = 0;
  while (time < 60_000) {
    time += takeOne(rate, time);
    messages++;
  }
  t.true(messages >= 50 * 60 && messages <= 50 * 61 + 1, String(messages));
});

test('without a bound nothing waits', t => {
  const rate = createRate(Number.POSITIVE_INFINITY, 0);
  for (let i = 0; i < 1000; i++) if (takeOne(rate, 0) !== 0) t.fail();
  t.pass();
});

test('another bound holds from the next message on', t => {
  const rate = createRate(Number.POSITIVE_INFINITY, 0);
  t.is(takeOne(rate, 0), 0);
  rate.perSecond = 10;
  const taken = Array.from({ length: 11 }, () => takeOne(rate, 0));
  t.deepEqual(taken, [...new Array(9).fill(0), 100, 200]);
  rate.perSecond = 1000;
  t.is(waitForOne(rate, 0), 2);
  rate.perSecond = Number.POSITIVE_INFINITY;
  t.is(waitForOne(rate, 0), 0);
  rate.perSecond = 10;
  t.is(waitForOne(rate, 0), 200);
});
