import test from 'ava';
import type { Meddle } from '../helpers/network.js';
import { drawStorm, fold, weatherStorm } from '../helpers/storms.js';

/** For a long look: EDDY_STORMS=100000; for one: EDDY_STORM_SEED. */
const storms = Number(process.env.EDDY_STORMS ?? 500);
const only = process.env.EDDY_STORM_SEED;
const seeds = only === undefined ? Array.from({ length: storms }, (_, i) => i + 1) : [Number(only)];

/** The first difference between a storm and the same sessions on a quiet network, in words. */
async function difference(seed: number, meddle?: Meddle): Promise<string | undefined> {
  const storm = drawStorm(seed, false);
  const expected = (await weatherStorm(storm, seed, true)).told;
  let got: typeof expected;
  try {
    got = (await weatherStorm(storm, seed, false, meddle)).told;
  } catch (error) {
    return `seed ${seed}: ${(error as Error).message}`;
  }
  for (const [client, events] of expected.entries()) {
    if (events.at(-1) === 'not finished') return `seed ${seed}: not finished on a quiet network`;
    const at = events.findIndex((event, i) => event !== got[client][i]);
    if (at >= 0 || got[client].length !== events.length) {
      const place = at >= 0 ? at : events.length;
      return `seed ${seed}, client ${client} (${storm.clients[client].learn}), event ${place}: ${events[place]} / ${got[client][place]}`;
    }
  }
  return undefined;
}

test('whatever the network does, each session is told what a quiet network tells it, to the bit and once', async t => {
  t.timeout(60_000 + 100 * seeds.length);
  for (const seed of seeds) {
    const found = await difference(seed);
    if (found === undefined) continue;
    t.fail(found);
    return;
  }
  t.pass();
});

test('the answers and weights of a shared learner are a fold of what the server applied, in its order', async t => {
  t.timeout(60_000 + 100 * seeds.length);
  for (const seed of seeds.slice(0, Math.max(1, seeds.length / 10))) {
    const storm = drawStorm(seed, true);
    const { told, weights, applied } = await weatherStorm(storm, seed, false);
    const folded = await fold(applied, storm.clients.length);
    t.is(folded.weights, weights, `seed ${seed}`);
    t.deepEqual(told, folded.told, `seed ${seed}`);
    if (folded.weights !== weights) return;
  }
});

const broken: Record<string, Meddle> = {
  'a server that steps a frame that comes again': (message, hub) => {
    if (message.type !== 'frames') return message;
    const session = [...hub.register.all()].find(({ nextSeq }) => nextSeq > message.firstSeq);
    return session === undefined ? message : { ...message, firstSeq: session.nextSeq };
  },
  'a server that loses h(t) when a client comes back': (message, hub) => {
    if (message.type === 'open' && message.resume) for (const session of hub.register.all()) session.carry.fill(0);
    return message;
  },
  'a server that loses the answers that had not arrived': (message, hub) => {
    if (message.type !== 'open' || !message.resume) return message;
    for (const { kept } of hub.register.all()) if (kept) kept.messages.length = 0;
    return message;
  },
  'a server that tells again what was told beside answers': (message, hub) => {
    if (message.type !== 'open' || !message.resume) return message;
    for (const session of hub.register.all()) if (session.kept) session.kept.beside += 1;
    return message;
  },
  'a client that says it has received more than it has': message =>
    message.type === 'open' && message.resume
      ? { ...message, resume: { ...message.resume, receivedSeq: message.resume.receivedSeq + 1 } }
      : message,
  'an open that opens a second session when it is sent again': message =>
    message.type === 'open' && message.resume ? { ...message, resume: undefined, nonce: '' } : message,
};

for (const [what, meddle] of Object.entries(broken)) {
  test(`the property sees ${what}`, async t => {
    for (let seed = 1; seed <= 300; seed++) {
      if ((await difference(seed, meddle)) === undefined) continue;
      t.pass();
      return;
    }
    t.fail('nothing was seen');
  });
}
