import test from 'ava';
import { atOnce, clocked, complete, type Parts } from '../src/parts.js';

test('work in parts is done part by part, or as a whole, with the same result', t => {
  const done: number[] = [];
  function* work(): Parts<string> {
    for (let part = 0; part < 3; part++) {
      done.push(part);
      yield;
    }
    return 'done';
  }
  const parts = work();
  t.false(parts.next().done);
  t.deepEqual(done, [0]);
  t.is(complete(parts), 'done');
  t.deepEqual(done, [0, 1, 2]);
});

test('the time of work is that of its parts, and none that passes between them', t => {
  const wait = (milliseconds: number): void => {
    for (const end = performance.now() + milliseconds; performance.now() < end; );
  };
  function* work(): Parts<string> {
    wait(2);
    yield;
    wait(2);
    return 'done';
  }
  const parts = clocked(work());
  t.false(parts.next().done);
  wait(200);
  const { done, value } = parts.next();
  t.true(done);
  t.like(value, { result: 'done' });
  const { milliseconds } = value!;
  t.true(milliseconds >= 4 && milliseconds < 150, `${milliseconds}`);
});

test('work of one part is done when it is asked for', t => {
  let done = 0;
  const parts = atOnce(() => ++done);
  t.is(done, 0);
  t.deepEqual(parts.next(), { done: true, value: 1 });
});
