import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import test from 'ava';
import { folder } from '../helpers/cli.js';

const run = process.platform === 'linux' ? test : test.skip;
run('records that a log has no room for are counted, and told when it has room again', async t => {
  const at = folder(t);
  const file = openSync(at('log'), 'w');
  t.teardown(() => closeSync(file));
  // The system lets a write fail beyond a size, as on a full disk; then that bound goes.
  const code = `
    import { execFileSync } from 'node:child_process';
    import { createLog } from ${JSON.stringify(new URL('../../src/cli/log.js', import.meta.url).href)};
    process.stderr.on('error', () => {});
    process.on('SIGXFSZ', () => {});
    const log = await createLog('info');
    const say = async i => {
      log.info({ i }, 'said');
      await new Promise(resolve => setImmediate(resolve));
    };
    for (let i = 0; i < 50; i++) await say(i);
    execFileSync('prlimit', ['--pid', process.pid, '--fsize=unlimited']);
    for (let i = 50; i < 53; i++) await say(i);
  `;
  const command = 'ulimit -S -f 4; exec "$0" --input-type=module -e "$1"';
  const child = spawn('bash', ['-c', command, process.execPath, code], { stdio: ['ignore', 'ignore', file] });
  t.deepEqual(await once(child, 'exit'), [0, null]);
  const lines = readFileSync(at('log'), 'utf8').trimEnd().split('\n');
  const [before, told, ...after] = lines.slice(-4).map(line => JSON.parse(line));
  t.deepEqual(
    [before, ...after].map(({ i }) => i),
    [50, 51, 52],
  );
  // All that came after the one that was written in part.
  const part = lines.findIndex(line => !line.endsWith('}'));
  t.true(part > 0);
  t.is(told.records, 50 - (part + 1));
});
