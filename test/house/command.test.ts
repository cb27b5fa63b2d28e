import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { main } from '../helpers/cli.js';
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

test('a command that needs no socket loads none', t => {
  const packages = (command: string): string[] =>
    [...reach(fileOf(command))].filter(name => !name.startsWith('./') && !name.startsWith('node:')).sort();
  for (const command of ['pipe', 'info', 'replay', 'generate', 'train', 'eval'])
    t.deepEqual(packages(command), [], command);
  t.deepEqual(packages('pipe-server'), ['protobufjs/minimal.js', 'ws']);
});

test('a command is read from few files', t => {
  const read = (command: string): string[] => [...reach(fileOf(command))].filter(name => name.startsWith('./'));
  for (const command of ['pipe', 'info', 'replay', 'generate', 'train', 'eval'])
    t.true(read(command).length <= 8, command);
});

function fileOf(command: string): string {
  const files = readdirSync(dirname(main));
  return String(files.find(name => name.startsWith(command) && /^-[\w-]{8}\.js$/.test(name.slice(command.length))));
}

/** What a file of the command imports before it runs, and what that imports. */
function reach(file: string, found = new Set<string>()): Set<string> {
  const text = readFileSync(join(dirname(main), file), 'utf8');
  for (const [, name] of text.matchAll(/^import (?:.* from )?"([^"]+)";$/gm)) {
    if (found.has(name)) continue;
    found.add(name);
    if (name.startsWith('./')) reach(name, found);
  }
  return found;
}
