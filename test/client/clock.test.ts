import test from 'ava';
import { realClock } from '../../src/client/clock.js';

test('a wait without end is no wait of a millisecond', async t => {
  let isOver = false;
  const stop = realClock.after(Number.POSITIVE_INFINITY, () => {
    isOver = true;
  });
  await new Promise(resolve => setTimeout(resolve, 5));
  stop();
  t.false(isOver);
});
