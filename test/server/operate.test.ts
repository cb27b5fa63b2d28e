import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/model/model.js';
import type { ServeOptions } from '../../src/server/index.js';
import { config } from '../helpers/models.js';
import { connectWire, entriesOf, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const tokens = [
  { name: 'app', token: 'app-0123456789abc' },
  { name: 'prometheus', token: 'prometheus-012345', permissions: ['observe'] },
  { name: 'operator', token: 'operator-01234567', permissions: ['operate'] },
] as const;

async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const server = await startServer(t, await createModel(config('gru', [2])), options);
  const ask = async (path: string, token?: string, method = 'GET') => {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(server.httpUrl + path, { method, headers });

    return {
      status: response.status,
      retry: response.headers.get('retry-after'),
      // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
      body: (await response.json()) as any,
    };
  };
  return { server, ask };
}

const row = (n: number): Float32Array => Float32Array.of(n, 0, 1);

test('the list of sessions says where each stands, and needs the permission to observe', async t => {
  const { server, ask } = await setUp(t, { tokens });
  const client = await connectWire(t, server.url, 'eddy.v1.proto', undefined, {
    headers: { authorization: `Bearer ${tokens[0].token}` },
  });
  await openSession(client, 1);
  await openSession(client, 7, { learn: 'private', learning: { k1: 1, k2: 2 } });
  client.send(rowFrames(1, 1, [row(1), row(2)]));
  await entriesOf(client, 2);
  t.is((await ask('/sessions')).status, 401);
  t.is((await ask('/sessions', tokens[0].token)).status, 403);
  const { body } = await ask('/sessions', tokens[1].token);
  const common = { model: 'default', waiting: 0, updates: 0 };
  t.deepEqual(body.connections, [
    {
      connection: 1,
      client: 'app',
      unsentBytes: 0,
      sessions: [
        { session: 1, learn: 'none', frames: 2, steps: 2, ...common },
        { session: 7, learn: 'private', frames: 0, steps: 0, ...common },
      ],
    },
  ]);
  t.deepEqual((await ask('/sessions?after=1', tokens[1].token)).body, {
    connections: [],
    detached: 0,
    hibernated: 0,
  });
  t.is((await ask('/sessions?after=x', tokens[1].token)).status, 400);
  t.is((await ask('/sessions', tokens[2].token)).status, 200, 'who operates observes');
});

test('a list of many goes on where it ended', async t => {
  const { server, ask } = await setUp(t);
  for (let i = 0; i < 103; i++) await connectWire(t, server.url);
  const first = (await ask('/sessions')).body;
  t.is(first.connections.length, 100);
  const second = (await ask(`/sessions?after=${first.next}`)).body;
  t.is(second.connections.length, 3);
  t.is(second.next, undefined);
});

test('an operator drains the server, and nobody else', async t => {
  const { server, ask } = await setUp(t, { tokens });
  const client = await connectWire(t, server.url, 'eddy.v1.proto', undefined, {
    headers: { authorization: `Bearer ${tokens[0].token}` },
  });
  for (const [token, status] of [
    [undefined, 401],
    [tokens[0].token, 403],
    [tokens[1].token, 403],
  ] as const) {
    t.is((await ask('/drain', token, 'POST')).status, status);
  }
  t.is((await ask('/drain', tokens[2].token)).status, 405);
  t.is(client.socket.readyState, client.socket.OPEN);
  const { status, body } = await ask('/drain', tokens[2].token, 'POST');
  t.is(status, 202);
  t.deepEqual(body, { status: 'draining' });
  t.is((await client.closed).code, 1012);
  await server.closed;
});

test('without tokens nobody drains: a page could ask for it', async t => {
  const { ask } = await setUp(t);
  t.is((await ask('/drain', undefined, 'POST')).status, 403);
});

test('with tokens, whoever has none learns that the process lives, and no more', async t => {
  const { ask } = await setUp(t, { tokens });
  for (const token of [undefined, 'nobody-0123456789', tokens[0].token])
    t.deepEqual(await ask('/healthz', token), { status: 200, retry: null, body: { status: 'ok' } });
  const all = { status: 'ok', models: ['default'], connections: 0, sessions: 0, unsentBytes: 0 };
  for (const { token } of tokens.slice(1)) t.deepEqual((await ask('/healthz', token)).body, all);
});

test('a server without models is not ready: nobody could open a session', async t => {
  const { server, ask } = await setUp(t, { retryAfter: 3000 });
  server.replace('default', undefined);
  t.deepEqual(await ask('/readyz'), { status: 503, retry: '3', body: { status: 'no models' } });
  t.is((await ask('/healthz')).status, 200);
  server.replace('default', await createModel(config('gru', [2])));
  t.is((await ask('/readyz')).status, 200);
});

test('ready is who would serve one more; a full server says when to come back', async t => {
  const { server, ask } = await setUp(t, { maxConnections: 1, retryAfter: 3000 });
  t.deepEqual(await ask('/readyz'), { status: 200, retry: null, body: { status: 'ready' } });
  const client = await connectWire(t, server.url);
  t.deepEqual(await ask('/readyz'), { status: 503, retry: '3', body: { status: 'full' } });
  t.is((await ask('/healthz')).status, 200, 'full is healthy');
  client.socket.close();
  await client.closed;
});

test('a server is ready whose sessions wait for their clients: one of them is put to rest for a new one', async t => {
  const { server, ask } = await setUp(t, { maxSessions: 1 });
  const gone = await connectWire(t, server.url);
  await openSession(gone, 1, { resumable: true });
  t.is((await ask('/readyz')).status, 503);
  gone.socket.terminate();
  await gone.closed;
  const health = async () => (await ask('/healthz')).body as { connections: number; sessions: number };
  while ((await health()).connections > 0);
  t.is((await health()).sessions, 1);
  t.is((await ask('/readyz')).status, 200);
  await openSession(await connectWire(t, server.url), 1);
  t.is((await ask('/readyz')).status, 503);
});
