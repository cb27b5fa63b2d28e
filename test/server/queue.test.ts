import test from 'ava';
import fc from 'fast-check';
import { add, addFirst, at, createQueue, take } from '../../src/server/queue.js';

test('what is added is taken in its order, and no place holds on to it', t => {
  // A number is added, one below 0 before all others; null takes one.
  const steps = fc.array(fc.option(fc.integer(), { nil: null, freq: 2 }), { maxLength: 400 });
  const property = fc.property(steps, items => {
    const queue = createQueue<number>(1);
    const expected: number[] = [];
    for (const item of items) {
      if (item !== null && item < 0) {
        addFirst(queue, item);
        expected.unshift(item);
      } else if (item !== null) {
        add(queue, item);
        expected.push(item);
      } else if (expected.length > 0) {
        t.is(take(queue), expected.shift()!);
      }
      t.is(queue.length, expected.length);
    }
    expected.forEach((item, i) => {
      t.is(at(queue, i), item);
    });
    while (queue.length > 0) t.is(take(queue), expected.shift()!);
    t.true(queue.places.every(place => place === undefined));
  });
  fc.assert(property, { numRuns: 300 });
});

test('it keeps its memory', t => {
  const queue = createQueue<number>();
  for (let i = 0; i < 40; i++) add(queue, i);
  const { places } = queue;
  for (let round = 0; round < 3; round++) {
    while (queue.length > 0) take(queue);
    for (let i = 0; i < 64; i++) add(queue, i);
  }
  t.is(queue.places, places);
  t.is(places.length, 64);
});

test('of very much it keeps no memory once nothing is in it', t => {
  const queue = createQueue<number>();
  for (let i = 0; i < 10_000; i++) add(queue, i);
  for (let i = 0; i < 10_000; i++) t.is(take(queue), i);
  t.is(queue.places.length, 16);
  add(queue, 1);
  t.is(take(queue), 1);
});
