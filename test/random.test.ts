import test from 'ava';
import { ConfigError } from '../src/errors.js';
import { createRandom } from '../src/random.js';

test('the same seed gives the same numbers, another seed others', t => {
  const a = createRandom(7);
  const b = createRandom(7);
  const c = createRandom(8);
  const draw = (r: typeof a) => Array.from({ length: 20 }, () => r.bits());
  const first = draw(a);
  t.deepEqual(first, draw(b));
  t.notDeepEqual(first, draw(c));
});

test('the numbers are pinned, so that no engine and no change can move them', t => {
  const r = createRandom(1);
  t.deepEqual(
    [r.bits(), r.bits(), r.uniform(), r.normal(), r.normal(), r.integer(10)],
    [909274362, 1311799249, 0.28498536348342896, 0.5935422847064608, 1.0894452688820004, 7],
  );
});

test('a generator goes on from its state', t => {
  const a = createRandom(3);
  for (let i = 0; i < 100; i++) a.normal();
  const b = createRandom(a.state());
  for (let i = 0; i < 100; i++) t.is(a.normal(), b.normal());
});

test('uniform has mean 1/2 and variance 1/12; normal has mean 0, variance 1 and kurtosis 3', t => {
  const r = createRandom(11);
  const n = 200_000;
  const moments = (draw: () => number, centre: number) => {
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const x = draw() - centre;
      sums[0] += x;
      sums[1] += x * x;
      sums[2] += x * x * x;
      sums[3] += x * x * x * x;
    }
    return sums.map(s => s / n);
  };
  const u = moments(r.uniform, 0.5);
  t.true(Math.abs(u[0]) < 0.003);
  t.true(Math.abs(u[1] - 1 / 12) < 0.001);
  const g = moments(r.normal, 0);
  t.true(Math.abs(g[0]) < 0.01);
  t.true(Math.abs(g[1] - 1) < 0.02);
  t.true(Math.abs(g[2]) < 0.05);
  t.true(Math.abs(g[3] - 3) < 0.15);
});

test('a bad seed, state or range is a ConfigError', t => {
  for (const seed of [-1, 1.5, Number.NaN, 2 ** 53]) t.throws(() => createRandom(seed), { instanceOf: ConfigError });
  for (const seed of ['a', null, [1, 2, 3, 4]])
    t.throws(() => createRandom(seed as never), { instanceOf: ConfigError, message: /seed to be an integer .*got / });
  t.throws(() => createRandom(new Uint32Array(4)), {
    instanceOf: ConfigError,
    message: /random state to be .*got 0,0,0,0/,
  });
  t.throws(() => createRandom(1).integer(0), { instanceOf: ConfigError });
});
