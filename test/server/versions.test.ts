import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/model/model.js';
import type { Hub } from '../../src/server/hub.js';
import type { Server } from '../../src/server/index.js';
import { recallVersions, saveVersions } from '../../src/server/saved-versions.js';
import { type Served, serveModel } from '../../src/server/served.js';
import { config } from '../helpers/models.js';
import { connectWire, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const make = (seed: number) => createModel(config('gru', [3]), { seed });
const row = Float32Array.of(1, 0, -1);

/** How many sessions wait for their clients, and rest. */
const standing = async ({ httpUrl }: Server): Promise<{ detached: number; hibernated: number }> =>
  (await fetch(`${httpUrl}/sessions`)).json();

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 5));
};

/** Opens a session of that model and leaves it: where the server has one place, it rests as soon as another is opened. */
async function leave(t: ExecutionContext, server: Server, model: string): Promise<string> {
  const client = await connectWire(t, server.url);
  const { token } = await openSession(client, 1, { model, resumable: true });
  client.socket.terminate();
  await until(async () => (await standing(server)).detached === 1);
  return token;
}

/** What the first step of that session predicts, or the code of its fault. */
async function goOn(t: ExecutionContext, server: Server, token: string): Promise<Float32Array | string> {
  const client = await connectWire(t, server.url);
  client.send({ type: 'open', session: 1, resume: { token, receivedSeq: 0 } });
  const said = await client.next();
  if (said.type === 'fault') return said.code;
  client.send(rowFrames(1, 1, [row]));
  const { entries } = await client.expect('predictions');
  client.socket.terminate();
  await until(async () => (await standing(server)).detached === 1);
  return entries[0].answers[0].prediction!;
}

test('sessions that rest go on with their versions, however many models are replaced', async t => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  const models = await Promise.all(names.map((_, seed) => make(seed)));
  const server = await startServer(t, Object.fromEntries(names.map((name, i) => [name, models[i]])), {
    maxSessions: 1,
  });
  const tokens: string[] = [];
  for (const name of names) tokens.push(await leave(t, server, name));
  for (const [i, name] of names.entries()) server.replace(name, await make(100 + i));
  for (const [i, model] of models.entries())
    t.deepEqual(await goOn(t, server, tokens[i]), model.step(model.zeroCarry(), row).prediction);
});

test('of one model that is replaced again and again, the sessions of the oldest versions go, which is told and counted', async t => {
  const server = await startServer(t, { m: await make(0) }, { maxSessions: 1 });
  const tokens = [await leave(t, server, 'm')];
  for (let version = 1; version <= 11; version++) {
    server.replace('m', await make(version));
    tokens.push(await leave(t, server, 'm'));
  }
  server.replace('m', await make(12));
  await until(async () => (await standing(server)).hibernated === 8);
  const first: (Float32Array | string)[] = [];
  for (const token of tokens) first.push(await goOn(t, server, token));
  const gone = first.filter(one => typeof one === 'string');
  t.deepEqual(gone, ['evicted', 'evicted', 'evicted']);
  t.deepEqual(first.slice(0, 3), gone);
  for (let version = 3; version <= 11; version++) {
    const model = await make(version);
    t.deepEqual(first[version], model.step(model.zeroCarry(), row).prediction);
  }
  const metrics = await (await fetch(`${server.httpUrl}/metrics`)).text();
  t.regex(metrics, /^eddy_evictions_total\{reason="retired"\} 3$/m);
});

test('a session that is open stays on its version, however many follow, and when it rests later', async t => {
  const first = await make(0);
  const server = await startServer(t, { m: first }, { maxSessions: 1 });
  const client = await connectWire(t, server.url);
  const { token } = await openSession(client, 1, { model: 'm', resumable: true });
  for (let version = 1; version <= 20; version++) server.replace('m', await make(version));
  client.socket.terminate();
  await until(async () => (await standing(server)).detached === 1);
  await leave(t, server, 'm');
  t.is((await standing(server)).hibernated, 1);
  t.deepEqual(await goOn(t, server, token), first.step(first.zeroCarry(), row).prediction);
});

test('what a guard has told counts on where the weights are those that were saved, and nowhere else', async t => {
  const hub = (served: Served) => ({ models: new Map([['a', served]]), retired: new Set() }) as unknown as Hub;
  const before = serveModel('a', await make(1));
  before.verdicts++;
  const { versions } = saveVersions(hub(before), new Set(), new Map());
  const [same, other] = [serveModel('a', await make(1)), serveModel('a', await make(2))];
  for (const served of [same, other]) {
    t.not(served.verdicts, before.verdicts);
    recallVersions(hub(served), JSON.parse(JSON.stringify(versions)));
  }
  t.is(same.verdicts, before.verdicts);
  t.not(other.verdicts, before.verdicts);
});

test('an open session asks for the newer version by opening anew, and takes its state along', async t => {
  const [older, newer] = [await make(1), await make(2)];
  const server = await startServer(t, { m: older });
  const client = await connectWire(t, server.url);
  const { modelHash } = await openSession(client, 1, { model: 'm' });
  client.send(rowFrames(1, 1, [row]));
  await client.expect('predictions');
  server.replace('m', newer);
  client.send({ type: 'finish', session: 1, carry: true });
  const { carry } = await client.expect('finished');
  t.not((await openSession(client, 1, { model: 'm', carry })).modelHash, modelHash);
  client.send(rowFrames(1, 1, [row]));
  const { entries } = await client.expect('predictions');
  const before = older.step(older.zeroCarry(), row).carry;
  t.deepEqual(entries[0].answers[0].prediction, newer.step(before, row).prediction);
});
