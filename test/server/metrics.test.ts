import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { createHistogram, observe } from '../../src/server/counts.js';
import { createHub } from '../../src/server/hub.js';
import { metricsText } from '../../src/server/metrics.js';
import { checkServeOptions } from '../../src/server/options.js';
import type { Open } from '../../src/wire/messages.js';
import { config } from '../helpers/models.js';
import { connectWire, entriesOf, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

/** The samples by name and labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

const row = (n: number): Float32Array => Float32Array.of(n, 0, 1);

test('what happens to frames, sessions and updates is counted', async t => {
  const server = await startServer(t, { 'a"b\\c': await createModel(config('gru', [2])) });
  const read = async () => samples(await (await fetch(`${server.httpUrl}/metrics`)).text());
  const client = await connectWire(t, server.url);
  await openSession(client, 1);
  await openSession(client, 2, { learn: 'private', learning: { k1: 1, k2: 2 } });
  client.send(rowFrames(1, 1, [row(1), row(2), row(Number.NaN)]));
  await entriesOf(client, 2);
  await client.expect('fault');
  client.send(rowFrames(1, 2, [row(2)]));
  await client.expect('duplicate');
  client.send(rowFrames(1, 9, [row(2), row(2)]));
  await client.expect('fault');
  client.send({ ...rowFrames(2, 1, [row(1)]), targets: { targets: [Float32Array.of(1, 2)] } } as never);
  const updated = await client.nextOf(2);
  t.is(updated.type, 'predictions');
  t.is((await client.nextOf(2)).type, 'updated');
  client.send({ type: 'finish', session: 1 });
  await client.expect('finished');
  const now = await read();
  const expected: [string, number][] = [
    ['eddy_connections', 1],
    ['eddy_sessions_active', 1],
    ['eddy_learners_active', 1],
    ['eddy_frames_total{result="applied"}', 3],
    ['eddy_frames_total{result="rejected"}', 1],
    ['eddy_frames_total{result="duplicate"}', 1],
    ['eddy_frames_total{result="gap"}', 2],
    ['eddy_sessions_total{event="opened"}', 2],
    ['eddy_sessions_total{event="finished"}', 1],
    ['eddy_faults_total{code="bad_input"}', 1],
    ['eddy_faults_total{code="gap"}', 1],
    ['eddy_updates_total{result="applied"}', 1],
    ['eddy_updates_total{result="skipped"}', 0],
    ['eddy_rollbacks_total', 0],
    ['eddy_gradient_norm_count', 1],
    ['eddy_gradient_norm_bucket{le="+Inf"}', 1],
    ['eddy_batch_size_sum', 1],
    ['eddy_batch_size_bucket{le="1"}', 1],
  ];
  for (const [name, value] of expected) t.is(now.get(name), value, name);
  t.true(now.get('eddy_step_duration_seconds_sum')! > 0);
  t.true(now.get('eddy_queue_wait_seconds_count')! >= 3);
  t.true(now.get('process_resident_memory_bytes')! > 1e6);
  const info = [...now].find(([name]) => name.startsWith('eddy_model_info'))!;
  t.regex(info[0], /^eddy_model_info\{model="a\\"b\\\\c",hash="[0-9a-f]{64}"\}$/);
  client.socket.close(1000);
  await client.closed;
  for (let tries = 0; (await read()).get('eddy_closes_total{code="1000"}') !== 1; tries++) if (tries > 100) t.fail();
});

test('each resume is counted with what came of it', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])), { maxSessionsPerConnection: 1 });
  const first = await connectWire(t, server.url);
  const { token } = await openSession(first, 1, { resumable: true });
  const second = await connectWire(t, server.url);
  const ask = (resume: Open['resume']): void => second.send({ type: 'open', session: 1, resume });
  ask({ token: 'unheard of', receivedSeq: 0 });
  t.like(await second.expect('fault'), { code: 'token_expired' });
  // It was not told so much.
  ask({ token, receivedSeq: 7 });
  t.like(await second.expect('fault'), { code: 'token_expired' });
  ask({ token, receivedSeq: 0 });
  await second.expect('opened');
  const third = await connectWire(t, server.url);
  await openSession(third, 1);
  third.send({ type: 'open', session: 2, resume: { token, receivedSeq: 0 } });
  t.like(await third.expect('fault'), { code: 'limit_reached' });
  const now = samples(await (await fetch(`${server.httpUrl}/metrics`)).text());
  const outcomes = [...now].filter(([name]) => name.startsWith('eddy_resumes_total'));
  t.deepEqual(Object.fromEntries(outcomes), {
    'eddy_resumes_total{outcome="unknown"}': 1,
    'eddy_resumes_total{outcome="refused"}': 2,
    'eddy_resumes_total{outcome="taken over"}': 1,
  });
});

test('targets that are refused, and learning that diverged, are among the faults', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])));
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { learn: 'private', learning: { k1: 1, k2: 2, maxSkipped: 1 } });
  client.send(rowFrames(1, 1, [row(1), row(2), row(3)]));
  await entriesOf(client, 3);
  const codes: string[] = [];
  for (const forStep of [1, 2, 3, 3, 9]) client.send({ type: 'targets', session: 1, forStep, targets: [null] });
  while (codes.length < 4) codes.push((await client.expect('fault')).code);
  t.deepEqual(codes, ['target_expired', 'target_expired', 'target_exists', 'bad_target']);
  client.send({ ...rowFrames(1, 4, [row(1)]), targets: { targets: [Float32Array.of(3e38, -3e38)] } } as never);
  await client.expect('predictions');
  t.is((await client.expect('fault')).code, 'diverged');
  const now = samples(await (await fetch(`${server.httpUrl}/metrics`)).text());
  t.is(now.get('eddy_faults_total{code="diverged"}'), 1);
  t.is(now.get('eddy_faults_total{code="target_expired"}'), 2);
  t.is(now.get('eddy_faults_total{code="target_exists"}'), 1);
  t.is(now.get('eddy_faults_total{code="bad_target"}'), 1);
});

test('connections that are turned away, or end by what `ws` refuses, are counted by their close codes', async t => {
  const bounds = { maxConnections: 1, maxPayload: 1000, maxFragments: 2 };
  const server = await startServer(t, await createModel(config('gru', [2])), bounds);
  const closed: number[] = [];
  const first = await connectWire(t, server.url);
  const second = await connectWire(t, server.url);
  closed.push((await second.closed).code);
  first.socket.send(Buffer.alloc(1001));
  closed.push((await first.closed).code);
  const third = await connectWire(t, server.url);
  for (let i = 0; i < 4; i++) third.socket.send(Buffer.alloc(1), { fin: i === 3 });
  closed.push((await third.closed).code);
  t.deepEqual(closed, [1013, 1009, 1008]);
  const read = async () => [...samples(await (await fetch(`${server.httpUrl}/metrics`)).text())];
  const told = async (name: string) => (await read()).filter(sample => sample[0].startsWith(name));
  for (let tries = 0; (await told('eddy_closes')).length < 3; tries++) if (tries > 100) break;
  t.deepEqual(await told('eddy_closes'), [
    ['eddy_closes_total{code="1013"}', 1],
    ['eddy_closes_total{code="1009"}', 1],
    ['eddy_closes_total{code="1008"}', 1],
  ]);
  t.deepEqual(await told('eddy_faults'), [['eddy_faults_total{code="limit_reached"}', 1]]);
});

test('close codes that clients make up are counted together', async t => {
  const server = await startServer(t, await createModel(config('gru', [4])));
  for (const code of [4000, 3999, 4409]) {
    const client = await connectWire(t, server.url);
    client.socket.close(code);
    await client.closed;
  }
  const closes = async () =>
    [...samples(await (await fetch(`${server.httpUrl}/metrics`)).text())].filter(([name]) =>
      name.startsWith('eddy_closes'),
    );
  for (let tries = 0; (await closes()).length < 2; tries++) if (tries > 100) t.fail();
  t.deepEqual(await closes(), [
    ['eddy_closes_total{code="other"}', 2],
    ['eddy_closes_total{code="4409"}', 1],
  ]);
});

test('an update that is skipped is counted as such, and leaves the norms of gradients as they were', async t => {
  const relu = await createModel(config('rnn_relu', [4]), { seed: 1 });
  const server = await startServer(t, relu);
  const read = async () => samples(await (await fetch(`${server.httpUrl}/metrics`)).text());
  const client = await connectWire(t, server.url);
  await openSession(client, 1, { learn: 'private', learning: { k1: 1, k2: 2 } });
  const learn = async (seq: number, value: number) => {
    const targets = { targets: [Float32Array.of(-value, value)] };
    client.send({ ...rowFrames(1, seq, [row(value)]), targets } as never);
    await client.expect('predictions');
    return client.expect('updated');
  };
  t.falsy((await learn(1, 1)).skipped);
  const before = await read();
  t.true((await learn(2, 3e38)).skipped);
  const after = await read();
  t.is(after.get('eddy_updates_total{result="skipped"}'), 1);
  for (const part of ['sum', 'count', 'bucket{le="+Inf"}'])
    t.is(after.get(`eddy_gradient_norm_${part}`), before.get(`eddy_gradient_norm_${part}`), part);
  t.is(after.get('eddy_gradient_norm_count'), 1);
});

test('a histogram takes no number that is not finite', t => {
  const histogram = createHistogram([1, 2]);
  for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 3, Number.NEGATIVE_INFINITY])
    observe(histogram, value);
  t.like(histogram, { sum: 3.5, count: 2, bins: [1, 0, 1] });
});

test('the text is what Prometheus reads: a help and a type for each, and no session in a label', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])));
  const client = await connectWire(t, server.url);
  await openSession(client, 77);
  const response = await fetch(`${server.httpUrl}/metrics`);
  t.is(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  t.true(types.size > 20);
  for (const name of samples(text).keys()) {
    const base = name.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '');
    t.true(types.has(base) || types.has(name.replace(/\{.*/, '')), name);
    t.notRegex(name, /session=|77/);
  }
  for (const [name, type] of types) {
    t.regex(text, new RegExp(`^# HELP ${name} .+\\.$`, 'm'));
    if (type === 'counter') t.regex(name, /_total$/);
  }
});

test('when the process started does not change with its clock', async t => {
  const hub = createHub(await createModel(config('gru', [2])), checkServeOptions({}));
  const started = () => samples(metricsText(hub)).get('process_start_time_seconds')!;
  const first = started();
  t.true(Math.abs(first - (Date.now() / 1000 - process.uptime())) < 60);
  const { now } = Date;
  Date.now = () => now() + 86_400_000;
  const later = started();
  Date.now = now;
  t.is(later, first);
});

test('sessions that wait or rest, and what is kept for their clients, are told in both places', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])), { maxSessions: 2 });
  const read = async () => samples(await (await fetch(`${server.httpUrl}/metrics`)).text());
  const until = async (name: string, value: number): Promise<Map<string, number>> => {
    for (let tries = 0; tries < 1000; tries++) {
      const now = await read();
      if (now.get(name) === value) return now;
    }
    throw new Error(`Expected ${name} to be ${value}`);
  };
  for (const detached of [1, 2]) {
    const client = await connectWire(t, server.url);
    await openSession(client, 1, { resumable: true });
    client.send(rowFrames(1, 1, [row(1)]));
    await entriesOf(client, 1);
    client.socket.terminate();
    const now = await until('eddy_sessions_detached', detached);
    t.true(now.get('eddy_unacknowledged_bytes')! > 20 * detached);
  }
  t.is((await read()).get('eddy_store_bytes'), 0);
  // It takes the place of one that waits.
  await openSession(await connectWire(t, server.url));
  const now = await read();
  t.is(now.get('eddy_sessions_detached'), 1);
  t.is(now.get('eddy_sessions_hibernated'), 1);
  t.is(now.get('eddy_hibernations_total'), 1);
  t.true(now.get('eddy_store_bytes')! > 100);
  t.like(await (await fetch(`${server.httpUrl}/sessions`)).json(), { detached: 1, hibernated: 1 });
});
