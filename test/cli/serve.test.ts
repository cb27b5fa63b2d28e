import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createEncoder } from '../../src/encoders/encoders.js';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, finished, folder, lineReader, main, start } from '../helpers/cli.js';
import { config } from '../helpers/models.js';
import { repositoryRoot } from '../helpers/repository.js';
import { connectWire, entriesOf, openSession, rowFrames } from '../helpers/wire-client.js';

test('a checkpoint is served under its name, until the signal comes', async t => {
  const at = folder(t);
  const model = await createModel({
    input: { kind: 'features', size: 2 },
    layers: [{ cell: 'gru', size: 3 }],
    output: { kind: 'values', size: 1 },
  });
  writeFileSync(at('sums.eddy'), saveModel(model));
  const child = start(t, 'serve', at('sums.eddy'), '--cell', 'lstm', '--hidden', '4', '--port', '0');
  const line = await lineReader(child)();
  const url = /^eddy: serving sums, default at ws:(\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
  t.truthy(url, line);
  const response = await fetch(`http:${url}/step`, {
    method: 'POST',
    body: JSON.stringify({ model: 'sums', input: [1, 2] }),
  });
  const body = await response.text();
  t.is(response.status, 200, body);
  const expected = model.step(model.zeroCarry(), Float32Array.of(1, 2)).prediction;
  t.deepEqual(Float32Array.from(JSON.parse(body).prediction), expected);
  child.kill('SIGTERM');
  t.is((await finished(child)).status, 0);
});

test('a port in use is told, with the way out', async t => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await new Promise(resolve => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const { status, stderr } = await eddy(t, '', 'serve', '--cell', 'gru', '--port', String(port));
  t.is(status, 1);
  t.regex(stderr, /^eddy: EDDY_SERVE: Expected port \d+ of 127\.0\.0\.1 to be free, got one in use: .*\n$/);
});

test('what is missing is told by the names of the options', async t => {
  const at = folder(t);
  for (const [args, message] of [
    [[at('.')], /^eddy: EDDY_CONFIG: Expected a file that ends in \.eddy or \.safetensors in .*, got none\n$/],
    [
      ['--cell', 'gru', '--host', '0.0.0.0'],
      /^eddy: EDDY_CONFIG: Expected tokens to listen on 0\.0\.0\.0, .* give --tokens, or --anonymous if all may\n$/,
    ],
  ] as const) {
    const { status, stderr } = await eddy(t, '', 'serve', ...args);
    t.is(status, 2);
    t.regex(stderr, message);
  }
});

const readings = {
  input: { kind: 'features', size: 3 },
  layers: [{ cell: 'gru', size: 3 }],
  output: { kind: 'classes', size: 2 },
  labels: ['calm', 'storm'],
  encoder: { kind: 'readings', columns: [{ name: 'wind', nullable: true }, { name: 'pressure' }] },
} as const;

test('a folder is served, and a newer version of a file is taken up', async t => {
  const at = folder(t);
  mkdirSync(at('models'));
  const [first, second] = await Promise.all([1, 2].map(seed => createModel(readings, { seed })));
  writeFileSync(at('models/weather.eddy'), saveModel(first));
  const child = start(t, 'serve', at('models'), '--port', '0', '--watch', '1', '--log', 'info');
  const line = await lineReader(child)();
  const url = /^eddy: serving weather at (ws:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
  t.truthy(url, line);
  const client = await connectWire(t, url!);
  const one = await openSession(client, 1);
  t.deepEqual(one.config?.labels, ['calm', 'storm']);
  // Raw rows come as text, and are encoded here.
  const rows = [Float32Array.of(3, 1013), Float32Array.of(Number.NaN, 1009), Float32Array.of(9, 990)];
  const encoder = createEncoder(readings.encoder as never);
  let state = encoder.initial();
  let carry = first.zeroCarry();
  const expected = rows.map(row => {
    const encoded = encoder.encode(state, row);
    state = encoded.state;
    const step = first.step(carry, encoded.inputs[0] as Float32Array);
    carry = step.carry;
    return step.prediction;
  });
  const chunks = rows.map(row => `${JSON.stringify(Array.from(row, value => (Number.isNaN(value) ? null : value)))}\n`);
  client.send({ type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'text', chunks } });
  const entries = await entriesOf(client, 3);
  t.deepEqual(
    entries.map(entry => entry.answers[0].prediction),
    expected,
  );

  let log = '';
  const put = async (files: Record<string, Uint8Array>, seen: RegExp): Promise<void> => {
    const taken = new Promise<void>(resolve => {
      child.stderr.on('data', data => {
        log += data;
        if (seen.test(log)) resolve();
      });
    });
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(at('models/beside'), bytes);
      renameSync(at('models/beside'), at(`models/${name}.eddy`));
    }
    await taken;
  };
  // One that is written again as it was is no newer version.
  await put({ weather: saveModel(first), zephyr: saveModel(second) }, /"zephyr".*model taken up/);
  t.notRegex(log, /"weather"/);
  await put({ weather: saveModel(second) }, /"weather".*model taken up/);
  const two = await openSession(client, 2, { model: 'weather' });
  t.not(two.modelHash, one.modelHash);
  child.kill('SIGTERM');
  t.is((await finished(child)).status, 0);
});

test('whatever a file is called, it is served under its name, and hides no other', async t => {
  const at = folder(t);
  mkdirSync(at('models'));
  const names = ['7', '__proto__', 'constructor', 'two words', 'ñandú'];
  for (const name of names) writeFileSync(at(`models/${name}.eddy`), saveModel(await createModel(readings)));
  const child = start(t, 'serve', at('models'), '--port', '0');
  const url = /ws:\S+/.exec(await lineReader(child)())![0].replace('ws', 'http');
  t.deepEqual(new Set((await (await fetch(`${url}/healthz`)).json()).models), new Set(names));
});

test('of files that were named one is gone: it is served no more, and the others are looked at', async t => {
  const at = folder(t);
  const [first, second] = await Promise.all([1, 2].map(seed => createModel(readings, { seed })));
  for (const name of ['gone', 'stays']) writeFileSync(at(`${name}.eddy`), saveModel(first));
  const paths = [at('gone.eddy'), at('stays.eddy')];
  const child = start(t, 'serve', ...paths, '--port', '0', '--watch', '1', '--log', 'info');
  const url = /ws:\S+/.exec(await lineReader(child)())![0].replace('ws', 'http');
  const served = async (): Promise<string[]> => (await (await fetch(`${url}/healthz`)).json()).models;
  t.deepEqual(await served(), ['gone', 'stays']);
  const taken = new Promise<void>(resolve => {
    child.stderr.on('data', (data: Buffer) => data.includes('model taken up') && resolve());
  });
  rmSync(at('gone.eddy'));
  writeFileSync(at('beside'), saveModel(second));
  renameSync(at('beside'), at('stays.eddy'));
  await taken;
  while ((await served()).length > 1) await new Promise(resolve => setTimeout(resolve, 50));
  t.deepEqual(await served(), ['stays']);
});

test('a certificate that is renewed on the disk is shown from then on', async t => {
  const at = folder(t);
  const put = (cert: string, key: string) => {
    for (const [from, to] of [
      [cert, 'cert.pem'],
      [key, 'key.pem'],
    ]) {
      copyFileSync(join(repositoryRoot, 'test/golden/tls', from), at('beside'));
      renameSync(at('beside'), at(to));
    }
  };
  put('cert.pem', 'key.pem');
  const tls = ['--tls-cert', at('cert.pem'), '--tls-key', at('key.pem')];
  const args = ['--cell', 'gru', '--hidden', '2', '--port', '0', '--watch', '1', '--log', 'info', ...tls];
  const child = start(t, 'serve', ...args);
  const url = /wss:\S+/.exec(await lineReader(child)())![0];
  const logged = (seen: RegExp) =>
    new Promise<void>(resolve => child.stderr.on('data', text => seen.test(String(text)) && resolve()));
  const old = logged(/newer certificate not taken up/);
  put('newer-cert.pem', 'key.pem');
  await old;
  const taken = logged(/certificate taken up/);
  put('newer-cert.pem', 'newer-key.pem');
  await taken;
  const ca = readFileSync(at('cert.pem'));
  await openSession(await connectWire(t, url, 'eddy.v1.proto', undefined, { ca }));
  child.kill('SIGTERM');
  t.is((await finished(child)).status, 0);
});

test('a list of tokens that is changed on the disk holds from then on', async t => {
  const at = folder(t);
  const put = (text: string) => {
    writeFileSync(at('beside'), text);
    renameSync(at('beside'), at('tokens.json'));
  };
  const [old, other] = [
    { name: 'old', token: 'old-0123456789abcd' },
    { name: 'new', token: 'new-0123456789abcd' },
  ];
  put(JSON.stringify([old]));
  const args = ['--cell', 'gru', '--port', '0', '--watch', '1', '--log', 'info', '--tokens', at('tokens.json')];
  const child = start(t, 'serve', ...args);
  const url = /ws:\S+/.exec(await lineReader(child)())![0];
  const connectAs = ({ token }: { readonly token: string }) =>
    connectWire(t, url, 'eddy.v1.proto', undefined, { headers: { authorization: `Bearer ${token}` } });
  const client = await connectAs(old);
  await openSession(client, 1);
  const refused = new Promise<void>(resolve =>
    child.stderr.on('data', text => /newer tokens not taken up/.test(String(text)) && resolve()),
  );
  put('[]');
  await refused;
  await openSession(client, 2);
  put(JSON.stringify([other]));
  t.is((await client.closed).code, 4401);
  await openSession(await connectAs(other), 1);
  child.kill('SIGTERM');
  t.is((await finished(child)).status, 0);
});

test('what was learned together survives a restart; tokens come from a file', async t => {
  const at = folder(t);
  writeFileSync(at('sums.eddy'), saveModel(await createModel(config('gru', [3]), { seed: 4 })));
  const token = 'teacher-0123456789';
  writeFileSync(
    at('tokens.json'),
    JSON.stringify([{ name: 'teacher', token, permissions: ['predict', 'learn-shared', 'operate'] }]),
  );
  const serveAgain = async () => {
    const child = start(
      t,
      'serve',
      at('sums.eddy'),
      '--port',
      '0',
      '--tokens',
      at('tokens.json'),
      '--learned',
      at('learned'),
    );
    const url = /at (ws:\S+)/.exec(await lineReader(child)())![1];
    const client = await connectWire(t, url, 'eddy.v1.proto', undefined, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { modelHash } = await openSession(client, 1, { learn: 'shared', learning: { k1: 1, k2: 2 } });
    const drain = async () => {
      await fetch(`${url.replace('ws', 'http')}/drain`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      return (await finished(child)).status;
    };
    return { client, modelHash, drain };
  };
  const first = await serveAgain();
  const frame = {
    ...rowFrames(1, 1, [Float32Array.of(1, 2, 3)]),
    targets: { targets: [Float32Array.of(1, 0)] },
  } as never;
  first.client.send(frame);
  await first.client.expect('predictions');
  t.like(await first.client.expect('updated'), { count: 1 });
  t.is(await first.drain(), 0);
  const second = await serveAgain();
  t.not(second.modelHash, first.modelHash, 'the weights have moved');
  second.client.send(frame);
  await second.client.expect('predictions');
  t.like(await second.client.expect('updated'), { count: 2 });
  t.is(await second.drain(), 0);
});

test('a signal that comes before the sessions are taken up ends the server with them saved', async t => {
  const at = folder(t);
  // They are being written by a process that lives: this one.
  const mark = { id: 'another', host: hostname(), pid: process.pid, until: Number.MAX_SAFE_INTEGER };
  writeFileSync(at('sessions.bin.saving'), JSON.stringify(mark));
  const args = ['--cell', 'gru', '--hidden', '2', '--port', '0', '--sessions', at('sessions.bin'), '--log', 'info'];
  const child = start(t, 'serve', ...args);
  const ended = finished(child);
  await new Promise<void>(resolve => {
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('waits until the server before')) child.kill('SIGTERM');
      if (text.includes('answering what has come')) resolve();
    });
    child.once('close', () => resolve());
  });
  rmSync(at('sessions.bin.saving'));
  const { status, stderr } = await ended;
  t.is(status, 0);
  t.regex(stderr, /"sessions saved"/);
});

const unheard: Record<string, () => 'pipe' | number> = {
  'whose log has no room': () => openSync('/dev/full', 'w'),
  'whose log nobody reads any more': () => 'pipe',
};
for (const [what, stderr] of Object.entries(unheard)) {
  const run = what.includes('room') && !existsSync('/dev/full') ? test.skip : test;
  run(`a server ${what} serves on, and saves its sessions at the end`, async t => {
    const at = folder(t);
    writeFileSync(at('sums.eddy'), saveModel(await createModel(config('gru', [3]), { seed: 4 })));
    const args = ['serve', at('sums.eddy'), '--port', '0', '--sessions', at('sessions.bin'), '--log', 'debug'];
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', stderr()] });
    t.teardown(() => child.kill('SIGKILL'));
    child.stderr?.destroy();
    const url = /ws:\S+/.exec(String((await once(child.stdout!, 'data'))[0]))![0];
    for (let i = 0; i < 2; i++) {
      const client = await connectWire(t, url);
      await openSession(client, 1, { resumable: true });
      client.socket.terminate();
      await client.closed;
    }
    child.kill('SIGTERM');
    t.deepEqual(await once(child, 'exit'), [0, null]);
    t.true(existsSync(at('sessions.bin')));
  });
}

test('an address that others reach needs tokens', async t => {
  const { status, stderr } = await eddy(t, '', 'serve', '--cell', 'gru', '--host', '0.0.0.0', '--port', '0');
  t.is(status, 2);
  t.regex(stderr, /^eddy: EDDY_CONFIG: Expected tokens to listen on 0\.0\.0\.0/);
});
