import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import test from 'ava';
import { ConfigError, ServeError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { serve } from '../../src/server/index.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomInput } from '../helpers/models.js';
import { connectWire, entriesOf, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const gru = config('gru', [5]);

test('frames of many sessions on several connections are answered in order, each with the bits of a step alone', async t => {
  const model = await createModel(gru, { seed: 5 });
  const server = await startServer(t, model);
  const [connections, perConnection, frames] = [5, 40, 12];
  const streams = await Promise.all(
    Array.from({ length: connections }, async (_, c) => {
      const client = await connectWire(t, server.url);
      for (let s = 1; s <= perConnection; s++) client.send({ type: 'open', session: s });
      for (let s = 1; s <= perConnection; s++) t.is((await client.expect('opened')).session, s);
      const random = createRandom(100 + c);
      const inputs = Array.from({ length: perConnection }, () =>
        Array.from({ length: frames }, () => randomInput(random, model) as Float32Array),
      );
      return { client, inputs, got: inputs.map(() => [] as Float32Array[]) };
    }),
  );
  // Uneven pieces, so that sessions of one connection are at different places in a turn.
  for (let at = 0; at < frames; at++) {
    for (const { client, inputs } of streams) {
      inputs.forEach((rows, s) => {
        if (s % 3 === 0 && at % 4 === 0) client.send(rowFrames(s + 1, at + 1, rows.slice(at, at + 4)));
        else if (s % 3 !== 0) client.send(rowFrames(s + 1, at + 1, [rows[at]]));
      });
    }
  }
  for (const { client, inputs, got } of streams) {
    let left = perConnection * frames;
    while (left > 0) {
      const { session, firstSeq, entries } = await client.expect('predictions');
      const stream = got[session - 1];
      t.is(firstSeq, stream.length + 1);
      for (const entry of entries) {
        t.is(entry.firstStep, stream.length + 1);
        stream.push(entry.answers[0].prediction!);
      }
      left -= entries.length;
    }
    inputs.forEach((rows, s) => {
      let carry = model.zeroCarry();
      rows.forEach((row, i) => {
        const step = model.step(carry, row);
        carry = step.carry;
        if (firstDifference(got[s][i], step.prediction) >= 0) t.fail(`session ${s + 1}, frame ${i + 1}`);
      });
    });
  }
  t.pass();
});

test('two sessions that are given the same frames but one differ only after it', async t => {
  const model = await createModel(gru, { seed: 6 });
  const server = await startServer(t, model);
  const client = await connectWire(t, server.url);
  await openSession(client, 1);
  await openSession(client, 2);
  const random = createRandom(1);
  const rows = Array.from({ length: 6 }, () => randomInput(random, model) as Float32Array);
  const other = rows.map((row, i) => (i === 3 ? row.map(x => x + 1) : row));
  client.send(rowFrames(1, 1, rows));
  client.send(rowFrames(2, 1, other));
  const a = await entriesOf(client, 6, 1);
  const b = await entriesOf(client, 6, 2);
  const same = a.map((entry, i) => firstDifference(entry.answers[0].prediction!, b[i].answers[0].prediction!) < 0);
  t.deepEqual(same, [true, true, true, false, false, false]);
});

test('serves several models by name, and tells which', async t => {
  const first = await createModel(gru, { seed: 1 });
  const second = await createModel(config('lstm', [4], { kind: 'token', size: 7 }, { kind: 'classes', size: 7 }), {
    seed: 2,
  });
  const server = await startServer(t, { default: first, letters: second });
  const client = await connectWire(t, server.url);
  const one = await openSession(client, 1);
  t.is(one.model, 'default');
  t.deepEqual(one.carryLayout, [{ name: 'layers.0.h', length: 5 }]);
  const two = await openSession(client, 2, { model: 'letters' });
  t.is(two.model, 'letters');
  t.deepEqual(
    two.carryLayout.map(part => part.name),
    ['layers.0.h', 'layers.0.c'],
  );
  t.not(one.modelHash, two.modelHash);
  t.regex(one.modelHash, /^[0-9a-f]{64}$/);
  client.send({ type: 'open', session: 3, model: 'nobody' });
  const fault = await client.expect('fault');
  t.like(fault, { session: 3, code: 'unknown_model', retryable: false });
  t.regex(fault.message, /default, letters.*nobody/);
});

test('one hash means one set of weights', async t => {
  const hashes = await Promise.all(
    [1, 1, 2].map(async seed => {
      const server = await startServer(t, await createModel(gru, { seed }));
      return (await openSession(await connectWire(t, server.url))).modelHash;
    }),
  );
  t.is(hashes[0], hashes[1]);
  t.not(hashes[0], hashes[2]);
});

test('a port in use is told as such, and leaves nothing behind', async t => {
  const taken = createServer();
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const model = await createModel(gru);
  const error = await t.throwsAsync(serve(model, { port }), { instanceOf: ServeError });
  t.is(error?.code, 'EDDY_SERVE');
  t.regex(error?.message ?? '', new RegExp(`port ${port} of 127.0.0.1`));
});

test('an address of another machine is told as such', async t => {
  const model = await createModel(gru);
  const error = await t.throwsAsync(serve(model, { host: '192.0.2.1', allowAnonymous: true }), {
    instanceOf: ServeError,
  });
  t.regex(error?.message ?? '', /192\.0\.2\.1/);
});

test('wrong options and models are refused before anything listens', async t => {
  const model = await createModel(gru);
  for (const [options, name] of [
    [{ port: 65_536 }, 'port'],
    [{ port: 1.5 }, 'port'],
    [{ credit: 0 }, 'credit'],
    [{ maxPayload: Number.NaN }, 'maxPayload'],
    [{ maxLearners: -1 }, 'maxLearners'],
    [{ path: 'ws' }, 'path'],
    [{ path: 7 }, 'path'],
    [{ host: 7 }, 'host'],
    [{ origins: 'https://example.org' }, 'origins'],
    [{ origins: ['https://example.org', 'example.com'] }, 'origins'],
    [{ origins: ['https://example.org/'] }, 'origins'],
    [{ otherwise: 'pages' }, 'otherwise'],
    [{ onError: 1 }, 'onError'],
    [{ allowFresh: 1 }, 'allowFresh'],
    [{ limits: { maxFrames: Number.NaN } }, 'limits\\.maxFrames'],
    [{ limits: { maxSteps: -1 } }, 'limits\\.maxSteps'],
    [{ limits: { maxItems: 1.5 } }, 'limits\\.maxItems'],
    [{ limits: 5 }, 'limits'],
  ] as [object, string][]) {
    const error = await t.throwsAsync(serve(model, options), { instanceOf: ConfigError }, name);
    t.regex(error?.message ?? '', new RegExp(`^Expected ${name} to be `));
  }
  const tls = { cert: '', key: '' };
  for (const [options, message] of [
    [{ maxConnection: 5 }, /an option to be one of host, .*maxConnections, .*got maxConnection$/],
    [{ limits: { maxFrame: 5 } }, /an option of limits to be one of .*maxFrames, .*got maxFrame$/],
    [{ limits: { maxBytes: 5 } }, /got maxBytes$/],
    [{ tls: { ...tls, ca: '' } }, /an option of tls to be one of cert, key, got ca$/],
  ] as [object, RegExp][])
    await t.throwsAsync(serve(model, options), { instanceOf: ConfigError, message });
  await t.throwsAsync(serve({}), { instanceOf: ConfigError });
  await t.throwsAsync(serve({ a: {} as never }), { instanceOf: ConfigError, message: /models\.a/ });
});

test('closing answers the frames that have come, closes with 1012, and frees the port', async t => {
  const model = await createModel(gru, { seed: 2 });
  const server = await startServer(t, model, { grace: 60_000 });
  const client = await connectWire(t, server.url);
  await openSession(client);
  const random = createRandom(3);
  const rows = Array.from({ length: 200 }, () => randomInput(random, model) as Float32Array);
  // The server has the frames, and has not stepped them, when it is asked to close.
  const came = new Promise<void>(resolve => client.socket.once('message', () => resolve()));
  client.send(rowFrames(1, 1, rows.slice(0, 1)));
  client.send(rowFrames(1, 2, rows.slice(1)));
  await came;
  const closing = server.close();
  t.is(server.close(), closing);
  const entries = await entriesOf(client, 200);
  t.is(entries.length, 200);
  t.deepEqual(await client.closed, { code: 1012, reason: 'the server closes' });
  await closing;
  const next = await serve(model, { port: server.port });
  await next.close();
});

test('who waits for more answers than the grace is long for is told to come back, too', async t => {
  const server = await startServer(t, await createModel(config('gru', [64])), { grace: 50 });
  const client = await connectWire(t, server.url);
  const learning = { k1: 1, k2: 200 };
  await openSession(client, 1, { resumable: true, learn: 'private', learning });
  const [count, values, target] = [250, new Float32Array(250 * 3), Float32Array.of(0, 1)];
  const targets = { targets: Array.from({ length: count }, () => target) };
  client.send({ type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'features', rows: count, values }, targets });
  while ((await client.next()).type !== 'predictions');
  await server.close();
  t.like(await client.closed, { code: 1012 });
});

test('closing ends a peer that does not answer the close, after the grace', async t => {
  const server = await startServer(t, await createModel(gru), { grace: 0 });
  const client = await connectWire(t, server.url);
  await openSession(client);
  // A peer that reads no more, and so never sees that it is asked to close.
  client.socket.pause();
  await server.close();
  client.socket.resume();
  t.true([1006, 1012].includes((await client.closed).code));
});

test('a promise of a model is not served, and the way out is said', async t => {
  const made = createModel(config('gru', [3]));
  for (const models of [made, { pen: made }]) {
    await t.throwsAsync(serve(models as never), {
      instanceOf: ConfigError,
      message: /to be a model, got Promise: await it$/,
    });
  }
});
