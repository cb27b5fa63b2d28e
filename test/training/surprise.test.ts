import test from 'ava';
import { createRandom } from '../../src/random.js';
import { createSurprise } from '../../src/training/surprise.js';

/** Squares of normal numbers: what losses look like. */
function calm(length: number, seed = 1): number[] {
  const random = createRandom(seed);
  return Array.from({ length }, () => Math.abs(random.normal()));
}

test('mean and deviation are those of the losses before, fading', t => {
  const score = createSurprise({ fading: 0.9 });
  const losses = [1, 2, 4, 3];
  losses.slice(0, 3).map(loss => score.add(loss));
  const weights = [0.81, 0.9, 1];
  const sum = weights.reduce((a, b) => a + b);
  const mean = losses.slice(0, 3).reduce((total, loss, i) => total + weights[i] * loss, 0) / sum;
  t.true(Math.abs(score.state().mean - mean) < 1e-12);
  const variance = losses.slice(0, 3).reduce((total, loss, i) => total + weights[i] * (loss - mean) ** 2, 0) / sum;
  t.true(Math.abs(score.state().variance - variance) < 1e-12);
  t.true(Math.abs(score.add(3).deviations - (3 - mean) / Math.sqrt(variance)) < 1e-12);
});

test('a spike is unusual, and so is the next one; what is calm is not', t => {
  const score = createSurprise();
  const losses = calm(1000);
  for (const i of [500, 502, 505]) losses[i] = 50;
  const found = losses.flatMap((loss, i) => (score.add(loss).unusual ? [i] : []));
  t.deepEqual(found, [500, 502, 505]);
});

test('a level that stays becomes usual', t => {
  const score = createSurprise();
  const found = [...calm(500), ...calm(1500, 2).map(loss => loss + 20)].map(loss => score.add(loss).unusual);
  t.true(found[500]);
  t.false(found.slice(-300).includes(true));
});

test('nothing is unusual before it has settled, and what is no number moves nothing', t => {
  const score = createSurprise({ settling: 10 });
  for (const loss of calm(8)) t.false(score.add(loss).unusual);
  t.false(score.add(1e6).unusual);
  const before = score.state();
  score.add(Number.NaN);
  score.add(Number.POSITIVE_INFINITY);
  t.deepEqual(score.state(), before);
});

test('losses whose squares no number can hold are not the end of it', t => {
  for (const far of [1e200, -Number.MAX_VALUE]) {
    const score = createSurprise({ fading: 0.5, settling: 10 });
    for (const loss of [far, ...calm(2000), far, ...calm(2000)]) score.add(loss);
    t.true(Object.values(score.state()).every(Number.isFinite), JSON.stringify(score.state()));
    t.true(score.add(1e6).unusual, `after ${far}`);
  }
});

test('a score that goes on from its state says the same', t => {
  const losses = calm(400);
  losses[300] = 40;
  const whole = createSurprise();
  const all = losses.map(loss => whole.add(loss));
  const first = createSurprise();
  for (const loss of losses.slice(0, 250)) first.add(loss);
  const second = createSurprise({}, JSON.parse(JSON.stringify(first.state())));
  t.deepEqual(
    losses.slice(250).map(loss => second.add(loss)),
    all.slice(250),
  );
});

test('wrong options of the surprise are refused by name', t => {
  t.throws(() => createSurprise({ window: 2 } as object), { code: 'EDDY_CONFIG', message: /got window/ });
  for (const options of [{ threshold: 0 }, { fading: 1 }, { settling: 1 }]) {
    const [name] = Object.keys(options);
    t.throws(() => createSurprise(options), {
      code: 'EDDY_CONFIG',
      message: new RegExp(`^Expected ${name} to be .*got `),
    });
  }
});
