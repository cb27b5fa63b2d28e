import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { RemoteItem } from '../../src/client/outgoing.js';
import type { Position } from '../../src/client/position.js';
import { createBytes } from '../../src/encoders/bytes.js';
import { createReference } from '../../src/kernels/reference.js';
import { buildModel } from '../../src/model/model.js';
import { createRandom, type Random } from '../../src/random.js';
import type { Hub } from '../../src/server/hub.js';
import { nowhere } from '../../src/server/register.js';
import { serveModel } from '../../src/server/served.js';
import { forgetSessions, saveSessions, takeUpSessions } from '../../src/server/sessions-file.js';
import { createMemoryStore, type SessionStore } from '../../src/server/store.js';
import { tidyVersions } from '../../src/server/versions.js';
import type { Learn, Learning, Totals, Want } from '../../src/wire/messages.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';
import { createNetwork, quiet } from '../helpers/network.js';
import { stormy } from '../helpers/storms.js';
import { show } from '../helpers/told.js';

/** For a long look: EDDY_UPHEAVALS=5000. */
const upheavals = Number(process.env.EDDY_UPHEAVALS ?? 100);

const rows = config('gru', [3]);
const values = config('rnn_tanh', [4], { kind: 'features', size: 3 }, { kind: 'values', size: 3 });
const text = {
  ...config('lstm', [3], { kind: 'token', size: 256 }, { kind: 'classes', size: 256 }),
  encoder: createBytes().config,
};
const shapes = { default: rows, values, text };
const carrySizes = { default: 3, values: 4, text: 6 };
const kernels = createReference('float32');

type Op = { readonly item: RemoteItem } | 'snapshot' | { readonly restore: number };

interface Client {
  readonly model: keyof typeof shapes;
  readonly learn: Learn;
  readonly learning: Learning;
  readonly want: Want;
  /** To which a reset goes back. */
  readonly carry: Float32Array | undefined;
  readonly ops: readonly { readonly op: Op; readonly at: number }[];
  readonly cuts: readonly number[];
  /** What is told is taken so much later. */
  readonly lag: number;
}

interface Upheaval {
  readonly clients: readonly Client[];
  /** When the server looks after its sessions; ends, and another takes up what it saved; serves another model; has room for one session. */
  readonly sweeps: readonly number[];
  readonly restarts: readonly number[];
  readonly replacements: readonly number[];
  readonly narrows: readonly number[];
}

function drawUpheaval(seed: number): Upheaval {
  const random = createRandom(seed);
  const length = 200 + 100 * random.integer(10);
  const times = (most: number, least = 0): number[] =>
    Array.from({ length: least + random.integer(most + 1 - least) }, () => length * random.uniform()).sort(
      (a, b) => a - b,
    );
  // What a shared learner does follows from the frames of one client where there is no other; nobody keeps it for the next server.
  const alone = random.uniform() < 0.25;
  const clients = Array.from({ length: alone ? 1 : 1 + random.integer(3) }, (): Client => {
    const model = (['default', 'values', 'text'] as const)[random.integer(3)];
    const learn = alone ? 'shared' : random.uniform() < 0.5 ? 'private' : 'none';
    let states = 0;
    const ops = times(16, 1).map((at, i) => {
      const op = drawOp(random, model, learn, i, states);
      if (op === 'snapshot') states++;
      return { op, at };
    });
    const wants: Want[] = [
      {},
      { answer: 'argmax' },
      { every: 3 },
      { last: true },
      { answer: 'top-k', topK: 2, carry: true },
    ];
    const want = wants[random.integer(wants.length)];
    const learning = drawLearning(random, model);
    const carry = random.uniform() < 0.5 ? new Float32Array(carrySizes[model]).fill(0.5) : undefined;
    return {
      model,
      learn,
      learning,
      want,
      carry,
      ops,
      cuts: times(5),
      lag: random.uniform() < 0.5 ? 0 : 200 * random.uniform(),
    };
  });
  return { clients, sweeps: times(12), restarts: alone ? [] : times(2), replacements: times(2), narrows: times(2) };
}

function drawOp(random: Random, model: Client['model'], learn: Learn, i: number, states: number): Op {
  const fate = random.uniform();
  if (fate < 0.1) return 'snapshot';
  if (fate < 0.2 && states > 0) return { restore: random.integer(states) };
  if (fate < 0.3) return { item: { reset: true, weights: learn === 'private' && random.uniform() < 0.5 } };
  const input = model === 'text' ? ['a', 'bc', '', '\ud83d', '\ude00y'][random.integer(5)] : drawRow(random);
  if (learn === 'none' || model === 'values') return { item: input };
  const target = model === 'text' ? random.integer(256) : randomTarget(random, { config: rows } as never);
  if (fate < 0.45 && i > 2) return { item: { forStep: 1 + random.integer(3), target } };
  if (typeof input === 'string') return { item: input };
  return { item: { input, target: fate < 0.55 ? null : target } };
}

/** Now and then far larger than a guard lets pass. */
function drawRow(random: Random): Float32Array {
  const row = randomInput(random, { config: rows } as never) as Float32Array;
  return random.uniform() < 0.1 ? row.map(value => 1e4 * value) : row;
}

function drawLearning(random: Random, model: Client['model']): Learning {
  const optimizer = { kind: 'sgd', rate: random.uniform() < 0.3 ? 3 : 0.1 } as const;
  return {
    k1: 1 + random.integer(3),
    k2: 3 + random.integer(2),
    lateness: random.integer(4),
    optimizer,
    ...(random.uniform() < 0.5 ? { guard: { every: 4, leap: 0.3 } } : {}),
    ...(random.uniform() < 0.3 ? { replay: { capacity: 8, windows: 1, seed: 5 } } : {}),
    ...(random.uniform() < 0.3 ? { readout: { optimizer, k1: 1 } } : {}),
    ...(model === 'values' ? { targetSource: 'input', horizon: 1 + random.integer(2) } : {}),
  };
}

/** One that takes its time. */
function slowStore(turns: () => number): SessionStore {
  const store = createMemoryStore(1 << 28);
  const later = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let left = turns(); left > 0; left--) await new Promise(resolve => setImmediate(resolve));
    return call();
  };
  return {
    get bytes() {
      return store.bytes;
    },
    get size() {
      return store.size;
    },
    put: (name, bytes) => later(() => store.put(name, bytes)),
    take: name => later(() => store.take(name)),
    delete: name => later(() => store.delete(name)),
  };
}

/** What each client is told of its items, and of its states; and what of the server is not 0 when all have left. */
async function weather(seed: number, calm: boolean) {
  const { clients, sweeps, restarts, replacements, narrows } = drawUpheaval(seed);
  const chance = createRandom(seed + 1);
  const models = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [name, buildModel(kernels, shape as never, 3 + i)]),
  );
  const wild = { ...stormy, store: slowStore(() => chance.integer(4)) };
  const network = createNetwork(chance, models, calm ? quiet : { ...quiet, twice: 0.1, deaf: 0.3 }, calm ? {} : wild);
  const told = clients.map(({ ops, cuts, lag, ...options }) => {
    const [events, states]: string[][] = [[], []];
    const snapshots: Uint8Array[] = [];
    let waiting: { readonly shown: string; readonly at: Position }[] = [];
    let [due, given, asks, open] = [0, 0, false, false];
    let totals: Totals | undefined;
    const take = (): void => {
      for (const { shown, at } of waiting) {
        events.push(shown);
        session.taken(at);
      }
      waiting = [];
      session.taken();
    };
    const session = network.connect(
      {
        ...options,
        ...(options.learn === 'none' ? { learning: undefined } : {}),
        takes: true,
        onOpened: () => {
          open = true;
        },
        onFinished: finished => {
          totals = finished.totals;
        },
        onArrived: () => (lag > 0 && waiting.length > 0 ? network.after(lag, take) : take()),
      },
      {
        next: (event, at) => waiting.push({ shown: show(event), at }),
        error: error => events.push(String(error)),
        complete() {
          take();
          events.push(`finished ${JSON.stringify(totals)}`);
        },
      },
    );
    /** What follows a state waits for it. */
    const ask = (state: Promise<string>): void => {
      asks = true;
      const said = (words: string): void => {
        states.push(words);
        asks = false;
        network.after(0, feed);
      };
      state.then(said, error => said(String(error)));
    };
    const feed = (): void => {
      while (given < due && !asks) {
        const { op } = ops[given++];
        if (op === 'snapshot') {
          const shown = session.snapshot().then(({ seq, step, data }) => {
            snapshots.push(data);
            return `state of frame ${seq}, step ${step}`;
          });
          ask(shown);
        } else if ('restore' in op) {
          const data = snapshots[op.restore] ?? new Uint8Array(0);
          ask(session.restore(data).then(({ nextSeq, nextStep }) => `in place, frame ${nextSeq}, step ${nextStep}`));
        } else {
          session.push(op.item);
        }
      }
      if (given === ops.length && !asks) session.finish();
    };
    for (const { at } of ops) {
      network.after(at, () => {
        due++;
        feed();
      });
    }
    if (!calm) for (const at of cuts) network.after(at, () => network.cut(session));
    return { events, states, isOpen: () => open };
  });
  const tidy = (): void => tidyVersions(network.hub, () => false);
  const disturb = (times: readonly number[], what: () => void): void => {
    if (!calm) for (const at of times) network.after(at, what);
  };
  disturb(sweeps, () => {
    network.sweep();
    tidy();
  });
  disturb(restarts, () =>
    network.restart(1 + chance.integer(60), async (old, next) => {
      const file = join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');
      await saveSessions(old, file);
      await forgetSessions((await takeUpSessions(next, file))!, file, next);
    }),
  );
  disturb(replacements, () => {
    const { models, retired } = network.hub;
    retired.add(models.get('default')!);
    const labels = [`${chance.integer(10)}`, 'other'];
    models.set('default', serveModel('default', buildModel(kernels, { ...rows, labels } as never, 3)));
    tidy();
  });
  const { settings } = network.hub;
  const { maxSessions } = settings;
  disturb(narrows, () => {
    if (!told.every(({ isOpen }) => isOpen())) return;
    Object.assign(settings, { maxSessions: 1 });
    network.after(150, () => Object.assign(settings, { maxSessions }));
  });
  await network.run(60_000);
  // Those whose connections nobody hears of any more wait for their clients, and these do not come.
  for (const connection of network.hub.connections) connection.terminate();
  await network.run(100);
  for (const seconds of [2e6, 4e6]) network.after(1000 * seconds, network.sweep);
  await network.run(5e9);
  for (let i = 0; i < 30; i++) await new Promise(resolve => setImmediate(resolve));
  tidy();
  return { told: told.map(({ events, states }) => ({ events, states })), left: leftIn(network.hub) };
}

/** What is counted in a server and is not 0. */
function leftIn({
  sessions,
  learners,
  connections,
  unauthenticated,
  counts,
  register,
  everyone,
  retired,
  ...hub
}: Hub) {
  const { sharing } = everyone;
  const gauges = {
    sessions,
    learners,
    unauthenticated,
    connections: connections.size,
    unacknowledgedBytes: counts.unacknowledgedBytes,
    detached: register.detached.size,
    resting: register.restingSize(),
    here: [...register.all()].length,
    storeBytes: hub.store.bytes,
    ofTheToken: sharing.sessions + sharing.learners + sharing.connections,
    retired: retired.size,
    queued: nowhere.queued,
    pending: nowhere.pending,
    ofModels: [...hub.models.values()].reduce(
      (sum, { sessions, resting, sharers, followers }) => sum + sessions + resting + sharers + followers.size,
      0,
    ),
  };
  return Object.fromEntries(Object.entries(gauges).filter(([, value]) => value !== 0));
}

test('whatever befalls network and server, clients are told what they are told in peace, and nothing is left of them', async t => {
  t.timeout(60_000 + 200 * upheavals);
  let restored = 0;
  for (let seed = 1; seed <= upheavals; seed++) {
    const [peace, war] = [await weather(seed, true), await weather(seed, false)];
    // A target for a step that was taken back ends a session: how much was told by then is up to the network.
    const isTold = peace.told.map(
      ({ events }) => !events.some(event => event.includes('Expected a target for a step')),
    );
    const all = ({ told }: typeof peace) => told.filter((_, i) => isTold[i]);
    t.deepEqual(all(war), all(peace), `seed ${seed}`);
    t.deepEqual(war.left, {}, `seed ${seed}`);
    restored += all(war)
      .flatMap(({ states }) => states)
      .filter(state => state.startsWith('in place')).length;
  }
  t.true(restored > 0.1 * upheavals);
});
