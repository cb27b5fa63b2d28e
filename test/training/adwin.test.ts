import test from 'ava';
import { createRandom } from '../../src/random.js';
import { createAdwin } from '../../src/training/adwin.js';

const bernoulli = (random: ReturnType<typeof createRandom>, p: number): number => (random.uniform() < p ? 1 : 0);

/** Values after the shift until the alarm; undefined if there is none among as many as before. */
function delay(
  seed: number,
  length: number,
  next: (random: ReturnType<typeof createRandom>, shifted: boolean) => number,
) {
  const random = createRandom(seed);
  const adwin = createAdwin();
  for (let i = 0; i < length; i++) adwin.add(next(random, false));
  for (let i = 1; i <= length; i++) {
    const change = adwin.add(next(random, true));
    if (change && change.after > change.before) return i;
  }
  return undefined;
}

test('a shift of the mean is seen soon: the larger, the sooner', t => {
  for (const [shift, most] of [
    [0.1, 1400],
    [0.3, 200],
    [0.6, 96],
  ] as const) {
    const delays = Array.from({ length: 20 }, (_, seed) =>
      delay(seed, 4000, (random, shifted) => bernoulli(random, shifted ? 0.2 + shift : 0.2)),
    );
    t.true(
      delays.every(one => one !== undefined && one <= most),
      `${shift}: ${delays.join(' ')}`,
    );
  }
});

test('a mean that stays is seldom taken for one that changed', t => {
  let alarms = 0;
  const [runs, length] = [50, 10_000];
  for (let seed = 0; seed < runs; seed++) {
    const random = createRandom(1000 + seed);
    const adwin = createAdwin();
    for (let i = 0; i < length; i++) if (adwin.add(bernoulli(random, 0.3))) alarms++;
  }
  // 15,600 looks; the bound of the paper is delta for each.
  t.true(alarms <= 0.002 * runs * (length / 32), `${alarms} alarms`);
  t.true(alarms <= 5, `${alarms} alarms`);
});

test('after a cut the window holds the new mean, and it was right until then', t => {
  const random = createRandom(5);
  const adwin = createAdwin();
  const seen: number[] = [];
  for (let i = 0; i < 3000; i++) {
    const value = random.uniform() * 0.2;
    seen.push(value);
    adwin.add(value);
  }
  const mean = seen.slice(-adwin.width).reduce((sum, value) => sum + value, 0) / adwin.width;
  t.true(Math.abs(adwin.mean - mean) < 1e-9, `${adwin.mean} ${mean}`);
  for (let i = 0; i < 500; i++) adwin.add(0.7 + random.uniform() * 0.2);
  t.true(Math.abs(adwin.mean - 0.8) < 0.02, `${adwin.mean}`);
  t.true(adwin.width <= 520, `${adwin.width}`);
});

test('one value far outside the range is no change, and hides none', t => {
  for (const outlier of [1e3, 1e6, -1e12]) {
    for (const width of [100, 1000]) {
      const random = createRandom(1);
      const adwin = createAdwin();
      const falseAlarms: unknown[] = [];
      const add = (value: number) => falseAlarms.push(...[adwin.add(value) ?? []].flat());
      for (let i = 0; i < width; i++) add(random.uniform() * 0.2);
      add(outlier);
      for (let i = 0; i < width; i++) add(random.uniform() * 0.2);
      t.deepEqual(falseAlarms, [], `${outlier} ${width}`);
      t.is(adwin.limited, 1);
      const alarms = Array.from({ length: 100 }, () => adwin.add(0.7 + random.uniform() * 0.2) ?? []).flat();
      t.true(alarms.length > 0, `${outlier} ${width}`);
      t.true(adwin.mean > 0.6, `${adwin.mean}`);
    }
  }
});

test('a level far outside the range is followed within some values', t => {
  const adwin = createAdwin();
  for (let i = 0; i < 1000; i++) adwin.add(i % 2);
  const alarms = Array.from({ length: 160 }, () => adwin.add(1000) ?? []).flat();
  t.true(alarms.length > 0 && alarms[0].after > 100, JSON.stringify(alarms));
  t.true(adwin.mean > 990, `${adwin.mean}`);
});

test('values from an interval as wide as the range count as they are', t => {
  const random = createRandom(3);
  const adwin = createAdwin({ range: 0.5 });
  for (let i = 0; i < 5000; i++) adwin.add(100 + (i % 3 === 0 ? bernoulli(random, 0.5) / 2 : random.uniform() / 2));
  t.is(adwin.limited, 0);
});

test('its room grows with the logarithm of the width', t => {
  const adwin = createAdwin();
  const random = createRandom(9);
  for (let i = 0; i < 200_000; i++) adwin.add(random.uniform());
  t.true(adwin.width > 100_000);
  t.true(adwin.buckets <= 6 * 18, `${adwin.buckets}`);
});

test('wrong options of ADWIN are refused by name', t => {
  for (const [options, name] of [
    [{ delta: 0 }, 'delta'],
    [{ delta: 1 }, 'delta'],
    [{ range: 0 }, 'range'],
    [{ clock: 0.5 }, 'clock'],
  ] as const)
    t.throws(() => createAdwin(options), { code: 'EDDY_CONFIG', message: new RegExp(`^Expected ${name} .*got `) });
});
