import test from 'ava';
import { ConfigError, InputError } from '../../src/errors.js';
import { sampleOffset } from '../../src/model/sample-offset.js';
import { createRandom } from '../../src/random.js';
import { bits } from '../helpers/bits.js';

/** ê, then π̂, μ̂₁, μ̂₂, σ̂₁, σ̂₂, ρ̂ of two densities. */
const o = [-1, ...[Math.log(3), 0], ...[2, -3], ...[1, 5], ...[Math.log(0.5), -2], ...[0, -2], ...[Math.atanh(0.6), 0]];

function moments(bias: number) {
  const random = createRandom(1);
  const all = Array.from({ length: 20_000 }, () => sampleOffset(o, { bias }, random));
  const mean = (of: readonly number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  const right = all.filter(([x]) => x > -1.5);
  const x = mean(right.map(row => row[0]));
  const y = mean(right.map(row => row[1]));
  const sx = Math.sqrt(mean(right.map(row => (row[0] - x) ** 2)));
  const sy = Math.sqrt(mean(right.map(row => (row[1] - y) ** 2)));
  const rho = mean(right.map(row => (row[0] - x) * (row[1] - y))) / (sx * sy);
  return { share: right.length / all.length, x, y, sx, sy, rho, end: mean(all.map(row => row[2])) };
}

test('offsets are drawn from the mixture', t => {
  const found = moments(0);
  const wanted = { share: 0.75, x: 2, y: 1, sx: 0.5, sy: 1, rho: 0.6, end: 1 / (1 + Math.E) };
  for (const [name, value] of Object.entries(wanted))
    t.true(Math.abs(found[name as 'x'] - value) < 0.03, `${name}: ${found[name as 'x']}, ${value}`);
});

test('with a bias the likelier is drawn more often, and nearer to its mean', t => {
  const { share, sx, sy } = moments(1);
  t.true(Math.abs(share - 0.9) < 0.01);
  t.true(Math.abs(sx - 0.5 / Math.E) < 0.01 && Math.abs(sy - 1 / Math.E) < 0.02);
});

test('the same seed draws the same bits', t => {
  const draw = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 50 }, () => [...bits(sampleOffset(o, {}, random))]);
  };
  t.deepEqual(draw(5), draw(5));
  t.notDeepEqual(draw(5), draw(6));
});

test('what is no mixture, and no bias, is refused', t => {
  const refused = (logits: readonly number[], bias: number, error: new (...given: never[]) => Error, message: RegExp) =>
    t.throws(() => sampleOffset(logits, { bias }, createRandom(1)), { instanceOf: error, message });
  refused(o, -1, ConfigError, /bias to be a number from 0/);
  refused(o, Number.NaN, ConfigError, /bias/);
  refused(o.slice(1), 0, InputError, /1 \+ 6 · size numbers, got 12/);
  refused([1], 0, InputError, /got 1/);
  refused([...o.slice(0, -1), Number.NaN], 0, InputError, /number 12 to be finite, got NaN/);
});
