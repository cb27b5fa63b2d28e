import test from 'ava';
import { createLane } from '../../src/server/lane.js';

test('work goes one after the other, in slices between which the event loop turns', async t => {
  let time = 0;
  const lane = createLane(8, () => time);
  const seen: string[] = [];
  const work = (name: string) =>
    lane.enter(async breathe => {
      for (let i = 0; i < 6; i++) {
        await breathe();
        time += 1;
        seen.push(name);
      }
      return name;
    })!;
  let turning = true;
  const turn = (): void => {
    if (!turning) return;
    seen.push('|');
    setImmediate(turn);
  };
  setImmediate(turn);
  const done = await Promise.all([work('a'), work('b')]);
  turning = false;
  t.deepEqual(done, ['a', 'b']);
  t.regex(seen.join(''), /^\|a{4}\|aab{2}\|b{4}\|?$/);
});

test('work that fails lets the next one in', async t => {
  const lane = createLane(8);
  const failed = lane.enter(() => Promise.reject(new Error('no')))!;
  const next = lane.enter(() => Promise.resolve(3))!;
  await t.throwsAsync(failed, { message: 'no' });
  t.is(await next, 3);
});

test('no more wait than may', async t => {
  const lane = createLane(2);
  const both = [lane.enter(() => Promise.resolve(1)), lane.enter(() => Promise.resolve(2))];
  t.is(
    lane.enter(() => Promise.resolve(3)),
    undefined,
  );
  t.deepEqual(await Promise.all(both), [1, 2]);
  t.is(await lane.enter(() => Promise.resolve(4)), 4);
});
