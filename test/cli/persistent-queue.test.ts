import test from 'ava';
import fc from 'fast-check';
import { createPersistentQueue } from '../../src/cli/persistent-queue.js';

test('a queue is a list that is never changed: any that was there may go on', t => {
  const moves = fc.array(fc.record({ put: fc.boolean(), back: fc.nat(5) }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 3 }), moves, (first, all) => {
      const made = [{ queue: createPersistentQueue(first), list: first }];
      all.forEach(({ put, back }, i) => {
        const { queue, list } = made[Math.max(0, made.length - 1 - back)];
        made.push(put ? { queue: queue.put(i), list: [...list, i] } : { queue: queue.take(), list: list.slice(1) });
      });
      for (const { queue, list } of made) {
        t.deepEqual(queue.list(), list);
        t.deepEqual([queue.size, queue.oldest], [list.length, list[0]]);
      }
    }),
  );
});
