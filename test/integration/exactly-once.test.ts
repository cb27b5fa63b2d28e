import test from 'ava';
import { createRandom } from '../../src/random.js';
import { broken } from '../helpers/broken.js';
import { createNetwork, type Meddle, quiet } from '../helpers/network.js';
import { type Part, partOf, shrink } from '../helpers/shrink.js';
import { drawStorm, type Storm, unmoved } from '../helpers/storms.js';
import { firstFault } from '../helpers/told.js';
import { weatherInMemory, weatherOverSockets } from '../helpers/weather.js';

/** For a long look: EDDY_STORMS=100000; for one: EDDY_STORM_SEED, and EDDY_STORM_PART for a part of it, as a failure tells them. */
const storms = Number(process.env.EDDY_STORMS ?? 2000);
const only = process.env.EDDY_STORM_SEED;
const seeds = only === undefined ? Array.from({ length: storms }, (_, i) => i + 1) : [Number(only)];
const part: Part | undefined = process.env.EDDY_STORM_PART && JSON.parse(process.env.EDDY_STORM_PART);

const draw = (seed: number, shared: boolean): Storm => {
  const storm = drawStorm(seed, shared);
  return part === undefined ? storm : partOf(storm, part);
};

/** What a client is told wrong in a storm, in words. */
const faultOf = async (storm: Storm, seed: number, meddle?: Meddle): Promise<string | undefined> =>
  firstFault(storm, await weatherInMemory(storm, seed, false, meddle));

/** The same of the first storm in which one is, with how to run the smallest part of it that does it, too. */
async function firstFaultOf(some: readonly number[], shared: boolean): Promise<string | undefined> {
  for (const seed of some) {
    const storm = draw(seed, shared);
    const fault = await faultOf(storm, seed);
    if (fault === undefined) continue;
    const small = part === undefined ? await shrink(storm, one => faultOf(one, seed)) : undefined;
    const again = small && `; in small: EDDY_STORM_SEED=${seed} EDDY_STORM_PART='${JSON.stringify(small.part)}'`;
    return `seed ${seed}, ${small?.fault ?? fault}${again ?? ''}`;
  }
  return undefined;
}

// Alone, since it takes the time that passes.
test.serial('over real sockets, cut at any byte, it is so, too, and what is not so is seen', async t => {
  const some = Array.from({ length: 20 }, (_, i) => {
    const storm = drawStorm(i + 1, i % 5 === 0);
    // Who hears nothing waits long; `npm run storms` has the time.
    return { seed: i + 1, storm: { ...storm, weather: { ...storm.weather, deaf: 0 } } };
  });
  const faults: string[] = [];
  let cuts = 0;
  const ended: Parameters<typeof weatherOverSockets>[2] = ({ seed }, fault, since) => {
    cuts += since.cuts;
    if (fault !== undefined) faults.push(`seed ${seed}, ${fault}`);
  };
  await weatherOverSockets(some, some.length, ended);
  t.deepEqual(faults, []);
  t.true(cuts > 10);
  await weatherOverSockets(some, some.length, ended, broken['a server that loses h(t) when a client comes back']);
  t.not(faults.length, 0);
});

test('whatever the network does, each session is told what a fold of its frames tells, to the bit and once', async t => {
  t.timeout(60_000 + 100 * seeds.length);
  t.is(await firstFaultOf(seeds, false), undefined);
});

test('so it is told on a quiet network', async t => {
  for (const seed of seeds.slice(0, 100)) {
    const storm = draw(seed, false);
    t.is(await firstFault(storm, await weatherInMemory(storm, seed, true)), undefined, `seed ${seed}`);
  }
});

test('the answers and weights of a shared learner are a fold of what the server applied, in its order', async t => {
  t.timeout(60_000 + 100 * seeds.length);
  t.is(await firstFaultOf(seeds.slice(0, Math.max(1, seeds.length / 20)), true), undefined);
});

for (const [what, meddle] of Object.entries(broken)) {
  test(`the property sees ${what}`, async t => {
    for (let seed = 1; seed <= 300; seed++) {
      if ((await faultOf(drawStorm(seed, false), seed, meddle)) === undefined) continue;
      t.pass();
      return;
    }
    t.fail('nothing was seen');
  });
}

test('a storm that fails is shrunk to what it takes: two frames of one client, and one cut', async t => {
  const seed = 1;
  const fails = (storm: Storm) => faultOf(storm, seed, broken['a server that loses h(t) when a client comes back']);
  const storm = drawStorm(seed, false);
  const small = (await shrink(storm, fails))!;
  t.like(small.part, { sweeps: [], weather: [] });
  t.is(small.part.clients.length, 1);
  const [{ items, cuts, restarts }] = small.part.clients;
  t.is(items.length, 2);
  t.is(cuts.length + restarts.length, 1);
  // What is told is enough to see it again.
  const told: Part = JSON.parse(JSON.stringify(small.part));
  t.is(await fails(partOf(storm, told)), small.fault);
});

test('where frames overtake one another, what is missing is sent again for the first fault, not for each', async t => {
  let messages = 0;
  const network = createNetwork(createRandom(3), unmoved, { ...quiet, late: 0.1 }, {}, message => {
    if (message.type === 'frames') messages++;
    return message;
  });
  let answers = 0;
  const session = network.connect({}, { next: () => answers++, error: error => t.fail(String(error)), complete() {} });
  for (let i = 0; i < 40; i++) network.after(200 + i, () => session.push(Float32Array.of(1, 2, 3)));
  await network.run(2000);
  t.is(answers, 40);
  t.true(messages > 40 && messages < 500, `${messages} messages`);
});
