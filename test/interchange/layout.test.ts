import test from 'ava';
import fc from 'fast-check';
import { reorderGates, transpose } from '../../src/interchange/layout.js';

test('gates are put into another order, block by block', t => {
  const zrn = Float32Array.of(1, 1, 2, 2, 3, 3);
  t.deepEqual(reorderGates(zrn, 'zrn', 'rzn'), Float32Array.of(2, 2, 1, 1, 3, 3));
  t.deepEqual(reorderGates(Float32Array.of(1, 2, 3, 4), 'iofg', 'ifgo'), Float32Array.of(1, 3, 4, 2));
});

test('an order that is not its own inverse is undone by the way back, and by nothing else', t => {
  const values = Float32Array.from({ length: 8 }, (_, i) => i);
  const there = reorderGates(values, 'iofg', 'ifgo');
  t.deepEqual(reorderGates(there, 'ifgo', 'iofg'), values);
  t.notDeepEqual(reorderGates(there, 'iofg', 'ifgo'), values);
});

test('a matrix is transposed, and back', t => {
  t.deepEqual(transpose(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3), Float32Array.of(1, 4, 2, 5, 3, 6));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (rows, columns) => {
      const values = Float32Array.from({ length: rows * columns }, (_, i) => i);
      t.deepEqual(transpose(transpose(values, rows, columns), columns, rows), values);
    }),
    { seed: 1 },
  );
});
