import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { bufferBacking, createArena } from '../../src/kernels/memory.js';
import { createSimd } from '../../src/kernels/wasm.js';

for (const name of ['buffer', 'WebAssembly memory'] as const) {
  test(`${name}: views survive growth, regions do not overlap, and new room is zero`, async t => {
    const arena = name === 'buffer' ? createArena(bufferBacking('float32')) : (await createSimd())!.arena;
    const regions = Array.from({ length: 40 }, (_, i) => {
      const region = arena.reserve(1 + i * 997);
      t.true(region.array.every(value => value === 0));
      region.array.fill(i + 1);
      return region;
    });
    regions.forEach((region, i) => {
      t.true(region.array.every(value => value === i + 1));
      t.is(region.address % 16, 0);
      t.is(region.array.buffer, arena.floats.buffer);
    });
    t.true(arena.size <= arena.floats.length);
  });
}

test('a product may read ahead of the last region', async t => {
  const kernels = (await createSimd())!;
  const { arena } = kernels;
  for (let numbers = 64; numbers < 3_000_000; numbers *= 2) {
    const y = arena.reserve(32);
    // The last panel of a matrix that is read ahead, at the very end of what is reserved.
    const x = arena.reserve(numbers / 32);
    const w = arena.reserve(numbers);
    kernels.multiply(x.address, x.length, w.address, y.address, 32, 1, x.length, 32);
    t.true(arena.size + 1024 <= arena.floats.length);
  }
});

test('a region of no sensible length is refused', t => {
  const arena = createArena(bufferBacking('float64'));
  for (const length of [-1, 0.5, Number.NaN]) t.throws(() => arena.reserve(length), { instanceOf: ConfigError });
});
