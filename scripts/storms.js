// Storms over real sockets: `npm run storms -- --storms 10000`; one alone with `--seed 17`, a part of it with `--part '{…}'`.
//
// Each is a few clients of a server whose connections are cut at any byte, go half deaf, deliver twice and late; what each client is told
// must be what a fold of its frames tells, and a quiet network in memory, to the bit and once. Every tenth storm has a shared learner: what the server says that it
// applied is folded.
import { build } from './build.js';
import { flags } from './flags.js';

const usage = `Usage: npm run storms -- [options]

Storms over real sockets: connections of a few clients are cut at any byte, go half deaf, deliver twice and late. What each
client is told must be what a fold of its frames tells, to the bit and once.

Options:
  --storms <n>   how many (default: 1000)
  --from <n>     the seed of the first (default: 1)
  --seed <n>     this one alone
  --part <json>  a part of each, as a run that found a difference says it
  --at-once <n>  as many at a time (default: 10)
  -h, --help     this text
`;
const { values } = flags(usage, {
  storms: { type: 'string', default: '1000' },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  part: { type: 'string' },
  'at-once': { type: 'string', default: '10' },
});
const count = name => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(`Expected --${name} to be an integer from 1, got ${values[name]}`);
  process.exit(2);
};
const [storms, from, atOnce] = [count('storms'), count('from'), count('at-once')];
const seeds = values.seed === undefined ? Array.from({ length: storms }, (_, i) => from + i) : [count('seed')];

await build();
const helpers = '../dist/test/helpers';
const { drawStorm, isShared } = await import(`${helpers}/storms.js`);
const { firstFault } = await import(`${helpers}/told.js`);
const { weatherInMemory, weatherOverSockets } = await import(`${helpers}/weather.js`);
const { partOf, shrink } = await import(`${helpers}/shrink.js`);
const { broken } = await import(`${helpers}/broken.js`);

const part = values.part === undefined ? undefined : JSON.parse(values.part);
const drawWhole = seed => ({ seed, storm: drawStorm(seed, seed % 10 === 0) });
const draw = seed => {
  const { storm } = drawWhole(seed);
  return { seed, storm: part === undefined ? storm : partOf(storm, part) };
};

/** What is wrong with a storm in any of some tries: chance is in the machine as well. */
async function faultOf(seed, storm, tries) {
  let found;
  const again = Array.from({ length: tries }, () => ({ seed, storm }));
  await weatherOverSockets(again, tries, (_, fault) => {
    found ??= fault;
  });
  return found;
}

// A proof that sees nothing wrong must see what is.
for (const what of [
  'a client that says it has received more than it has',
  'a server that loses h(t) when a client comes back',
]) {
  let seen;
  for (let first = 1; seen === undefined && first <= 400; first += 20) {
    const some = Array.from({ length: 20 }, (_, i) => drawWhole(first + i));
    const look = ({ seed }, fault) => {
      if (fault !== undefined) seen ??= seed;
    };
    await weatherOverSockets(some, 10, look, broken[what]);
  }
  if (seen === undefined) {
    console.error(`Expected to see ${what}, saw nothing`);
    process.exit(1);
  }
  console.error(`control: ${what} is seen, at seed ${seen}`);
}

const began = performance.now();
let [ended, cuts, torn] = [0, 0, 0];
const faults = [];
const note = ({ seed, storm }, fault) => {
  faults.push({ seed, storm, fault });
  console.error(`seed ${seed}, ${fault}`);
};
// One server for each hundred.
for (let at = 0; at < seeds.length; at += 100) {
  const some = seeds.slice(at, at + 100).map(draw);
  for (const drawn of some.filter(({ storm }) => !isShared(storm))) {
    const fault = await firstFault(drawn.storm, await weatherInMemory(drawn.storm, drawn.seed, true));
    if (fault !== undefined) note(drawn, `on a quiet network, ${fault}`);
  }
  await weatherOverSockets(some, atOnce, (drawn, fault, more) => {
    ended++;
    cuts += more.cuts;
    torn += more.torn;
    if (fault !== undefined) note(drawn, fault);
  });
  const seconds = Math.round((performance.now() - began) / 1000);
  console.error(
    `${ended} of ${seeds.length} storms, ${cuts} cuts (${torn} in the middle of what was under way), ${faults.length} differences, ${seconds} s`,
  );
}

if (faults.length > 0) {
  const [{ seed, storm }] = faults;
  const small = await shrink(storm, one => faultOf(seed, one, 5), 200);
  if (small === undefined) console.error(`seed ${seed} did not fail again`);
  else if (part === undefined) {
    console.error(`seed ${seed} in small: ${small.fault}`);
    console.error(`npm run storms -- --seed ${seed} --part '${JSON.stringify(small.part)}'`);
  }
}
console.log(`${ended} storms over sockets, ${cuts} cuts, ${faults.length} differences`);
process.exit(faults.length > 0 ? 1 : 0);
