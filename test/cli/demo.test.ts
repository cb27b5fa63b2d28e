import { existsSync } from 'node:fs';
import test from 'ava';
import { finished, folder, lineReader, start } from '../helpers/cli.js';

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
