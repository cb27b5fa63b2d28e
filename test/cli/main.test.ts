import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, environment, finished, folder, main, start } from '../helpers/cli.js';
import { config } from '../helpers/models.js';

test('each command says what it does, with examples', async t => {
  const all = await eddy(t, '', '--help');
  t.is(all.status, 0);
  const commands = ['pipe', 'replay', 'serve', 'info', 'generate', 'train', 'eval', 'demo'];
  for (const command of commands) {
    t.regex(all.stdout, new RegExp(`^  ${command} `, 'm'));
    const help = await eddy(t, '', command, '--help');
    t.is(help.status, 0);
    t.true(help.stdout.startsWith(`Usage: eddy ${command}`), help.stdout);
    for (const line of `${all.stdout}${help.stdout}`.split('\n')) t.true(line.length <= 80, line);
    if (command !== 'demo') t.regex(help.stdout, new RegExp(`^  \\$ .*eddy ${command}`, 'm'));
  }
});

test('what is misspelt is a usage error with a suggestion', async t => {
  for (const [args, message] of [
    [['pip'], /unknown command 'pip'\n\(Did you mean pipe\?\)/],
    [['pipe', '--lern'], /unknown option '--lern'\n\(Did you mean --learn\?\)/],
    [['pipe', '--cell', 'gnu'], /Allowed choices are rnn_tanh, rnn_relu, gru, lstm/],
    [['pipe', '--hidden', '0'], /Expected an integer from 1 to 65536/],
    [['pipe', '--rate', 'fast'], /Expected a number above 0/],
    [['pipe', '--save', 'x'], /EDDY_CONFIG: Expected --learn with --save/],
    [['pipe', '--learn', '--k1', '8', '--k2', '4'], /Expected --k2 to be at least --k1 \(8\), got 4/],
    [['pipe', '--format', 'f32'], /Expected --features/],
    [['serve'], /Expected a checkpoint to serve, or --cell/],
    [['replay'], /missing required argument 'file'/],
  ] as const) {
    const { status, stderr, stdout } = await eddy(t, '', ...args);
    t.is(status, 2, stderr);
    t.regex(stderr, message);
    t.true(stderr.startsWith('eddy: '), stderr);
    t.is(stdout, '');
  }
});

test('a command that is not there has no help', async t => {
  for (const args of [['pip', '--help'], ['pip', '-h'], ['--help', 'pip'], ['help', 'pip'], ['pip']]) {
    const { status, stdout, stderr } = await eddy(t, '', ...args);
    t.is(stderr, "eddy: unknown command 'pip'\n(Did you mean pipe?)\n(--help says what there is)\n", args.join(' '));
    t.is(status, 2);
    t.is(stdout, '');
  }
  const { status, stdout } = await eddy(t, '', 'help', 'pipe');
  t.is(status, 0);
  t.true(stdout.startsWith('Usage: eddy pipe'));
});

test('an error is one line with its code, and no stack', async t => {
  const at = folder(t);
  writeFileSync(at('no'), 'this is no checkpoint');
  for (const [args, message] of [
    [['pipe', at('missing')], /^eddy: ENOENT: .*missing\n$/],
    [['pipe', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['info', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['generate', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['serve', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['serve', '--cell', 'gru', '--port', '0', '--learned', at('no/learned')], /^eddy: E[A-Z]+: .*no.*\n$/],
    [['replay', at('missing')], /^eddy: ENOENT: .*missing\n$/],
    [['pipe', '--learn', '--record', at('missing/x')], /^eddy: ENOENT: .*\n$/],
    [['pipe', '--learn', '--save', at('missing/x')], /^eddy: ENOENT: .*missing\n$/],
    [['train', at('no'), '--out', at('missing/x')], /^eddy: ENOENT: .*missing\n$/],
    [['train', at('no'), '--out', at('x'), '--plot', at('missing/x.svg')], /^eddy: ENOENT: .*missing\n$/],
  ] as const) {
    const { status, stderr, stdout } = await eddy(t, 'some text', ...args);
    t.is(status, 1, stderr);
    t.regex(stderr, message);
    t.is(stdout, '');
  }
});

test('what is no safetensors file is told so, by its name', async t => {
  const at = folder(t);
  const whole = saveModel(await createModel(config('gru', [4])));
  writeFileSync(at('text'), '{ "a": 1 }');
  writeFileSync(at('nothing'), '');
  writeFileSync(at('other'), Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0xff, 0xfe, 0x7b, 0));
  writeFileSync(at('cut'), whole.subarray(0, 200));
  for (const [name, got, ...args] of [
    ['text', 'text', 'info', at('text')],
    ['text', 'text', 'pipe', at('text')],
    ['text', 'text', 'generate', at('text')],
    ['text', 'text', 'serve', at('text')],
    ['text', 'text', 'eval', at('text'), at('cut')],
    ['nothing', 'an empty file', 'info', at('nothing')],
    ['other', 'another kind of file', 'info', at('other')],
  ]) {
    const { status, stderr } = await eddy(t, 'some text', ...args);
    t.is(status, 1);
    const begin = `eddy: EDDY_CHECKPOINT: Expected ${at(name)} to be a safetensors file, got ${got}: `;
    t.is(stderr.slice(0, begin.length), begin);
  }
  const data = await eddy(t, '', 'pipe', at('text'));
  t.true(
    data.stderr.endsWith(
      `, got text: what is to be read comes in on standard input, as in eddy pipe < ${at('text')}\n`,
    ),
  );
  const cut = await eddy(t, '', 'info', at('cut'));
  t.true(
    cut.stderr.startsWith(`eddy: EDDY_CHECKPOINT: ${at('cut')}: Expected the safetensors header length`),
    cut.stderr,
  );
});

test('a folder where a file is expected is told by its name, with what was expected', async t => {
  const at = folder(t);
  mkdirSync(at('full'));
  writeFileSync(at('full/x.csv'), 'a,b\n1,2\n');
  for (const [args, wanted] of [
    [['info', at('full')], 'a checkpoint'],
    [['pipe', at('full')], 'a checkpoint'],
    [['generate', at('full')], 'a checkpoint'],
    [['eval', at('full'), at('full/x.csv')], 'a checkpoint'],
    [['replay', at('full')], 'a record of eddy pipe'],
    [['serve', '--cell', 'gru', '--tokens', at('full')], 'a list of tokens'],
  ] as const) {
    const { status, stderr } = await eddy(t, 'some text', ...args);
    t.is(stderr, `eddy: EDDY_CONFIG: Expected ${at('full')} to be ${wanted}, got a folder\n`);
    t.is(status, 2);
  }
  const train = await eddy(t, '', 'train', at('full'), '--out', at('m'));
  t.is(train.stderr, `eddy: EDDY_CONFIG: Expected the folder ${at('full')} to have WAV files in it, got none\n`);
});

const takesFolders = process.platform !== 'win32';
(takesFolders ? test : test.skip)('a folder as standard input is a mistake, and not an empty input', t => {
  const input = openSync(folder(t)('.'), 'r');
  t.teardown(() => closeSync(input));
  for (const args of [
    ['pipe'],
    ['pipe', '--learn', '--overflow', 'latest'],
    ['pipe', '--server', 'ws://127.0.0.1:9'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
      stdio: [input, 'pipe', 'pipe'],
      env: environment,
      encoding: 'utf8',
    });
    t.is(stderr, 'eddy: EDDY_CONFIG: Expected standard input to be a file, a pipe or a terminal, got a folder\n');
    t.is(status, 2);
  }
});

test('a reader that has gone is no failure', async t => {
  const at = folder(t);
  writeFileSync(at('net.eddy'), saveModel(await createModel(config('gru', [4]))));
  for (const args of [['info', at('net.eddy')], ['--help'], ['pipe', '--help']]) {
    const child = start(t, ...args);
    child.stdout.destroy();
    const { status, stderr } = await finished(child);
    t.is(stderr, '');
    t.is(status, 0);
  }
});

const full = '/dev/full';
(existsSync(full) ? test : test.skip)('an output that takes nothing is told in one line', async t => {
  const at = folder(t);
  writeFileSync(at('net.eddy'), saveModel(await createModel(config('gru', [4]))));
  const output = openSync(full, 'w');
  t.teardown(() => closeSync(output));
  for (const args of [
    ['info', at('net.eddy')],
    ['pipe', '--learn', '--format', 'text'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
      input: 'some text',
      stdio: ['pipe', output, 'pipe'],
      env: environment,
      encoding: 'utf8',
    });
    t.is(stderr, 'eddy: ENOSPC: the disk is full\n');
    t.is(status, 1);
  }
  // Of several files it is said which.
  const record = await eddy(t, 'some text', 'pipe', '--learn', '--format', 'text', '--record', full);
  t.is(record.stderr, `eddy: ENOSPC: the disk is full: ${full}\n`);
  t.is(record.status, 1);
});

test('columns of text are a mistake', async t => {
  const { status, stderr } = await eddy(t, 'some text', 'pipe', '--learn', '--key', 'id');
  t.is(status, 2);
  t.regex(stderr, /Expected rows with --key, got text/);
});

test('columns that are not there are told with those that are', async t => {
  const { status, stderr } = await eddy(t, 'a,b\n1,2\n', 'pipe', '--learn', '--target', 'c');
  t.is(status, 2);
  t.regex(stderr, /Expected --target to name a column \(a, b\), got "c"/);
});
