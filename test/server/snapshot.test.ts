import test from 'ava';
import { loadModel, saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { createRandom } from '../../src/random.js';
import type { Entry, Open, ServerMessage, SnapshotData } from '../../src/wire/messages.js';
import { config } from '../helpers/models.js';
import {
  connectWire,
  entriesOf,
  openSession,
  rowFrames,
  startServer,
  type WireClient,
} from '../helpers/wire-client.js';

const values = config('gru', [5]);
const text = config('lstm', [6], { kind: 'token', size: 256 }, { kind: 'classes', size: 256 });
const random = createRandom(8);
const width = (await createModel(values)).config.input.size;
const rows = Array.from({ length: 12 }, () => Float32Array.from({ length: width }, () => random.uniform() - 0.5));
const targets = rows.map(() => Float32Array.of(random.uniform(), random.uniform()));

/** Frames with their targets, if the session learns, and what is said of them until the answers are there. */
async function send(client: WireClient, session: number, from: number, to: number, learns: boolean): Promise<Entry[]> {
  const frames = rowFrames(session, from, rows.slice(from - 1, to));
  client.send(learns ? ({ ...frames, targets: { targets: targets.slice(from - 1, to) } } as never) : frames);
  const entries: Entry[] = [];
  while (entries.length < to - from + 1) {
    const message = await client.nextOf(session);
    if (message.type === 'predictions') entries.push(...message.entries);
  }
  return entries;
}

const kinds: Record<string, Omit<Open, 'type' | 'session'>> = {
  'that predicts': {},
  'with weights of its own': { learn: 'private', learning: { k1: 2, k2: 3, replay: { capacity: 8, windows: 1 } } },
  'with weights of its own and a guard': { learn: 'private', learning: { k1: 1, k2: 3, guard: { every: 2 } } },
  'with a rule for its readout, another loss and a guard': {
    learn: 'private',
    learning: {
      k1: 3,
      k2: 4,
      loss: { kind: 'huber', delta: 0.2 },
      readout: { optimizer: { kind: 'adam', rate: 0.01, beta1: 0.5 }, k1: 2 },
      guard: { every: 2 },
    },
  },
};

for (const [what, settings] of Object.entries(kinds)) {
  test(`a session ${what} goes on from its snapshot elsewhere, to the same bits`, async t => {
    const model = await createModel(values, { seed: 7 });
    const server = await startServer(t, model);
    const client = await connectWire(t, server.url);
    const learns = settings.learn !== undefined;
    await openSession(client, 1, settings);
    await send(client, 1, 1, 5, learns);
    client.send({ type: 'snapshot', session: 1 });
    let message = await client.nextOf(1);
    while (message.type !== 'snapshotData') message = await client.nextOf(1);
    t.like(message, { seq: 5, step: 5 });
    const expected = await send(client, 1, 6, 12, learns);

    const other = await startServer(t, await createModel(values, { seed: 7 }));
    const elsewhere = await connectWire(t, other.url);
    await openSession(elsewhere, 3, settings);
    await send(elsewhere, 3, 1, 2, learns);
    const frames = rowFrames(3, 3, rows.slice(5, 12));
    elsewhere.send(
      { type: 'restore', session: 3, data: message.data },
      learns ? ({ ...frames, targets: { targets: targets.slice(5, 12) } } as never) : frames,
    );
    const got: Entry[] = [];
    while (got.length < 7) {
      const next = await elsewhere.nextOf(3);
      if (next.type === 'opened') t.like(next, { nextStep: 6, takenMessages: 1 });
      if (next.type === 'predictions') got.push(...next.entries);
    }
    t.deepEqual(got, expected);
  });
}

test('finish brings a snapshot of the state at the end', async t => {
  const server = await startServer(t, await createModel(values, { seed: 7 }));
  const client = await connectWire(t, server.url);
  await openSession(client, 1);
  await send(client, 1, 1, 5, false);
  client.send({ type: 'finish', session: 1, state: true });
  const { state } = await client.expect('finished');
  await openSession(client, 2);
  client.send({ type: 'restore', session: 2, data: state! });
  await client.expect('opened');
  await openSession(client, 3);
  await send(client, 3, 1, 5, false);
  const frames = rows.slice(5, 7);
  client.send(rowFrames(2, 1, frames), rowFrames(3, 6, frames));
  t.deepEqual(await entriesOf(client, 2, 2), await entriesOf(client, 2, 3));
});

test('a snapshot of another model or another kind of session, and what is none, is refused, and the session goes on', async t => {
  const server = await startServer(t, {
    a: await createModel(values, { seed: 7 }),
    b: await createModel(values, { seed: 8 }),
  });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { model: 'a' });
  client.send({ type: 'snapshot', session: 1 });
  const { data } = await client.expect('snapshotData');
  await openSession(client, 2, { model: 'b' });
  await openSession(client, 3, { model: 'a', learn: 'private' });
  const torn = data.slice();
  torn[40] ^= 255;
  for (const [session, bytes] of [
    [2, data],
    [3, data],
    [1, Uint8Array.of(1, 2)],
    [1, torn],
    [1, data.slice(0, -4)],
  ] as const) {
    client.send({ type: 'restore', session, data: bytes });
    t.like(await client.expect('fault'), { session, code: 'bad_snapshot', retryable: false });
  }
  client.send(rowFrames(1, 1, rows.slice(0, 1)));
  await entriesOf(client, 1, 1);
});

const rowBytes = Uint8Array.of(1, 2, 3);

/** A snapshot with something changed: numbers in place, or what is said. */
type Craft = (said: Record<string, unknown>, numbers: (name: string) => Float32Array) => void;

function crafted(data: Uint8Array, craft: Craft): Uint8Array {
  const { metadata, tensors } = readSafetensors(data);
  const copies = new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]));
  const said = JSON.parse(metadata['eddy.snapshot']);
  craft(said, name => new Float32Array(copies.get(name)!.data.buffer));
  return writeSafetensors(copies, { 'eddy.snapshot': JSON.stringify(said) });
}

const saidWrong: Record<string, Craft> = {
  'without its stream': said => {
    delete said.stream;
  },
  'of a stream that is a number': said => {
    said.stream = 3;
  },
  'of fewer steps': said => {
    said.steps = 0;
  },
  'of more steps': said => {
    said.steps = 1000;
  },
  'of a stream that began elsewhere': said => {
    said.streamStart = 1;
  },
  'that says otherwise whether it diverged': said => {
    said.diverged = 'yes';
  },
  'with another carry': (_, numbers) => numbers('carry').fill(0.5),
};
const ownWrong: Record<string, Craft> = {
  'without what its learner began with': said => {
    delete said.began;
  },
  'with other counters': said => {
    said.began = { nonsense: 1 };
  },
  'with weights to go back to that are not finite': (_, numbers) => numbers('began.bias_ih_l0').fill(Number.NaN),
};
const entries = 'trainer.streams.entries';
const sharedWrong: Record<string, Craft> = {
  'with an input that is not finite': (_, numbers) => numbers(`${entries}.input`).fill(Number.NaN),
  'with a carry before a step that is not finite': (_, numbers) => numbers(`${entries}.carry`).fill(Number.NaN),
  'with targets that are not finite': (_, numbers) => numbers(`${entries}.target`).fill(Number.NaN),
};

for (const [learn, wrong] of [
  ['private', { ...saidWrong, ...ownWrong }],
  ['shared', { ...saidWrong, ...sharedWrong }],
] as const) {
  test(`a snapshot that does not hold together is refused, and the session goes on (${learn})`, async t => {
    const errors: unknown[] = [];
    const onError = (error: unknown): void => {
      errors.push(error);
    };
    const server = await startServer(t, await createModel(values, { seed: 7 }), { allowShared: true, onError });
    const client = await connectWire(t, server.url);
    const learning = { k1: 1, k2: 2, lateness: 1, guard: {} };
    await openSession(client, 1, { learn, learning });
    await send(client, 1, 1, 3, true);
    const after = async (type: ServerMessage['type']): Promise<ServerMessage> => {
      let message = await client.nextOf(1);
      while (message.type !== type) message = await client.nextOf(1);
      return message;
    };
    client.send({ type: 'snapshot', session: 1 });
    const { data } = (await after('snapshotData')) as SnapshotData;
    for (const [what, craft] of Object.entries(wrong)) {
      client.send({ type: 'restore', session: 1, data: crafted(data, craft) });
      t.like(await after('fault'), { code: 'bad_snapshot' }, what);
    }
    client.send({ type: 'restore', session: 1, data: crafted(data, () => {}) });
    t.like(await after('opened'), { nextStep: 4 });
    await send(client, 1, 4, 6, true);
    t.deepEqual(errors, []);
  });
}

for (const learn of ['private', 'shared'] as const) {
  test(`a stream is as it was after a snapshot that is refused, and has learned what remained before one takes its place (${learn})`, async t => {
    const model = await createModel(values, { seed: 7 });
    const run = async (restore: 'nothing' | 'refused' | 'taken'): Promise<unknown[]> => {
      const server = await startServer(t, await createModel(values, { seed: 7 }), { allowShared: true });
      const client = await connectWire(t, server.url);
      await openSession(client, 1, { learn, learning: { k1: 4, k2: 4 } });
      client.send({ type: 'snapshot', session: 1 });
      const { data } = await client.expect('snapshotData');
      await send(client, 1, 1, 2, true);
      if (restore !== 'nothing')
        client.send({ type: 'restore', session: 1, data: restore === 'taken' ? data : rowBytes });
      client.send({
        ...rowFrames(1, 3, rows.slice(2, 10)),
        targets: { targets: targets.slice(2, 10) },
      } as never);
      client.send({ type: 'finish', session: 1 });
      const told: unknown[] = [];
      for (;;) {
        const message = await client.nextOf(1);
        if (message.type === 'predictions') told.push(...message.entries.map(entry => entry.answers[0].prediction));
        else if (message.type === 'updated') told.push(`update ${message.count} of ${message.labelled}`);
        else told.push(message.type === 'fault' ? message.code : message.type);
        if (message.type === 'finished') return told;
      }
    };
    const plain = await run('nothing');
    const shape = (told: unknown[]) => told.map(one => (typeof one === 'string' ? one : 'step'));
    t.deepEqual(shape(plain), [
      ...['step', 'step', 'update 1 of 4', 'step', 'step', 'step', 'step', 'update 2 of 4', 'step', 'step'],
      ...['update 3 of 2', 'finished'],
    ]);
    t.deepEqual(await run('refused'), ['bad_snapshot', ...plain]);
    const taken = await run('taken');
    t.deepEqual(taken.slice(0, 2), ['update 1 of 2', 'opened']);
    const step = model.step(model.zeroCarry(), rows[2]);
    if (learn === 'private') t.deepEqual(taken[2], step.prediction);
    else t.notDeepEqual(taken[2], step.prediction);
  });
}

test('a snapshot of more steps than can be counted on from is refused, and the server goes on', async t => {
  const server = await startServer(t, await createModel(values, { seed: 7 }));
  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
    const client = await connectWire(t, server.url, subprotocol);
    await openSession(client, 1);
    client.send({ type: 'snapshot', session: 1 });
    const { data } = await client.expect('snapshotData');
    const { metadata, tensors } = readSafetensors(data);
    const restore = (steps: number): void => {
      const said = JSON.stringify({ ...JSON.parse(metadata['eddy.snapshot']), steps });
      client.send({ type: 'restore', session: 1, data: writeSafetensors(tensors, { 'eddy.snapshot': said }) });
    };
    for (const steps of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 2 ** 52 + 1]) {
      restore(steps);
      t.like(await client.expect('fault'), { session: 1, code: 'bad_snapshot' });
    }
    restore(2 ** 52);
    t.like(await client.expect('opened'), { nextStep: 2 ** 52 + 1 });
    client.send(rowFrames(1, 1, rows.slice(0, 2)));
    t.deepEqual(
      (await entriesOf(client, 2, 1)).map(entry => entry.firstStep),
      [2 ** 52 + 1, 2 ** 52 + 2],
    );
  }
});

test('the state of the encoder is in the snapshot', async t => {
  const model = await createModel({ ...text, encoder: { kind: 'bytes' } }, { seed: 7 });
  const server = await startServer(t, model);
  // UTF-8 has no word for half a pair, JSON has.
  const client = await connectWire(t, server.url, 'eddy.v1.json');
  await openSession(client, 1);
  const chunk = (session: number, firstSeq: number, piece: string) =>
    client.send({ type: 'frames', session, firstSeq, payload: { kind: 'text', chunks: [piece] } });
  // Half of a surrogate pair waits for the other.
  chunk(1, 1, 'a\ud83d');
  await entriesOf(client, 1);
  client.send({ type: 'snapshot', session: 1 });
  const { data } = await client.expect('snapshotData');
  await openSession(client, 2);
  client.send({ type: 'restore', session: 2, data });
  await client.expect('opened');
  chunk(1, 2, '\ude00b');
  chunk(2, 1, '\ude00b');
  t.deepEqual(await entriesOf(client, 1, 1), await entriesOf(client, 1, 2));
});

test('a snapshot fits its model, and that from its checkpoint, in whatever order the settings of the encoder stand', async t => {
  const encoder = { kind: 'readings', columns: [{ name: 'a' }, { name: 'b' }] };
  const model = await createModel({ ...config('gru', [5], { kind: 'features', size: 2 }), encoder }, { seed: 7 });
  const settings = { learn: 'private', learning: { k1: 1, k2: 2 } } as const;
  const chunk = (seq: number, text: string) =>
    ({ type: 'frames', session: 1, firstSeq: seq, payload: { kind: 'text', chunks: [text] } }) as const;
  const client = await connectWire(t, (await startServer(t, model)).url);
  const { modelHash } = await openSession(client, 1, settings);
  client.send(chunk(1, '[1,2]\n[2,'), { type: 'snapshot', session: 1 });
  await client.expect('predictions');
  const { data } = await client.expect('snapshotData');
  client.send(chunk(2, '3]\n'));
  const expected = await entriesOf(client, 1);
  client.send({ type: 'restore', session: 1, data }, chunk(3, '3]\n'));
  t.like(await client.expect('opened'), { nextStep: 2 });
  t.deepEqual(await entriesOf(client, 1), expected);

  const other = await connectWire(t, (await startServer(t, await loadModel(saveModel(model)))).url);
  t.is((await openSession(other, 1, settings)).modelHash, modelHash);
  other.send({ type: 'restore', session: 1, data }, chunk(1, '3]\n'));
  t.like(await other.expect('opened'), { nextStep: 2 });
  t.deepEqual(await entriesOf(other, 1), expected);
});

test('after a restore, frames are those of the session, and steps count on from those of the snapshot', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const client = await connectWire(t, (await startServer(t, model)).url);
  const row = Float32Array.of(1, 2, 3);
  await openSession(client, 1);
  client.send(rowFrames(1, 1, [row, row, row]), { type: 'snapshot', session: 1 });
  await entriesOf(client, 3);
  const { data } = await client.expect('snapshotData');
  await openSession(client, 2);
  client.send({ type: 'restore', session: 2, data });
  t.like(await client.expect('opened'), { nextSeq: 1, nextStep: 4 });
  client.send(rowFrames(2, 1, [row, row]), { type: 'finish', session: 2 });
  await entriesOf(client, 2, 2);
  t.like((await client.expect('finished')).totals, { frames: 2, steps: 5 });
});

test('private weights that are restored learn on by the settings that they had, with the targets of the session they come to', async t => {
  const square = config('gru', [5], { kind: 'features', size: 2 }, { kind: 'values', size: 2 });
  const client = await connectWire(t, (await startServer(t, await createModel(square, { seed: 7 }))).url);
  const settings = { k1: 2, k2: 5, lateness: 3, optimizer: { kind: 'sgd', rate: 0.02 } } as const;
  const { learning } = await openSession(client, 1, { learn: 'private', learning: settings });
  client.send({ type: 'snapshot', session: 1 });
  const { data } = await client.expect('snapshotData');
  const own = { k1: 1, k2: 2, targetSource: 'input', horizon: 3 } as const;
  await openSession(client, 2, { learn: 'private', learning: own });
  client.send({ type: 'restore', session: 2, data });
  t.deepEqual((await client.expect('opened')).learning, { ...learning!, targetSource: 'input', horizon: 3 });
});
