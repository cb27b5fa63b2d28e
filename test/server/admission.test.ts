import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { get as getTls } from 'node:https';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { from, lastValueFrom, toArray } from 'rxjs';
import { WebSocket } from 'ws';
import { remote } from '../../src/client/index.js';
import type { OpenSocket } from '../../src/client/line.js';
import { createRemoteSession } from '../../src/client/remote-session.js';
import { ConfigError, RemoteError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { type ServeOptions, serve, type TokenConfig } from '../../src/server/index.js';
import { silent } from '../../src/server/log.js';
import { config } from '../helpers/models.js';
import { repositoryRoot } from '../helpers/repository.js';
import { connectWire, entriesOf, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

const token = 'predicts-0123456789';
const tokens: readonly TokenConfig[] = [
  { name: 'reader', token, permissions: ['predict'], maxConnections: 2, maxSessions: 3 },
  { name: 'learner', token: 'learns-0123456789', permissions: ['predict', 'learn-private', 'fresh'], maxLearners: 1 },
  { name: 'teacher', token: 'teaches-0123456789', permissions: ['predict', 'learn-shared'] },
  { name: 'watcher', token: 'watches-0123456789', permissions: ['observe'] },
];

async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const server = await startServer(t, await createModel(config('gru', [2])), { tokens, ...options });
  const withHeader = (bearer: string) =>
    connectWire(t, server.url, 'eddy.v1.proto', undefined, { headers: { authorization: `Bearer ${bearer}` } });
  return { server, withHeader };
}

const row = [Float32Array.of(1, 2, 3)];

test('a token in the header or in the first message opens the connection', async t => {
  const { server, withHeader } = await setUp(t);
  const first = await withHeader(token);
  t.is((await openSession(first)).model, 'default');
  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
    const second = await connectWire(t, server.url, subprotocol);
    // All in one go: what follows the token belongs to the connection.
    second.send({ type: 'authenticate', session: 0, token }, { type: 'open', session: 1 }, rowFrames(1, 1, row));
    await second.expect('opened');
    await entriesOf(second, 1);
    second.socket.close();
    await second.closed;
  }
});

test('a client tells its token on each of its connections, and hears at once that it is wrong', async t => {
  const { server } = await setUp(t);
  const predict = (options: object) =>
    lastValueFrom(from([...row, ...row]).pipe(remote(server.url, options), toArray()));
  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const)
    t.is((await predict({ token, subprotocol })).length, 2);
  for (const options of [{ token: 'another-0123456789' }, {}, { token, learn: 'private' }])
    t.like(await t.throwsAsync(predict(options), { instanceOf: RemoteError }), {
      fault: 'not_permitted',
      retryable: false,
    });
  for (const wrong of ['', 5 as never])
    t.throws(() => remote(server.url, { token: wrong }), { instanceOf: ConfigError });

  const sockets: WebSocket[] = [];
  const open: OpenSocket = (url, subprotocol) => {
    sockets.push(new WebSocket(url, [subprotocol]));
    return sockets.at(-1) as never;
  };
  const session = createRemoteSession(open)(server.url, { token });
  const answers = session[Symbol.asyncIterator]();
  for (const number of [1, 2]) {
    await session.send(row[0]);
    t.is((await answers.next()).value?.number, number);
    sockets.at(-1)!.terminate();
  }
  session.close();
  t.is(sockets.length, 2);
});

test('a wrong token in the header is refused at the upgrade, with 401', async t => {
  const { withHeader } = await setUp(t);
  await t.throwsAsync(withHeader('predicts-012345678'), { message: /401/ });
  await t.throwsAsync(withHeader(''), { message: /401/ });
});

test('without a token nothing is served, and the connection closes with 4401', async t => {
  const { server } = await setUp(t, { authenticationTimeout: 200 });
  const unfit = [
    { type: 'open', session: 1 },
    { type: 'authenticate', session: 0, token: 'another-0123456789' },
  ] as const;
  for (const message of unfit) {
    const client = await connectWire(t, server.url);
    client.send(message);
    t.like(await client.expect('fault'), { session: 0, code: 'not_permitted', retryable: false });
    t.is((await client.closed).code, 4401);
  }
  const garbage = await connectWire(t, server.url);
  garbage.socket.send(Buffer.from([0xff, 0xff]));
  t.is((await garbage.closed).code, 4401);
  const silent = await connectWire(t, server.url);
  t.is((await silent.closed).code, 4401);
  // None of them holds a place.
  const headers = { authorization: 'Bearer watches-0123456789' };
  const text = (await (await fetch(`${server.httpUrl}/healthz`, { headers })).json()) as { connections: number };
  t.is(text.connections, 0);
});

test('those that have not told their token are bounded, and drained', async t => {
  const { server } = await setUp(t, { maxUnauthenticated: 1 });
  const waiting = await connectWire(t, server.url);
  const more = await connectWire(t, server.url);
  t.like(await more.expect('fault'), { code: 'limit_reached', retryable: true });
  t.is((await more.closed).code, 1013);
  await server.close();
  t.is((await waiting.closed).code, 1012);
});

test('each session needs what it asks for, and the message names it', async t => {
  const { withHeader } = await setUp(t);
  const asked = async (bearer: string, open: object) => {
    const client = await withHeader(bearer);
    client.send({ type: 'open', session: 1, ...open });
    const message = await client.next();
    client.socket.close();
    await client.closed;
    return message.type === 'fault' ? `${message.code}: ${/permission ([\w-]+)/.exec(message.message)?.[1]}` : 'opened';
  };
  const fresh = { config: config('gru', [2]) };
  t.is(await asked(token, {}), 'opened');
  t.is(await asked(token, { learn: 'private' }), 'not_permitted: learn-private');
  t.is(await asked(token, { learn: 'shared' }), 'not_permitted: learn-shared');
  t.is(await asked(token, { fresh }), 'not_permitted: fresh');
  t.is(await asked('learns-0123456789', { learn: 'private', fresh }), 'opened');
  t.is(await asked('learns-0123456789', { learn: 'shared' }), 'not_permitted: learn-shared');
  t.is(await asked('teaches-0123456789', { learn: 'shared' }), 'opened');
});

test('the bounds of a token hold over all of its connections, and of no other', async t => {
  const { withHeader } = await setUp(t);
  const first = await withHeader(token);
  const second = await withHeader(token);
  const third = await withHeader(token);
  const full = await third.expect('fault');
  t.like(full, { code: 'limit_reached', retryable: true });
  t.true(full.retryAfterMilliseconds! >= 5000 && full.retryAfterMilliseconds! <= 10_000);
  const { code, reason } = await third.closed;
  t.is(code, 1013);
  t.is(reason, `come back in ${full.retryAfterMilliseconds} ms`);
  await openSession(first, 1);
  await openSession(first, 2);
  await openSession(second, 1);
  second.send({ type: 'open', session: 2 });
  t.like(await second.expect('fault'), { code: 'limit_reached', retryAfterMilliseconds: 5000 });
  const other = await withHeader('learns-0123456789');
  await openSession(other, 1, { learn: 'private' });
  other.send({ type: 'open', session: 2, learn: 'private' });
  t.like(await other.expect('fault'), { code: 'limit_reached', retryable: true });
  await openSession(other, 3);
  // A place is free again when its session has ended.
  first.send({ type: 'finish', session: 2 });
  await first.expect('finished');
  await openSession(second, 2);
});

test('POST /step needs a token too', async t => {
  const { server } = await setUp(t);
  const post = (authorization?: string) =>
    fetch(`${server.httpUrl}/step`, {
      method: 'POST',
      body: '{"input":[1,2,3]}',
      headers: authorization === undefined ? {} : { authorization },
    });
  const without = await post();
  t.is(without.status, 401);
  t.is(without.headers.get('www-authenticate'), 'Bearer');
  t.is((await post('Bearer another-0123456789')).status, 401);
  t.is((await post(`Bearer ${token}`)).status, 200);
});

test('an address that others reach needs tokens, unless it is insisted on', async t => {
  const model = await createModel(config('gru', [2]));
  for (const host of ['0.0.0.0', '::', '', '192.0.2.1']) {
    await t.throwsAsync(serve(model, { host }), { instanceOf: ConfigError, message: /tokens to listen on/ });
  }
  await (await serve(model, { host: '0.0.0.0', tokens })).close();
  await (await serve(model, { host: '0.0.0.0', allowAnonymous: true })).close();
});

test('a connection that sends too fast is read from later, and loses nothing', async t => {
  const { server } = await setUp(t, { tokens: undefined, messageRate: 100 });
  // The bucket is full when the connection is made, and fills from then on.
  const began = performance.now();
  const client = await connectWire(t, server.url);
  await openSession(client);
  for (let seq = 1; seq <= 150; seq++) {
    client.send(rowFrames(1, seq, row));
    await entriesOf(client, 1);
  }
  t.true(performance.now() - began >= 400, 'the 51 beyond the first hundred take half a second');
});

test('what came at once, and was more than may, is waited for to its end', async t => {
  const { server } = await setUp(t, { tokens: undefined, messageRate: 1000 });
  const began = performance.now();
  const client = await connectWire(t, server.url);
  await openSession(client);
  client.send(...Array.from({ length: 1500 }, () => ({ type: 'ack', session: 1, seq: 0 }) as const));
  client.send(rowFrames(1, 1, row));
  // All of it has been read: what is sent now comes alone.
  await entriesOf(client, 1);
  client.send(rowFrames(1, 2, row));
  await entriesOf(client, 1);
  t.true(performance.now() - began >= 480, 'the 501 beyond the first thousand take half a second');
});

test('with a certificate the server speaks TLS alone', async t => {
  const pem = (name: string) => readFileSync(join(repositoryRoot, 'test/golden/tls', name), 'utf8');
  const cert = pem('cert.pem');
  const server = await startServer(t, await createModel(config('gru', [2])), { tls: { cert, key: pem('key.pem') } });
  t.regex(server.url, /^wss:/);
  t.regex(server.httpUrl, /^https:/);
  const client = await connectWire(t, server.url, 'eddy.v1.proto', undefined, { ca: cert });
  await openSession(client);
  client.send(rowFrames(1, 1, row));
  await entriesOf(client, 1);
  const status = await new Promise(resolve => {
    getTls(`${server.httpUrl}/healthz`, { ca: cert, agent: false }, response => {
      response.resume();
      resolve(response.statusCode);
    });
  });
  t.is(status, 200);
  await t.throwsAsync(
    new Promise((_, reject) => request(`http://127.0.0.1:${server.port}/healthz`).on('error', reject).end()),
  );
  await t.throwsAsync(serve(await createModel(config('gru', [2])), { tls: { cert: 'none', key: 'none' } }), {
    instanceOf: ConfigError,
    message: /certificate and its key/,
  });
});

test('a key of another kind than that of the certificate is refused', async t => {
  const pem = (name: string) => readFileSync(join(repositoryRoot, 'test/golden/tls', name), 'utf8');
  const [cert, key] = ['cert.pem', 'key.pem'].map(pem);
  const other = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const model = await createModel(config('gru', [2]));
  const wrong = { instanceOf: ConfigError, message: /certificate and its key as PEM, got a key that is not its own$/ };
  await t.throwsAsync(
    serve(model, { tls: { cert, key: other } }).then(server => server.close()),
    wrong,
  );
  const server = await startServer(t, model, { tls: { cert, key } });
  t.throws(() => server.renew({ cert, key: other }), wrong);
  await connectWire(t, server.url, 'eddy.v1.proto', undefined, { ca: cert });
});

test('a certificate that is renewed is shown to those who connect from then on, and cuts nobody off', async t => {
  const pem = (name: string) => readFileSync(join(repositoryRoot, 'test/golden/tls', name), 'utf8');
  const [cert, key, newer, newerKey] = ['cert.pem', 'key.pem', 'newer-cert.pem', 'newer-key.pem'].map(pem);
  const model = await createModel(config('gru', [2]));
  const server = await startServer(t, model, { tls: { cert, key } });
  const connect = (ca: string) => connectWire(t, server.url, 'eddy.v1.proto', undefined, { ca });
  const early = await connect(cert);
  await openSession(early);
  t.throws(() => server.renew({ cert: newer, key }), { instanceOf: ConfigError, message: /certificate and its key/ });
  await connect(cert);
  server.renew({ cert: newer, key: newerKey });
  await openSession(await connect(newer));
  await t.throwsAsync(connect(cert));
  early.send(rowFrames(1, 1, row));
  await entriesOf(early, 1);
  const plain = await startServer(t, model);
  t.throws(() => plain.renew({ cert, key }), { instanceOf: ConfigError });
});

test('a list of tokens that takes the place of another ends the connections of those that it withdraws, and no others', async t => {
  const phones = { name: 'phones', token: 'phones-0123456789', maxConnections: 2 };
  const desk = { name: 'desk', token: 'desk-0123456789abc', permissions: ['predict', 'operate'] as const };
  const lab = { name: 'lab', token: 'lab-0123456789abcd' };
  const told: object[] = [];
  const info = (record: object, message: string): void => void (message === 'tokens taken up' && told.push(record));
  const server = await startServer(t, await createModel(config('gru', [3])), {
    tokens: [phones, desk, lab],
    log: { ...silent, info },
  });
  const connectAs = ({ token }: { readonly token: string }) =>
    connectWire(t, server.url, 'eddy.v1.proto', undefined, { headers: { authorization: `Bearer ${token}` } });
  const [phone, operator, other] = [await connectAs(phones), await connectAs(desk), await connectAs(lab)];
  for (const client of [phone, operator, other]) await openSession(client, 1);
  t.throws(() => server.permit([]), { code: 'EDDY_CONFIG' });
  t.deepEqual(told, []);
  const renewed = { ...lab, token: 'lab-9876543210abcd' };
  other.send(rowFrames(1, 1, [new Float32Array(3)]));
  server.permit([
    { ...phones, permissions: ['predict', 'learn-private', 'fresh'] },
    { ...desk, permissions: ['predict'] },
    renewed,
  ]);
  t.deepEqual(told, [{ withdrawn: ['desk', 'lab'] }]);
  for (const client of [operator, other]) t.is((await client.closed).code, 4401);
  phone.send(rowFrames(1, 1, [new Float32Array(3)]));
  t.is((await phone.expect('predictions')).firstSeq, 1);
  await t.throwsAsync(connectAs(lab), { message: /401/ });
  await openSession(await connectAs(renewed), 1);
  await openSession(await connectAs(desk), 1);
  // Its first connection counts.
  await openSession(await connectAs(phones), 1);
  t.is((await (await connectAs(phones)).closed).code, 1013);
  server.permit([desk]);
  t.is((await phone.closed).code, 4401);
});

test('a new bound on messages a second holds for connections that are open, too', async t => {
  const phones = { name: 'phones', token: 'phones-0123456789', permissions: ['predict', 'observe'] as const };
  const { server, withHeader } = await setUp(t, { tokens: [phones] });
  const client = await withHeader(phones.token);
  await openSession(client);
  server.permit([{ ...phones, messageRate: 1 }]);
  client.send(rowFrames(1, 1, row));
  await entriesOf(client, 1);
  const headers = { authorization: `Bearer ${phones.token}` };
  const metrics = await (await fetch(`${server.httpUrl}/metrics`, { headers })).text();
  t.regex(metrics, /^eddy_pauses_total\{reason="rate"\} 1$/m);
  // Much more than may be: the rest would be read in a quarter of a minute.
  client.send(...Array.from({ length: 60 }, () => ({ type: 'ack', session: 1, seq: 0 }) as const));
  client.send(rowFrames(1, 2, row));
  // By then it knows how long.
  await new Promise(resolve => setTimeout(resolve, 2500));
  const began = performance.now();
  server.permit([{ ...phones, messageRate: 1000 }]);
  await entriesOf(client, 1);
  t.true(performance.now() - began < 5000);
});

test('a server without tokens does not begin to ask for them', async t => {
  const server = await startServer(t, await createModel(config('gru', [3])));
  t.throws(() => server.permit([{ name: 'phones', token: 'phones-0123456789' }]), { code: 'EDDY_CONFIG' });
  await openSession(await connectWire(t, server.url), 1);
});
