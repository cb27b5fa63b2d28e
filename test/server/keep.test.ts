import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { type Kept, serve } from '../../src/server/index.js';
import { loadTrainer } from '../../src/training/checkpoint.js';
import { createTrainer } from '../../src/training/trainer.js';
import { config } from '../helpers/models.js';
import { connectWire, openSession, startServer, type WireClient } from '../helpers/wire-client.js';

const teach = async (client: WireClient, first: number, count: number): Promise<void> => {
  for (let seq = first; seq < first + count; seq++) {
    client.send({
      type: 'frames',
      session: 1,
      firstSeq: seq,
      payload: { kind: 'features', rows: 1, values: Float32Array.of(seq % 3, 1, 0) },
      targets: { targets: [Float32Array.of(seq % 2, 1)] },
    });
    await client.expect('predictions');
    await client.expect('updated');
  }
};

test('a shared learner is kept when the server closes, moments and all, and the next one goes on from it', async t => {
  const kept: Kept[] = [];
  const keep = async (one: Kept): Promise<void> => void kept.push(one);
  const model = await createModel(config('gru', [3]), { seed: 5 });
  const server = await startServer(t, { sums: model }, { allowShared: true, keep });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { learn: 'shared', learning: { k1: 1, k2: 4 } });
  await teach(client, 1, 7);
  await server.close();
  t.is(kept.length, 1);
  t.is(kept[0].name, 'sums');
  const { trainer } = await loadTrainer(kept[0].bytes);
  t.is(trainer.count, 7);
  t.deepEqual(trainer.model.weights(), model.weights());

  const second = await startServer(t, { sums: trainer }, { allowShared: true, keep });
  const later = await connectWire(t, second.url);
  const opened = await openSession(later, 1, { learn: 'shared' });
  t.like(opened.learning, { k1: 1, k2: 4 });
  await teach(later, 1, 2);
  await second.close();
  t.is((await loadTrainer(kept[1].bytes)).trainer.count, 9);
});

test('what has not moved is not kept again; what could not be kept is told and tried again', async t => {
  let failing = true;
  const kept: number[] = [];
  const errors: unknown[] = [];
  const server = await startServer(t, await createModel(config('gru', [3])), {
    allowShared: true,
    keepEvery: 20,
    async keep({ bytes }) {
      if (failing) throw new Error('the disk is full');
      kept.push((await loadTrainer(bytes)).trainer.count);
    },
    onError: error => errors.push(error),
  });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { learn: 'shared', learning: { k1: 1, k2: 2 } });
  await teach(client, 1, 3);
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise(resolve => setTimeout(resolve, 5));
  };
  await until(() => errors.length >= 2);
  t.regex(String(errors[0]), /disk is full/);
  failing = false;
  await until(() => kept.length >= 1);
  await server.close();
  t.deepEqual(kept, [3]);
});

test('a server that could not keep what it was taught says so at its end', async t => {
  const server = await serve(await createModel(config('gru', [3])), {
    grace: 200,
    allowShared: true,
    async keep() {
      throw new Error('the disk is full');
    },
    onError() {},
  });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { learn: 'shared', learning: { k1: 1, k2: 2 } });
  await teach(client, 1, 3);
  const message = 'Expected what sessions taught default to be kept, it was not: it is lost';
  await t.throwsAsync(server.close(), { code: 'EDDY_SERVE', message });
  await server.closed;
});

test('a newer version is served to those who open after it; open sessions and their learner stay on theirs', async t => {
  const [first, second] = await Promise.all([1, 2].map(seed => createModel(config('gru', [3]), { seed })));
  const kept: Kept[] = [];
  const keep = async (one: Kept): Promise<void> => void kept.push(one);
  const server = await startServer(t, { m: first }, { allowShared: true, keep });
  const client = await connectWire(t, server.url);
  const one = await openSession(client, 1, { model: 'm', learn: 'shared', learning: { k1: 1, k2: 2 } });
  server.replace('m', second);
  await teach(client, 1, 2);
  const two = await openSession(client, 2, { model: 'm' });
  t.not(two.modelHash, one.modelHash);
  const row = Float32Array.of(1, 0, 1);
  client.send({ type: 'frames', session: 2, firstSeq: 1, payload: { kind: 'features', rows: 1, values: row } });
  const { entries } = await client.expect('predictions');
  t.deepEqual(entries[0].answers[0].prediction, second.step(second.zeroCarry(), row).prediction);
  await server.close();
  t.deepEqual(
    kept.map(({ model }) => model),
    [first],
    'what was taught to the older one is kept too',
  );
  server.replace('m', undefined);
});

test('a version that is served again has one learner, of those who stayed with it and those who come', async t => {
  const [first, second] = await Promise.all([1, 2].map(seed => createModel(config('gru', [3]), { seed })));
  const kept: Kept[] = [];
  const keep = async (one: Kept): Promise<void> => void kept.push(one);
  const server = await startServer(t, { m: first }, { allowShared: true, keep });
  const open = async (): Promise<WireClient> => {
    const client = await connectWire(t, server.url);
    await openSession(client, 1, { model: 'm', learn: 'shared', learning: { k1: 1, k2: 2 } });
    return client;
  };
  const stayed = await open();
  await teach(stayed, 1, 2);
  server.replace('m', second);
  server.replace('m', second);
  server.replace('m', first);
  const came = await open();
  await teach(came, 1, 3);
  await teach(stayed, 3, 1);
  await server.close();
  t.is(kept.length, 1);
  t.is((await loadTrainer(kept[0].bytes)).trainer.count, 6);
});

test('what was taught to a version is kept, also where several newer ones have followed and nobody learns it', async t => {
  const [first, ...newer] = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7].map(seed => createModel(config('gru', [3]), { seed })),
  );
  const kept: Kept[] = [];
  const keep = async (one: Kept): Promise<void> => void kept.push(one);
  const server = await startServer(t, { m: first }, { allowShared: true, keep });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { model: 'm', learn: 'shared', learning: { k1: 1, k2: 2 } });
  await teach(client, 1, 2);
  client.send({ type: 'finish', session: 1 });
  await client.expect('finished');
  for (const model of newer) server.replace('m', model);
  await server.close();
  t.deepEqual(
    kept.map(({ model }) => model),
    [first],
  );
});

test('what sessions teach an older version that they brought along goes with them, and is not taken for what is served', async t => {
  const sessionsFile = join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');
  const kept: Kept[] = [];
  const options = { allowShared: true, sessionsFile, keep: async (one: Kept): Promise<void> => void kept.push(one) };
  const [first, second] = await Promise.all([1, 2].map(seed => createModel(config('gru', [3]), { seed })));
  const before = await startServer(t, first, options);
  const one = await connectWire(t, before.url);
  const { token } = await openSession(one, 1, { resumable: true, learn: 'shared', learning: { k1: 1, k2: 2 } });
  await before.close();

  for (const receivedSeq of [0, 2]) {
    const server = await startServer(t, second, options);
    const client = await connectWire(t, server.url);
    const resume = { token, receivedSeq, receivedMessages: receivedSeq };
    t.is((await openSession(client, 1, { resume })).nextSeq, receivedSeq + 1);
    await teach(client, receivedSeq + 1, 2);
    await server.close();
  }
  t.deepEqual(kept, []);
});

test('one that is not served any more is unknown to new sessions', async t => {
  const server = await startServer(t, {
    m: createTrainer(await createModel(config('gru', [3]))),
    n: await createModel(config('gru', [2])),
  });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { model: 'm' });
  server.replace('m', undefined);
  client.send({ type: 'open', session: 2, model: 'm' });
  t.like(await client.expect('fault'), { code: 'unknown_model' });
});
