import test from 'ava';
import { eachPanel, packedColumns } from '../../src/kernels/packed.js';

test('panels cover the columns once, the widest first', t => {
  for (let n = 4; n <= 140; n += 4) {
    let covered = 0;
    let widest = 32;
    eachPanel(5, n, (start, width, at) => {
      t.is(start, covered);
      t.is(at, start * 5);
      t.true(width <= widest);
      widest = width;
      covered += width;
    });
    t.is(covered, n);
  }
});

test('every element of a packed matrix has a place of its own', t => {
  const [k, n] = [7, 60];
  const { places, strides } = packedColumns(k, n);
  const all = new Set<number>();
  for (let column = 0; column < n; column++)
    for (let row = 0; row < k; row++) all.add(places[column] + row * strides[column]);
  t.is(all.size, k * n);
  t.is(Math.max(...all), k * n - 1);
});
