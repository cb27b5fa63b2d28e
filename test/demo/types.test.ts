import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { repositoryRoot } from '../helpers/repository.js';

const compiler = join(repositoryRoot, 'node_modules/typescript');
const { bin } = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8')) as { bin: { tsc: string } };

test('the pages keep to their types', t => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(compiler, bin.tsc), '-p', join(repositoryRoot, 'demo')],
    { encoding: 'utf8' },
  );
  t.is(stdout, '');
  t.is(status, 0);
});
