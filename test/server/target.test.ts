import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { createModel } from '../../src/model/model.js';
import type { ServeOptions } from '../../src/server/index.js';
import { config } from '../helpers/models.js';
import { repositoryRoot } from '../helpers/repository.js';
import { startServer } from '../helpers/wire-client.js';

const pem = (name: string) => readFileSync(join(repositoryRoot, 'test/golden/tls', name), 'utf8');

/** A server, and a way to send it bytes as they are: what it says until it ends the connection, or the test does. */
async function setUp(t: ExecutionContext, options: ServeOptions = {}) {
  const { port } = await startServer(t, await createModel(config('gru', [2])), options);
  const dial = (): Socket =>
    options.tls ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }) : connect(port, '127.0.0.1');
  return (...parts: readonly string[]) =>
    new Promise<{ status: number; head: string; body: string }>((resolve, reject) => {
      const socket = dial();
      t.teardown(() => socket.destroy());
      let said = '';
      socket.on('error', reject);
      socket.on('data', data => {
        said += data;
      });
      socket.on('end', () => {
        const [head, body = ''] = said.split('\r\n\r\n');
        resolve({ status: Number(head.split(' ')[1]), head, body });
      });
      const write = (i: number): void => {
        if (i < parts.length) socket.write(parts[i], () => setImmediate(write, i + 1));
      };
      write(0);
    });
}

const wish =
  'Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
const step = '{"input":[1,2,3]}';

test('a wish for a protocol that is not spoken here is passed over', async t => {
  const ask = await setUp(t);
  t.like(await ask(`GET /healthz HTTP/1.1\r\n${wish}\r\n`), { status: 200 });
  const other = await ask(`GET /nothing HTTP/1.1\r\n${wish}\r\n`);
  t.is(other.status, 404);
  t.is(JSON.parse(other.body).error.code, 'not_found');
  t.is((await ask(`GET /healthz HTTP/1.1\r\n${wish.replace('localhost', 'evil.example')}\r\n`)).status, 403);
});

test('so is its body read, whole, in parts or in chunks', async t => {
  const ask = await setUp(t);
  const sized = `POST /step HTTP/1.1\r\n${wish}Content-Length: ${step.length}\r\n\r\n`;
  const chunked = `POST /step HTTP/1.1\r\n${wish}Transfer-Encoding: chunked\r\n\r\n`;
  for (const parts of [
    [sized + step],
    [sized.slice(0, 40), sized.slice(40), step.slice(0, 5), step.slice(5)],
    [`${chunked}5\r\n${step.slice(0, 5)}\r\n`, `c\r\n${step.slice(5)}\r\n0\r\n\r\n`],
  ]) {
    const { status, body } = await ask(...parts);
    t.is(status, 200, parts[0]);
    t.is(JSON.parse(body).prediction.length, 2);
  }
});

test('over TLS as well', async t => {
  const ask = await setUp(t, { tls: { cert: pem('cert.pem'), key: pem('key.pem') } });
  t.is((await ask(`GET /healthz HTTP/1.1\r\n${wish}\r\n`)).status, 200);
});

test('what WebSockets are refused for is told as before', async t => {
  const ask = await setUp(t);
  const { status, body } = await ask(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n',
  );
  t.is(status, 400);
  t.is(JSON.parse(body).error.code, 'upgrade_refused');
});

test('the whole address may be named, and its host is the one that counts', async t => {
  const ask = await setUp(t);
  const get = (target: string, host: string, more = 'Connection: close\r\n') =>
    ask(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
  t.is((await get('http://localhost/healthz', 'localhost')).status, 200);
  t.is((await get('HTTP://127.0.0.1:80/sessions?limit=1', 'localhost')).status, 200);
  t.is((await get('http://localhost/healthz', 'evil.example')).status, 200);
  t.is((await get('http://evil.example/healthz', 'localhost')).status, 403);
  t.is((await get('http://localhost@evil.example/healthz', 'localhost')).status, 403);
  t.is((await get('http://localhost', 'localhost')).status, 404);
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: eddy.v1.json\r\nSec-WebSocket-Version: 12\r\n';
  t.is((await get('http://localhost/', 'localhost', upgrade)).status, 400);
  t.is((await get('http://evil.example/', 'localhost', upgrade)).status, 403);
});
