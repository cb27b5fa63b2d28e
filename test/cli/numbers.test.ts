import test from 'ava';
import { withNaNs, withNulls } from '../../src/cli/numbers.js';

test('numbers that are not finite are null in a file, and NaN out of it', t => {
  const data = { a: Number.NaN, b: [1, Number.POSITIVE_INFINITY, { c: -0 }], d: 'NaN', e: true };
  const written = withNulls(data);
  t.deepEqual(written, { a: null, b: [1, null, { c: -0 }], d: 'NaN', e: true });
  t.deepEqual(withNaNs(JSON.parse(JSON.stringify(written))), {
    a: Number.NaN,
    b: [1, Number.NaN, { c: 0 }],
    d: 'NaN',
    e: true,
  });
});
