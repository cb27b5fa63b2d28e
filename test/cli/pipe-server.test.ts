import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createRandom } from '../../src/random.js';
import { eddy, finished, start } from '../helpers/cli.js';

const random = createRandom(4);
const rows = Array.from({ length: 400 }, () => `${random.uniform().toFixed(4)} ${random.uniform().toFixed(4)}`);

/** A server as a process of its own, once it listens. */
async function serving(t: ExecutionContext, port: string, sessions: string) {
  const args = ['--cell', 'gru', '--hidden', '8', '--features', '2', '--seed', '3', '--sessions', sessions];
  const child = start(t, 'serve', '--port', port, ...args);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: /ws:\/\/[\d.:]+/.exec(String(line))![0] };
}

for (const learn of [[], ['--learn']]) {
  test(`a server that ends in the middle of a pipe and comes back leaves the output whole ${learn.join()}`, async t => {
    const sessions = join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');
    const first = await serving(t, '0', sessions);
    const whole = await eddy(t, rows.join('\n'), 'pipe', '--server', first.url, '--want', 'prediction', ...learn);
    t.is(whole.lines.length, rows.length, whole.stderr);

    const pipe = start(t, 'pipe', '--server', first.url, '--want', 'prediction', ...learn);
    const end = finished(pipe);
    pipe.stdin.write(`${rows.slice(0, 150).join('\n')}\n`);
    await once(pipe.stdout, 'data');
    first.child.kill('SIGTERM');
    const gone = once(first.child, 'exit');
    pipe.stdin.write(`${rows.slice(150, 300).join('\n')}\n`);
    await gone;
    await serving(t, new URL(first.url.replace('ws', 'http')).port, sessions);
    pipe.stdin.end(rows.slice(300).join('\n'));
    const { stdout, stderr, status } = await end;
    t.is(status, 0, stderr);
    t.is(stdout, whole.stdout, stderr);
    t.regex(stderr, /gone.*\n.*back/s);
  });
}

test('a line that is no numbers, and a server that is not there, are told', async t => {
  const sessions = join(mkdtempSync(join(tmpdir(), 'eddy-')), 'sessions');
  const { url, child } = await serving(t, '0', sessions);
  const bad = await eddy(t, '1 2\n1 x\n', 'pipe', '--server', url);
  t.not(bad.status, 0);
  t.regex(bad.stderr, /line 2 .*"x"/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const none = await eddy(t, '1 2\n', 'pipe', '--server', url);
  t.not(none.status, 0);
  t.regex(none.stderr, /ECONNREFUSED/);
});
