import test from 'ava';
import { createRandom } from '../../src/random.js';
import { spectralNorm } from '../../src/training/spectral-norm.js';

const normOf = (rows: readonly (readonly number[])[], steps?: number): number =>
  spectralNorm(i => rows[Math.floor(i / rows.length)][i % rows.length], rows.length, steps);

test('the norm of small matrices is what it is by hand', t => {
  const close = (found: number, wanted: number): boolean =>
    t.true(Math.abs(found - wanted) < 1e-9, `${found} ${wanted}`);
  close(normOf([[-3]]), 3);
  close(
    normOf([
      [0, 0],
      [0, 0],
    ]),
    0,
  );
  close(
    normOf([
      [0, 2],
      [0.5, 0],
    ]),
    2,
  );
  // A shear: the golden ratio.
  close(
    normOf([
      [1, 1],
      [0, 1],
    ]),
    (1 + Math.sqrt(5)) / 2,
  );
});

test('more steps come closer, from below, and what is not finite has no finite norm', t => {
  const random = createRandom(3);
  const rows = Array.from({ length: 24 }, () => Array.from({ length: 24 }, () => random.normal() / 5));
  const norms = [1, 2, 5, 20, 200].map(steps => normOf(rows, steps));
  for (let i = 1; i < norms.length; i++) t.true(norms[i] >= norms[i - 1]);
  t.true(norms[3] > 0.95 * norms[4]);
  t.true(norms[0] < 0.95 * norms[4]);
  t.is(normOf([[Number.NaN]]), Number.POSITIVE_INFINITY);
});
