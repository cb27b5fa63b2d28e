import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'ava';
import { eddy, finished, folder, lineReader, start } from '../helpers/cli.js';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`sessions of the pages are saved at ${signal}`, async t => {
    if (process.platform === 'win32') return t.pass();
    const at = folder(t);
    const child = start(t, 'demo', '--port', '0', '--sessions', at('sessions'));
    t.regex(await lineReader(child)(), /^eddy: live at http:/);
    child.kill(signal);
    t.is((await finished(child)).status, 0);
    t.true(existsSync(at('sessions')));
  });
}

test('beside the last port there is another one to take', async t => {
  const other = createServer().listen(65535, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { status, stderr } = await eddy(t, '', 'demo', '--port', '65535');
  t.is(status, 1);
  t.regex(stderr, /port 65535 .* in use.* --port 8080/);
});
