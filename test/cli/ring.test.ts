import test from 'ava';
import fc from 'fast-check';
import { createRing } from '../../src/cli/ring.js';

test('a ring is a list whose oldest make room', t => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.boolean(), { maxLength: 60 }), (capacity, puts) => {
      const ring = createRing<number>(capacity);
      const list: number[] = [];
      puts.forEach((put, i) => {
        if (put) {
          t.is(ring.put(i), list.length === capacity);
          if (list.push(i) > capacity) list.shift();
        } else t.is(ring.take(), list.shift());
        t.deepEqual([ring.size, ring.oldest], [list.length, list[0]]);
      });
    }),
  );
});
