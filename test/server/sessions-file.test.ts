import { spawnSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { lstat, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { loadModel, saveModel } from '../../src/model/checkpoint.js';
import { createModel, type Model } from '../../src/model/model.js';
import { readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { createRandom } from '../../src/random.js';
import { createHub } from '../../src/server/hub.js';
import { serve } from '../../src/server/index.js';
import { silent } from '../../src/server/log.js';
import { checkServeOptions } from '../../src/server/options.js';
import { serveHub } from '../../src/server/serve.js';
import { takeUpSessions } from '../../src/server/sessions-file.js';
import { createMemoryStore } from '../../src/server/store.js';
import type { Open, Predictions, ServerMessage } from '../../src/wire/messages.js';
import { config, randomInput } from '../helpers/models.js';
import { connectWire, openSession, rowFrames, startServer, type WireClient } from '../helpers/wire-client.js';

const values = config('gru', [5]);
const random = createRandom(8);
const seeded = () => createModel(values, { seed: 7 });
const model = await seeded();
const rows = Array.from({ length: 8 }, () => randomInput(random, model) as Float32Array);
const targets = rows.map(() => Float32Array.of(random.uniform(), random.uniform()));
const path = (): string => join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');

const kinds: Record<string, Omit<Open, 'type' | 'session'>> = {
  'that predicts': { resumable: true },
  'with weights of its own': { resumable: true, learn: 'private', learning: { k1: 1, k2: 3 } },
  'with no bound on what it learns': {
    resumable: true,
    learn: 'private',
    learning: {
      maxGradientNorm: Number.POSITIVE_INFINITY,
      guard: { longest: Number.POSITIVE_INFINITY, largest: Number.POSITIVE_INFINITY },
    },
  },
  'with a rule for its readout and another loss': {
    resumable: true,
    learn: 'private',
    learning: { k1: 3, loss: { kind: 'huber', delta: 0.2 }, readout: { optimizer: { kind: 'sgd', rate: 0.1 } } },
  },
  'with a network of its own': { resumable: true, fresh: { config: values as never, seed: 3 } },
  'of which only the last answer is wanted': { resumable: true, want: { last: true } },
};

/** What is said until frame `seq` is answered, answers one by one: where they are cut into messages is not the point. */
async function until(client: WireClient, seq: number): Promise<ServerMessage[]> {
  const messages: ServerMessage[] = [];
  for (let last = 0; last < seq; ) {
    const message = await client.next();
    if (message.type !== 'predictions') {
      messages.push(message);
      continue;
    }
    const { firstSeq, entries } = message;
    messages.push(...entries.map((entry, i) => ({ ...message, firstSeq: firstSeq + i, entries: [entry] })));
    last = firstSeq + entries.length - 1;
  }
  return messages;
}

for (const [what, settings] of Object.entries(kinds)) {
  test(`a session ${what} outlives its server, and goes on at the next one to the same bits`, async t => {
    const sessionsFile = path();
    const options = { sessionsFile, grace: 200, allowFresh: true };
    const frames = (from: number, to: number) => {
      const message = rowFrames(1, from, rows.slice(from - 1, to));
      return settings.learn ? ({ ...message, targets: { targets: targets.slice(from - 1, to) } } as never) : message;
    };
    const lastWanted = settings.want?.last ? 1 : 0;
    const quiet = await connectWire(t, (await startServer(t, await seeded(), options)).url);
    await openSession(quiet, 1, settings);
    quiet.send(frames(1, 4));
    const before = await until(quiet, 4 - lastWanted);
    quiet.send(frames(5, 8));
    const after = await until(quiet, 8 - lastWanted);

    const server = await serve(await seeded(), options);
    const first = await connectWire(t, server.url);
    const { token } = await openSession(first, 1, settings);
    first.send(frames(1, 4));
    t.deepEqual(await until(first, 4 - lastWanted), before);
    await server.close();
    t.like(await first.closed, { code: 1012 });
    t.is((await stat(sessionsFile)).mode & 0o777, 0o600);

    const second = await connectWire(t, (await startServer(t, await seeded(), options)).url);
    const receivedMessages = before.filter(({ type }) => type !== 'predictions').length;
    const opened = await openSession(second, 1, { resume: { token, receivedSeq: 4 - lastWanted, receivedMessages } });
    t.like(opened, { nextSeq: 5, nextStep: 5, token });
    second.send(frames(5, 8));
    t.deepEqual(await until(second, 8 - lastWanted), after);
    await t.throwsAsync(stat(sessionsFile), { code: 'ENOENT' });
  });
}

/** Another network under the same name: it can do nothing with what is of the first. */
const newer = () => createModel(config('lstm', [7]), { seed: 8 });

const older: typeof kinds = {
  ...kinds,
  'that moves the model for everyone': { resumable: true, learn: 'shared', learning: { k1: 1, k2: 3 } },
};
for (const [what, settings] of Object.entries(older)) {
  for (const when of ['while it was served', 'between two servers']) {
    test(`a session ${what} whose model was replaced ${when} goes on with its own, at any number of servers`, async t => {
      const sessionsFile = path();
      const options = { sessionsFile, grace: 200, allowFresh: true, allowShared: true };
      const frames = (seq: number) => {
        const message = rowFrames(1, seq, [rows[seq - 1]]);
        return settings.learn ? ({ ...message, targets: { targets: [targets[seq - 1]] } } as never) : message;
      };
      const lastWanted = settings.want?.last ? 1 : 0;
      const quiet = await connectWire(t, (await startServer(t, await seeded(), options)).url);
      const { modelHash } = await openSession(quiet, 1, settings);
      const expected: ServerMessage[][] = [];
      const ask = async (client: WireClient, seq: number): Promise<ServerMessage[]> => {
        client.send(frames(seq));
        const said: ServerMessage[] = [];
        while (seq > lastWanted && !said.some(({ type }) => type === 'predictions')) said.push(await client.next());
        return said;
      };
      for (let seq = 1; seq <= 6; seq++) expected.push(await ask(quiet, seq));

      let model = await seeded();
      let resume: Open['resume'];
      let beside = 0;
      for (let seq = 1; seq <= 6; seq += 2) {
        const server = await serve(model, options);
        const client = await connectWire(t, server.url);
        const opened = await openSession(client, 1, resume ? { resume } : settings);
        t.like(opened, { nextSeq: seq, nextStep: seq });
        if (settings.learn !== 'shared') t.is(opened.modelHash, modelHash);
        for (const next of [seq, seq + 1]) {
          const said = await ask(client, next);
          t.deepEqual(said, expected[next - 1]);
          beside += said.filter(({ type }) => type !== 'predictions').length;
        }
        resume = { token: opened.token, receivedSeq: seq + 1 - lastWanted, receivedMessages: beside };
        if (when === 'while it was served' && seq === 1) server.replace('default', await newer());
        await server.close();
        model = (await newer()) as never;
      }
    });
  }
}

test('a session that rests goes on with its version, though the same weights are served again', async t => {
  const options = { sessionsFile: path(), grace: 200, allowShared: true };
  const server = await serve(await seeded(), options);
  const first = await connectWire(t, server.url);
  const opened = await openSession(first, 1, { resumable: true, learn: 'shared', learning: { k1: 1, k2: 3 } });
  first.send({ ...rowFrames(1, 1, rows.slice(0, 2)), targets: { targets: targets.slice(0, 2) } } as never);
  const before = await until(first, 2);
  server.replace('default', await seeded());
  await server.close();
  const next = await startServer(t, await seeded(), options);
  const second = await connectWire(t, next.url);
  const resume = { token: opened.token, receivedSeq: 2, receivedMessages: before.length - 2 };
  t.not((await openSession(second, 1, { resume })).modelHash, opened.modelHash);
  second.send({ type: 'open', session: 2 });
  t.like(await second.nextOf(2), { modelHash: opened.modelHash });
});

test('where what sessions taught their model was not kept, it is told that they go on without it', async t => {
  const told: object[] = [];
  const log = { ...silent, warn: (record: object, message: string) => void told.push({ ...record, message }) };
  const options = { sessionsFile: path(), grace: 200, allowShared: true, log };
  for (const taught of [0, 1, 0]) {
    const server = await serve(await seeded(), options);
    const client = await connectWire(t, server.url);
    await openSession(client, 1, { resumable: true, learn: 'shared', learning: { k1: 1, k2: 3 } });
    if (taught > 0) {
      client.send({ ...rowFrames(1, 1, rows.slice(0, 2)), targets: { targets: targets.slice(0, 2) } } as never);
      await until(client, 2);
    }
    await server.close();
  }
  t.like(told, [
    { model: 'default', message: 'sessions go on with other weights than those that they were saved with' },
  ]);
  t.is(told.length, 1);
});

/** A model of which nobody sees the weights. */
const hidden = ({ config: its, carryLayout, zeroCarry, checkInput, step, stepMany, moveMany }: Model): Model => ({
  config: its,
  carryLayout,
  zeroCarry,
  checkInput,
  step,
  stepMany,
  moveMany,
});

test('sessions that cannot be taken up are told with the reason, to their clients too, and kept in a file of their own', async t => {
  const sessionsFile = path();
  const before = await serve({ m: hidden(await seeded()), n: await seeded() }, { sessionsFile, grace: 0 });
  const client = await connectWire(t, before.url);
  const tokens: string[] = [];
  for (const name of ['m', 'n', 'm']) {
    client.send({ type: 'open', session: tokens.length + 1, model: name, resumable: true });
    tokens.push((await client.expect('opened')).token);
  }
  await before.close();

  const told: object[] = [];
  const tell = (record: object, message: string): void => void told.push({ ...record, message });
  const log = { ...silent, info: tell, warn: tell };
  const without = await startServer(t, { n: await seeded() }, { sessionsFile, log });
  const reason = 'Expected a session of a model that is served or was saved with it, got one of m ()';
  t.like(told, [
    { sessions: 2, reason, message: 'sessions not taken up' },
    { sessions: 1, message: 'sessions taken up' },
    { file: `${sessionsFile}.not-taken-up`, message: 'sessions that were not taken up are kept' },
  ]);
  t.is((await stat(`${sessionsFile}.not-taken-up`)).mode & 0o777, 0o600);
  const second = await connectWire(t, without.url);
  for (const [i, token] of tokens.entries()) {
    second.send({ type: 'open', session: i + 1, resume: { token, receivedSeq: 0 } });
    if (i === 1) await second.expect('opened');
    else t.like(await second.expect('fault'), { session: i + 1, code: 'evicted' });
  }
  const metrics = await (await fetch(`${without.httpUrl}/metrics`)).text();
  t.regex(metrics, /^eddy_evictions_total\{reason="failed"\} 2$/m);

  const again = { sessionsFile: `${sessionsFile}.not-taken-up` };
  const third = await connectWire(t, (await startServer(t, { m: hidden(await seeded()) }, again)).url);
  await openSession(third, 1, { resume: { token: tokens[0], receivedSeq: 0 } });
  await openSession(third, 2, { resume: { token: tokens[2], receivedSeq: 0 } });
  third.send({ type: 'open', session: 3, resume: { token: tokens[1], receivedSeq: 0 } });
  t.like(await third.expect('fault'), { code: 'token_expired' });
});

test('files of sessions that were not taken up do not take the place of each other', async t => {
  const sessionsFile = path();
  for (let i = 0; i < 3; i++) {
    const before = await serve(hidden(await seeded()), { sessionsFile, grace: 0 });
    await openSession(await connectWire(t, before.url), 1, { resumable: true });
    await before.close();
    await (await serve({ n: await seeded() }, { sessionsFile, grace: 0 })).close();
  }
  for (const end of ['', '.2', '.3']) t.true((await stat(`${sessionsFile}.not-taken-up${end}`)).size > 0);
});

test('sessions that another server has saved in the file meanwhile are kept beside it', async t => {
  const sessionsFile = path();
  const [first, second] = [
    await serve(await seeded(), { sessionsFile }),
    await serve(await seeded(), { sessionsFile }),
  ];
  const tokens: string[] = [];
  for (const { url } of [first, second])
    tokens.push((await openSession(await connectWire(t, url), 1, { resumable: true })).token);
  await first.close();
  await second.close();
  for (const [i, file] of [`${sessionsFile}.not-taken-up`, sessionsFile].entries()) {
    const { url } = await startServer(t, await seeded(), { sessionsFile: file });
    const opened = await openSession(await connectWire(t, url), 1, { resume: { token: tokens[i], receivedSeq: 0 } });
    t.is(opened.token, tokens[i]);
  }
});

test('where there is no room for a second file, sessions that were not taken up stay in the first', async t => {
  const sessionsFile = path();
  const before = await serve(hidden(await seeded()), { sessionsFile, grace: 0 });
  const { token } = await openSession(await connectWire(t, before.url), 1, { resumable: true });
  await before.close();
  const apart = `${sessionsFile}.not-taken-up`;
  const inItsWay = `${apart}.${process.pid}.tmp`;
  await mkdir(inItsWay);
  await (await serve({ n: await seeded() }, { sessionsFile, grace: 0 })).close();
  await rm(inItsWay, { recursive: true });
  const after = await startServer(t, hidden(await seeded()), { sessionsFile: apart });
  t.is((await openSession(await connectWire(t, after.url), 1, { resume: { token, receivedSeq: 0 } })).token, token);
});

test('a session rests over any number of servers, while what is served moves on and is kept', async t => {
  const options = { sessionsFile: path(), grace: 200, allowShared: true };
  let model = await seeded();
  let token = '';
  for (let i = 0; i < 3; i++) {
    const server = await serve(model, options);
    const client = await connectWire(t, server.url);
    if (i === 0) token = (await openSession(client, 1, { resumable: true })).token;
    await openSession(client, 2, { learn: 'shared', learning: { k1: 1, k2: 2 } });
    client.send({ ...rowFrames(2, 1, rows), targets: { targets } } as never);
    for (let last = 0; last < rows.length; ) {
      const message = await client.nextOf(2);
      if (message.type === 'predictions') last = message.firstSeq + message.entries.length - 1;
    }
    await server.close();
    model = await loadModel(saveModel(model));
  }
  const client = await connectWire(t, (await startServer(t, model, options)).url);
  const again = await openSession(client, 1, { resume: { token, receivedSeq: 0 } });
  t.is(again.modelHash, (await openSession(client, 2)).modelHash);
});

test('a session that cannot be saved is told, and the others are saved', async t => {
  const sessionsFile = path();
  const told: object[] = [];
  const log = { ...silent, warn: (record: object, message: string) => void told.push({ ...record, message }) };
  const store = { ...createMemoryStore(1e6), take: () => Promise.reject(new Error('the disk is gone')) };
  const server = await serve(await seeded(), { sessionsFile, grace: 0, log, store, maxSessions: 1 });
  const first = await connectWire(t, server.url);
  await openSession(first, 1, { resumable: true });
  first.socket.terminate();
  const second = await connectWire(t, server.url);
  let token = '';
  while (token === '') {
    second.send({ type: 'open', session: 1, resumable: true });
    const said = await second.next();
    if (said.type === 'opened') token = said.token;
  }
  await server.close();
  t.deepEqual(told, [{ sessions: 1, reason: 'the disk is gone', message: 'sessions not saved' }]);
  const next = await connectWire(t, (await startServer(t, await seeded(), { sessionsFile })).url);
  t.is((await openSession(next, 1, { resume: { token, receivedSeq: 0 } })).token, token);
});

test('a session that was saved is not put to rest while others are read from a slow store', async t => {
  const memory = createMemoryStore(1e6);
  let time = 0;
  const store = {
    ...memory,
    async take(name: string) {
      // Two looks of the server at those that have waited long.
      time += 10_000;
      await new Promise(resolve => setTimeout(resolve, 2100));
      return memory.take(name);
    },
  };
  const settings = checkServeOptions({ sessionsFile: path(), grace: 0, store, maxSessions: 1 });
  const hub = createHub(await seeded(), settings, { now: () => time, later: setImmediate });
  const server = await serveHub(hub);
  // The second one has the place of the first, which rests.
  for (let lost = 1; lost <= 2; lost++) {
    const client = await connectWire(t, server.url);
    await openSession(client, 1, { resumable: true });
    client.socket.terminate();
    while (hub.register.detached.size === 0 || hub.connections.size > 0)
      await new Promise(resolve => setImmediate(resolve));
  }
  t.is(memory.size, 1);
  await server.close();
  t.is(memory.size, 0);
});

for (const [what, settings] of Object.entries({
  'with a network of its own': { fresh: { config: values as never, seed: 3 } },
  'of a model that is served no more': {},
  'that learned': { learn: 'private', learning: { k1: 1, k2: 3 } },
} satisfies Record<string, Omit<Open, 'type' | 'session'>>)) {
  test(`the last answers of a session ${what} come after its end, though it rested and nothing is left of its model`, async t => {
    const sessionsFile = path();
    const server = await serve(await seeded(), { sessionsFile, grace: 200, allowFresh: true });
    const first = await connectWire(t, server.url);
    const { token, config: told } = await openSession(first, 1, { resumable: true, ...settings });
    first.send(rowFrames(1, 1, rows.slice(0, 2)), { type: 'finish', session: 1, carry: true });
    const said = await until(first, 2);
    const finished = await first.expect('finished');
    await server.close();

    const other = await startServer(t, await createModel(config('lstm', [4]), { seed: 8 }), { sessionsFile });
    const second = await connectWire(t, other.url);
    const opened = await openSession(second, 1, { resume: { token, receivedSeq: 0 } });
    t.like(opened, { nextSeq: 3, token });
    t.deepEqual(opened.config, told);
    t.deepEqual(await until(second, 2), said);
    t.deepEqual(await second.expect('finished'), finished);
    second.send(rowFrames(1, 3, rows.slice(2, 3)));
    t.like(await second.expect('fault'), { code: 'session_finished' });
    second.send({ type: 'ack', session: 1, seq: 2 }, { type: 'ack', session: 1, seq: 2 });
    t.like(await second.expect('fault'), { code: 'unknown_session' });
  });
}

test('a file of something else stops the start, and stays', async t => {
  const sessionsFile = path();
  const model = await seeded();
  const broken = writeSafetensors(new Map(), { 'eddy.sessions': '{' });
  for (const bytes of [Buffer.from('not sessions'), Buffer.from(saveModel(model)), Buffer.from(broken)]) {
    await writeFile(sessionsFile, bytes);
    const message = `Expected ${sessionsFile} to be a file of sessions, got a file of something else`;
    await t.throwsAsync(serve(model, { sessionsFile }), { code: 'EDDY_CHECKPOINT', message });
    t.deepEqual(await readFile(sessionsFile), bytes);
  }
});

test('a file whose head is damaged stops the start, and stays', async t => {
  const sessionsFile = path();
  const model = await seeded();
  const heads = [
    'null',
    '7',
    '{"versions":null}',
    '{"versions":[null]}',
    '{"versions":[{"name":"a"}]}',
    '{"of":{}}',
    '{"format":"2"}',
  ];
  for (const head of heads) {
    const damaged = writeSafetensors(new Map(), { 'eddy.sessions': head });
    await writeFile(sessionsFile, damaged);
    const message = `Expected ${sessionsFile} to be a file of sessions, got one whose head is damaged`;
    await t.throwsAsync(serve(model, { sessionsFile }), { code: 'EDDY_CHECKPOINT', message }, head);
    t.deepEqual(await readFile(sessionsFile), Buffer.from(damaged));
  }
});

test('of a file with damaged bytes, the sessions that they belong to are told, and the others go on', async t => {
  const sessionsFile = path();
  const before = await serve({ m: await seeded(), n: await newer() }, { sessionsFile, grace: 0 });
  const client = await connectWire(t, before.url);
  const tokens: string[] = [];
  for (const name of ['m', 'm', 'n']) {
    client.send({ type: 'open', session: tokens.length + 1, model: name, resumable: true });
    tokens.push((await client.expect('opened')).token);
  }
  client.send(rowFrames(1, 1, rows.slice(0, 3)), rowFrames(2, 1, rows.slice(0, 3)));
  for (let answered = 0; answered < 6; )
    answered += ((await client.expect('predictions')) as Predictions).entries.length;
  await before.close();
  const whole = await readFile(sessionsFile);
  const { tensors } = readSafetensors(whole);
  // The last byte of each: of a state, or of a weight.
  const ends = [...tensors].map(([name, { data }]) => [name, data.byteOffset - whole.byteOffset + data.length - 1]);
  const at = Object.fromEntries(ends) as Record<string, number>;
  const damages: Record<string, { bytes: number[]; lost: number[]; models?: object }> = {
    nothing: { bytes: [], lost: [] },
    'a session': { bytes: [at['session.0']], lost: [0] },
    'two sessions': { bytes: [at['session.0'], at['session.2']], lost: [0, 2] },
    'a model that is served': { bytes: [at['version.0']], lost: [] },
    'a model that is not': { bytes: [at['version.0']], lost: [0, 1], models: { n: await newer() } },
  };
  for (const [what, { bytes, lost, models }] of Object.entries(damages)) {
    const file = path();
    const damaged = Buffer.from(whole);
    for (const place of bytes) damaged[place] ^= 4;
    await writeFile(file, damaged);
    const told: object[] = [];
    const log = { ...silent, warn: (record: object) => void ('reason' in record && told.push(record)) };
    const served = models ?? { m: await seeded(), n: await newer() };
    const after = await startServer(t, served as never, { sessionsFile: file, log });
    const reason = 'Expected what was saved, got other bytes: the file is damaged';
    t.deepEqual(told, lost.length > 0 ? [{ sessions: lost.length, reason }] : [], what);
    const second = await connectWire(t, after.url);
    for (const [i, token] of tokens.entries()) {
      second.send({ type: 'open', session: i + 1, resume: { token, receivedSeq: i < 2 ? 3 : 0 } });
      if (lost.includes(i)) t.like(await second.expect('fault'), { session: i + 1, code: 'evicted' }, what);
      else t.like(await second.expect('opened'), { nextStep: i < 2 ? 4 : 1 }, what);
    }
  }
  const head = Buffer.from(whole);
  head[head.indexOf('retired')] ^= 4;
  await writeFile(sessionsFile, head);
  const message = `Expected ${sessionsFile} to be a file of sessions, got one whose head is damaged`;
  await t.throwsAsync(serve(await seeded(), { sessionsFile }), { code: 'EDDY_CHECKPOINT', message });
});

test('a file that a newer eddy has saved stops the start, and stays', async t => {
  const sessionsFile = path();
  const model = await seeded();
  const later = writeSafetensors(new Map(), { 'eddy.sessions': '{"format":3,"versions":[],"of":[]}' });
  await writeFile(sessionsFile, later);
  const message = `Expected ${sessionsFile} to be a file of sessions of a format up to 2, got 3: a newer eddy has saved it`;
  await t.throwsAsync(serve(model, { sessionsFile }), { code: 'EDDY_CHECKPOINT', message });
  t.deepEqual(await readFile(sessionsFile), Buffer.from(later));
});

test('a server that cannot listen leaves the sessions to the next start', async t => {
  const sessionsFile = path();
  const before = await serve(await seeded(), { sessionsFile, grace: 0 });
  const { token } = await openSession(await connectWire(t, before.url), 1, { resumable: true });
  await before.close();
  const { port, close } = await serve(await seeded());
  await t.throwsAsync(serve(await seeded(), { port, sessionsFile }), { code: 'EDDY_SERVE' });
  await close();
  const client = await connectWire(t, (await startServer(t, await seeded(), { sessionsFile })).url);
  t.is((await openSession(client, 1, { resume: { token, receivedSeq: 0 } })).token, token);
});

test('a server whose file cannot be removed does not start, and leaves nothing open', async t => {
  const sessionsFile = path();
  const before = await serve(await seeded(), { sessionsFile, grace: 0 });
  await openSession(await connectWire(t, before.url), 1, { resumable: true });
  await before.close();
  const { port } = before;
  const info = (_: object, message: string): void => {
    if (message !== 'sessions taken up') return;
    rmSync(sessionsFile);
    mkdirSync(sessionsFile);
  };
  const options = { port, sessionsFile, grace: 200, log: { ...silent, info } };
  await t.throwsAsync(serve(await seeded(), options), { code: 'EISDIR' });
  t.is((await startServer(t, await seeded(), { port })).port, port);
});

test('a server that is drained while it starts has started before it ends, and loses no session', async t => {
  const sessionsFile = path();
  const before = await serve({ m: await seeded(), n: hidden(await seeded()) }, { sessionsFile, grace: 0 });
  const client = await connectWire(t, before.url);
  const { token } = await openSession(client, 1, { resumable: true, model: 'm' });
  await openSession(client, 2, { resumable: true, model: 'n' });
  await before.close();
  const operator = { name: 'operator', token: 'operates-0123456789', permissions: ['operate'] } as const;
  const { port } = before;
  const info = (_: object, message: string): void => {
    // The file is removed when these are done; the port is open meanwhile.
    if (message === 'sessions taken up') for (let i = 0; i < 4; i++) pbkdf2('', '', 600_000, 64, 'sha512', () => {});
  };
  const starting = serve(
    { m: await seeded() },
    {
      port,
      sessionsFile,
      tokens: [operator],
      grace: 0,
      log: { ...silent, info },
    },
  );
  const headers = { authorization: `Bearer ${operator.token}` };
  const drain = () => fetch(`http://127.0.0.1:${port}/drain`, { method: 'POST', headers });
  let answer = await drain().catch(() => undefined);
  while (answer === undefined) answer = await drain().catch(() => undefined);
  t.true(answer.ok);
  const server = await starting;
  await server.closed;
  await server.close();
  const next = await connectWire(t, (await startServer(t, { m: await seeded() }, { sessionsFile })).url);
  t.is((await openSession(next, 1, { resume: { token, receivedSeq: 0 } })).token, token);
});

test('a server that starts while the one before drains waits until that has saved its sessions', async t => {
  const sessionsFile = path();
  const before = await serve(await seeded(), { sessionsFile, grace: 300 });
  const first = await connectWire(t, before.url);
  const { token } = await openSession(first, 1, { resumable: true });
  // It takes no close, so that the grace runs.
  first.socket.pause();
  const ended = before.close();
  const next = await startServer(t, await seeded(), { port: before.port, sessionsFile });
  await ended;
  const client = await connectWire(t, next.url);
  t.is((await openSession(client, 1, { resume: { token, receivedSeq: 0 } })).token, token);
  await t.throwsAsync(stat(`${sessionsFile}.saving`), { code: 'ENOENT' });
});

const late = Date.now() - 1;
const inTime = Date.now() + 1e9;
const { pid: over } = spawnSync(process.execPath, ['--version']);
const left: Record<string, object | string> = {
  'that was killed': { id: 'a', host: hostname(), pid: over, until: inTime },
  'of the same number in another container': { id: 'a', host: hostname(), pid: process.pid, until: inTime },
  'that has taken too long': { id: 'a', host: hostname(), pid: process.ppid, until: late },
  'elsewhere that has taken too long': { id: 'a', host: 'elsewhere', pid: 1, until: late },
  'elsewhere that has taken too long, and whose clock is ahead': {
    ...{ id: 'a', host: 'elsewhere', pid: 1, until: inTime, within: 200 },
  },
  'that has written half of its mark': '{"id":"a","ho',
};
for (const [which, mark] of Object.entries(left)) {
  test(`a server ${which} is not waited for`, async t => {
    const sessionsFile = path();
    await writeFile(`${sessionsFile}.saving`, typeof mark === 'string' ? mark : JSON.stringify(mark));
    const warnings: string[] = [];
    const log = { ...silent, warn: (_: object, message: string) => void warnings.push(message) };
    const server = await serve(await seeded(), { sessionsFile, log, grace: 0 });
    t.is(warnings.length, typeof mark === 'string' ? 0 : 1);
    await server.close();
    await t.throwsAsync(stat(`${sessionsFile}.saving`), { code: 'ENOENT' });
  });
}

test('a file that could not be written is told at the start, and one that cannot at the end then', async t => {
  const sessionsFile = path();
  const nowhere = join(sessionsFile, 'none', 'sessions');
  await t.throwsAsync(serve(await seeded(), { sessionsFile: nowhere }), { code: 'EDDY_SERVE', message: /folder/ });
  const server = await serve(await seeded(), { sessionsFile, grace: 0 });
  await rm(dirname(sessionsFile), { recursive: true });
  await t.throwsAsync(server.close(), { code: 'EDDY_SERVE', message: /0 sessions to be saved .* they are lost/ });
  await server.closed;
});

test('sessions of a file for which there is no room to rest are counted as evicted', async t => {
  const sessionsFile = path();
  const before = await serve(await seeded(), { sessionsFile, grace: 0 });
  await openSession(await connectWire(t, before.url), 1, { resumable: true });
  await before.close();
  // Also where there are so many of them that of this one it is known no more.
  const hub = createHub(await seeded(), checkServeOptions({ maxRestingBytes: 10 }));
  hub.register.buried = () => undefined;
  const takenUp = await takeUpSessions(hub, sessionsFile);
  t.is(takenUp?.sessions, 0);
  t.truthy(takenUp?.left);
  const server = await startServer(t, await seeded(), { sessionsFile, maxRestingBytes: 10 });
  t.regex(await (await fetch(`${server.httpUrl}/metrics`)).text(), /^eddy_evictions_total\{reason="room"\} 1$/m);
});

test('a session that learns a shared model goes on with the settings that it had, bounds that are none too', async t => {
  const options = { sessionsFile: path(), grace: 200, allowShared: true };
  const none = Number.POSITIVE_INFINITY;
  const learning = { k1: 2, maxGradientNorm: none, guard: { longest: none, largest: none } };
  const server = await serve(await seeded(), options);
  const first = await connectWire(t, server.url);
  const opened = await openSession(first, 1, { resumable: true, learn: 'shared', learning });
  t.like(opened.learning, learning);
  await server.close();
  const second = await connectWire(t, (await startServer(t, await seeded(), options)).url);
  const again = await openSession(second, 1, { resume: { token: opened.token, receivedSeq: 0 } });
  t.deepEqual(again.learning, opened.learning);
});

test('a sessions file is written where a link leads, and is no pipe or folder', async t => {
  const sessionsFile = path();
  const kept = `${sessionsFile}.kept`;
  await symlink(kept, sessionsFile);
  const server = await startServer(t, await seeded(), { sessionsFile, grace: 200 });
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { resumable: true });
  await server.close();
  t.true((await lstat(sessionsFile)).isSymbolicLink());
  t.is((await stat(kept)).mode & 0o777, 0o600);
  await (await serve(await seeded(), { sessionsFile, grace: 0 })).close();
  t.true((await lstat(sessionsFile)).isSymbolicLink(), 'also after its sessions were taken up');

  const pipe = path();
  spawnSync('mkfifo', [pipe]);
  for (const place of [pipe, dirname(pipe)])
    await t.throwsAsync(serve(await seeded(), { port: 0, sessionsFile: place }), { message: /to be a file, got the/ });
});
