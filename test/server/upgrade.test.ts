import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { config } from '../helpers/models.js';
import { repositoryRoot } from '../helpers/repository.js';
import { connectWire, openSession, startServer } from '../helpers/wire-client.js';

/** The status and body of a handshake, and the subprotocol that it led to. */
function handshake(url: string, headers: Record<string, string>, path = '/') {
  return new Promise<{ status: number; body: string; protocol: string | undefined }>((resolve, reject) => {
    const asked = request(`${url}${path}`, {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: 101, body: '', protocol: response.headers['sec-websocket-protocol'] });
    });
    asked.on('response', async response => {
      let body = '';
      for await (const part of response) body += part;
      resolve({ status: response.statusCode!, body, protocol: undefined });
    });
    asked.on('error', reject);
    asked.end();
  });
}

const protocol = (names: string) => ({ 'Sec-WebSocket-Protocol': names });

test('of the subprotocols that are offered, ours is taken, the binary one first', async t => {
  const { httpUrl } = await startServer(t, await createModel(config('gru', [2])));
  t.like(await handshake(httpUrl, protocol('eddy.v1.json')), { status: 101, protocol: 'eddy.v1.json' });
  t.like(await handshake(httpUrl, protocol('chat, eddy.v1.json, eddy.v1.proto')), {
    status: 101,
    protocol: 'eddy.v1.proto',
  });
});

test('an unknown subprotocol, or none, is refused with the names that are known', async t => {
  const { httpUrl } = await startServer(t, await createModel(config('gru', [2])));
  for (const headers of [protocol('eddy.v2.proto'), protocol('chat'), {}]) {
    const { status, body } = await handshake(httpUrl, headers);
    t.is(status, 400);
    t.regex(JSON.parse(body).error.message, /eddy\.v1\.proto, eddy\.v1\.json/);
  }
});

test('another path is not the WebSocket', async t => {
  const { httpUrl } = await startServer(t, await createModel(config('gru', [2])), { path: '/stream' });
  t.is((await handshake(httpUrl, protocol('eddy.v1.json'), '/')).status, 404);
  t.is((await handshake(httpUrl, protocol('eddy.v1.json'), '/stream?x=1')).status, 101);
});

test('pages of another host are refused unless they are on the list', async t => {
  const model = await createModel(config('gru', [2]));
  const { httpUrl, port } = await startServer(t, model);
  const status = async (origin: string, url = httpUrl) =>
    (await handshake(url, { ...protocol('eddy.v1.json'), Origin: origin })).status;
  t.is(await status(`http://127.0.0.1:${port}`), 101);
  t.is(await status('http://localhost:5173'), 101);
  t.is(await status('https://example.org'), 403);
  t.is(await status('null'), 403);
  const open = await startServer(t, model, { origins: ['https://example.org'] });
  t.is(await status('https://example.org', open.httpUrl), 101);
  t.is(await status('https://example.com', open.httpUrl), 403);
  t.is(await status('https://example.com', (await startServer(t, model, { origins: '*' })).httpUrl), 101);
});

test('a page whose name was made to point here is refused, though origin and host are alike', async t => {
  const { httpUrl, port } = await startServer(t, await createModel(config('gru', [2])), { allowShared: 'own-pages' });
  const host = `evil.example:${port}`;
  const refused = await handshake(httpUrl, { ...protocol('eddy.v1.json'), Origin: `http://${host}`, Host: host });
  t.is(refused.status, 403);
  t.regex(JSON.parse(refused.body).error.message, /host of this machine, got evil\.example/);
  t.is((await handshake(httpUrl, { ...protocol('eddy.v1.json'), Host: host })).status, 403);
});

test('shared learning may be for the pages of this host and port alone', async t => {
  const model = await createModel(config('gru', [2]), { seed: 1 });
  const { url, port } = await startServer(t, model, { allowShared: 'own-pages', origins: '*' });
  const opening = async (origin: string | undefined) => {
    const client = await connectWire(t, url, 'eddy.v1.proto', origin);
    client.send({ type: 'open', session: 1, learn: 'shared' });
    const message = await client.next();
    return message.type === 'fault' ? message.code : message.type;
  };
  t.is(await opening(`http://127.0.0.1:${port}`), 'opened');
  t.is(await opening('http://127.0.0.1:1'), 'not_permitted');
  t.is(await opening('https://example.org'), 'not_permitted');
  t.is(await opening(undefined), 'not_permitted');
});

test('beyond the connections that there may be, one is told to come back later', async t => {
  const { url } = await startServer(t, await createModel(config('gru', [2])), { maxConnections: 1 });
  const { WebSocket } = await import('ws');
  const first = new WebSocket(url, ['eddy.v1.json']);
  t.teardown(() => first.terminate());
  await new Promise(resolve => first.once('open', resolve));
  const second = new WebSocket(url, ['eddy.v1.json']);
  t.is(await new Promise(resolve => second.once('close', resolve)), 1013);
});

test('closing waits for no peer whose upgrade was refused, though it keeps its half open', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])), { grace: 600_000 });
  const peer = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => peer.destroy());
  peer.resume();
  const ended = new Promise(resolve => peer.once('end', resolve));
  peer.write(`GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  await ended;
  await server.close();
  t.pass();
});

test('closing ends every socket after the grace, also one that was told to come back later', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])), { grace: 0, maxConnections: 1 });
  const first = await connectWire(t, server.url);
  const peer = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => peer.destroy());
  const answered = new Promise(resolve => peer.once('data', resolve));
  const closed = new Promise(resolve => peer.once('close', resolve));
  peer.on('error', () => {});
  peer.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: eddy.v1.json\r\n\r\n',
  );
  await answered;
  await server.close();
  peer.end();
  await closed;
  t.true([1006, 1012].includes((await first.closed).code));
});

test('closing ends a socket of TLS that has not said hello, after the grace', async t => {
  // Before such a socket would be ended in any case.
  t.timeout(8000);
  const pem = (name: string) => readFileSync(join(repositoryRoot, 'test/golden/tls', name), 'utf8');
  const tls = { cert: pem('cert.pem'), key: pem('key.pem') };
  const server = await startServer(t, await createModel(config('gru', [2])), { grace: 1, tls });
  const peer = connect(server.port, '127.0.0.1');
  t.teardown(() => peer.destroy());
  const closed = new Promise(resolve => peer.once('close', resolve));
  peer.on('error', () => {});
  await new Promise(resolve => peer.once('connect', resolve));
  await server.close();
  await closed;
  t.pass();
});

test('sockets are bounded too, some above the connections', async t => {
  const { port } = await startServer(t, await createModel(config('gru', [2])), { maxConnections: 1 });
  const peers = Array.from({ length: 1 + 256 + 8 }, () => connect({ port, host: '127.0.0.1' }));
  t.teardown(() => {
    for (const peer of peers) peer.destroy();
  });
  let dropped = 0;
  await new Promise<void>(resolve => {
    for (const peer of peers) {
      peer.on('error', () => {});
      peer.once('close', () => {
        if (++dropped === 8) resolve();
      });
      peer.resume();
    }
  });
  const last = peers.find(peer => !peer.destroyed)!;
  const answer = new Promise(resolve => last.once('data', data => resolve(String(data).split('\r\n')[0])));
  last.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is(await answer, 'HTTP/1.1 200 OK');
});

test('who is turned away and then sends what is no frame is cut off, and the others are served', async t => {
  const server = await startServer(t, await createModel(config('gru', [2])), { maxConnections: 1 });
  const served = await connectWire(t, server.url);
  const socket = connect({ port: server.port, host: '127.0.0.1' });
  t.teardown(() => socket.destroy());
  const closed = new Promise(resolve => socket.once('close', resolve));
  // Where the close waits for longer than the grace, the server has ended the socket before it gets the frame.
  socket.on('error', () => {});
  const lines = ['GET / HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket'];
  lines.push('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
  socket.write(`${[...lines, 'Sec-WebSocket-Protocol: eddy.v1.proto'].join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  const reserved = 0x83;
  socket.write(Uint8Array.of(reserved, 0x80, 0, 0, 0, 0));
  socket.resume();
  await closed;
  t.is((await openSession(served, 1)).nextSeq, 1);
});
