import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'ava';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, finished, folder, lineReader, start } from '../helpers/cli.js';

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
