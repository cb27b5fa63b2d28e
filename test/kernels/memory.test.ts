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
    t.true(arena.size() <= arena.floats.length);
  });
}

test('a product reads nothing behind its matrix', async t => {
  const { arena, ...kernels } = (await createSimd())!;
  const [x, y] = [arena.reserve(64), arena.reserve(32)];
  const end = arena.floats.length;
  for (const k of [1, 2, 63, 64])
    t.notThrows(() => kernels.multiply(x.address, 64, end - 32 * k, y.address, 32, 1, k, 32));
  t.throws(() => kernels.multiply(x.address, 64, end - 32 * 64 + 4, y.address, 32, 1, 64, 32), {
    instanceOf: WebAssembly.RuntimeError,
    message: /out of bounds/,
  });
});

test('a region of no sensible length is refused', t => {
  const arena = createArena(bufferBacking('float64'));
  for (const length of [-1, 0.5, Number.NaN]) t.throws(() => arena.reserve(length), { instanceOf: ConfigError });
});
