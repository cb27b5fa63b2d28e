import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { repositoryRoot } from '../helpers/repository.js';

const script = join(repositoryRoot, 'scripts/build-wire.js');

test('the generated module is made once, and not again while its sources are the same', t => {
  execFileSync(process.execPath, [script]);
  t.is(execFileSync(process.execPath, [script], { encoding: 'utf8' }), 'wire: up to date\n');
});

test('the generated module is put beside the compiled files', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-copy-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { copyWire } = await import(pathToFileURL(script).href);
  copyWire(folder);
  for (const name of ['eddy.generated.js', 'eddy.generated.d.ts']) {
    const source = readFileSync(join(repositoryRoot, 'src/wire', name), 'utf8');
    t.is(readFileSync(join(folder, 'src/wire', name), 'utf8'), source);
  }
});
