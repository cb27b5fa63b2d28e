import test from 'ava';
import { broken } from '../helpers/broken.js';
import type { Meddle } from '../helpers/network.js';
import { drawStorm } from '../helpers/storms.js';
import { firstFault } from '../helpers/told.js';
import { weatherInMemory } from '../helpers/weather.js';

/** For a long look: EDDY_STORMS=100000; for one: EDDY_STORM_SEED. */
const storms = Number(process.env.EDDY_STORMS ?? 500);
const only = process.env.EDDY_STORM_SEED;
const seeds = only === undefined ? Array.from({ length: storms }, (_, i) => i + 1) : [Number(only)];

/** What a client was told wrong in that storm, in words. */
async function faultOf(seed: number, shared: boolean, meddle?: Meddle): Promise<string | undefined> {
  const storm = drawStorm(seed, shared);
  const found = await firstFault(storm, await weatherInMemory(storm, seed, false, meddle));
  return found && `seed ${seed}, ${found}`;
}

test('whatever the network does, each session is told what a fold of its frames tells, to the bit and once', async t => {
  t.timeout(60_000 + 100 * seeds.length);
  for (const seed of seeds) {
    const found = await faultOf(seed, false);
    if (found === undefined) continue;
    t.fail(found);
    return;
  }
  t.pass();
});

test('so it is told on a quiet network', async t => {
  for (const seed of seeds.slice(0, 200)) {
    const storm = drawStorm(seed, false);
    t.is(await firstFault(storm, await weatherInMemory(storm, seed, true)), undefined, `seed ${seed}`);
  }
});

test('the answers and weights of a shared learner are a fold of what the server applied, in its order', async t => {
  t.timeout(60_000 + 100 * seeds.length);
  for (const seed of seeds.slice(0, Math.max(1, seeds.length / 10))) {
    const found = await faultOf(seed, true);
    if (found === undefined) continue;
    t.fail(found);
    return;
  }
  t.pass();
});

for (const [what, meddle] of Object.entries(broken)) {
  test(`the property sees ${what}`, async t => {
    for (let seed = 1; seed <= 300; seed++) {
      if ((await faultOf(seed, false, meddle)) === undefined) continue;
      t.pass();
      return;
    }
    t.fail('nothing was seen');
  });
}
