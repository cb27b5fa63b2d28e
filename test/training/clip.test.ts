import test from 'ava';
import { createReference } from '../../src/kernels/reference.js';
import { createSimd } from '../../src/kernels/wasm.js';
import { clipGradient } from '../../src/training/clip.js';

const none = Number.POSITIVE_INFINITY;

test('elements are brought in first, then the whole by its norm; the norm that is told is that before', async t => {
  for (const kernels of [createReference('float64'), createReference('float32'), (await createSimd())!]) {
    const region = kernels.arena.reserve(8);
    const clip = (values: number[], maxGradientElement: number, maxGradientNorm: number) => {
      region.array.set(values);
      const { norm, scale, clipped } = clipGradient(kernels, region.address, [[0, 8]], {
        maxGradientElement,
        maxGradientNorm,
      });
      return { norm, clipped, left: [...region.array].map(value => value * scale) };
    };
    const values = [3, -4, 0, 0, 0, 0, 0, 0];
    t.deepEqual(clip(values, none, none), { norm: 5, clipped: false, left: values });
    t.deepEqual(clip(values, 4, 5), { norm: 5, clipped: false, left: values });
    t.deepEqual(clip(values, 3, none), { norm: 5, clipped: true, left: [3, -3, 0, 0, 0, 0, 0, 0] });
    t.deepEqual(clip(values, none, 2.5), { norm: 5, clipped: true, left: [1.5, -2, 0, 0, 0, 0, 0, 0] });
    const both = clip(values, 3, 1);
    t.is(both.norm, 5);
    t.true(
      both.clipped && Math.abs(both.left[0] - Math.SQRT1_2) < 1e-6 && Math.abs(both.left[1] + Math.SQRT1_2) < 1e-6,
    );
  }
});

test('what is not finite is told as it is, and stays', t => {
  const kernels = createReference('float32');
  const region = kernels.arena.reserve(4);
  for (const bad of [none, Number.NaN]) {
    region.array.set([1, bad, 0, 0]);
    const { norm, clipped } = clipGradient(kernels, region.address, [[0, 4]], {
      maxGradientElement: 0.5,
      maxGradientNorm: 1,
    });
    t.false(Number.isFinite(norm) || clipped);
    t.is(region.array[1], bad);
  }
});

test('what lies outside the ranges is neither counted nor clipped', t => {
  const kernels = createReference('float32');
  const region = kernels.arena.reserve(12);
  region.array.fill(2);
  const found = clipGradient(kernels, region.address, [[4, 4]], { maxGradientElement: 1, maxGradientNorm: none });
  t.is(found.norm, 4);
  t.deepEqual([...region.array], [2, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 2]);
});
