import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { repositoryRoot } from '../helpers/repository.js';

const bin = join(repositoryRoot, 'bin/eddy.js');

test('the command may be run as a file, and runs what is built', t => {
  if (process.platform !== 'win32') t.true((statSync(bin).mode & 0o111) === 0o111);
  const { status, stdout } = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8' });
  t.is(status, 0);
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('before it is built the command says what builds it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-command-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'bin'));
  copyFileSync(bin, join(folder, 'bin/eddy.mjs'));
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'bin/eddy.mjs')], { encoding: 'utf8' });
  t.is(status, 1);
  t.regex(stderr, /npm start/);
});
