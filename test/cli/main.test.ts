import { writeFileSync } from 'node:fs';
import test from 'ava';
import { eddy, folder } from '../helpers/cli.js';

test('each command says what it does, with examples', async t => {
  const all = await eddy(t, '', '--help');
  t.is(all.status, 0);
  const commands = ['pipe', 'replay', 'serve', 'info', 'generate', 'train', 'eval', 'demo'];
  for (const command of commands) {
    t.regex(all.stdout, new RegExp(`^  ${command} `, 'm'));
    const help = await eddy(t, '', command, '--help');
    t.is(help.status, 0);
    t.true(help.stdout.startsWith(`Usage: eddy ${command}`), help.stdout);
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

test('an error is one line with its code, and no stack', async t => {
  const at = folder(t);
  writeFileSync(at('no'), 'this is no checkpoint');
  for (const [args, message] of [
    [['pipe', at('missing')], /^eddy: ENOENT: .*missing\n$/],
    [['pipe', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['info', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['generate', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['serve', at('no')], /^eddy: EDDY_CHECKPOINT: .*\n$/],
    [['replay', at('missing')], /^eddy: ENOENT: .*missing\n$/],
    [['pipe', '--learn', '--record', at('missing/x')], /^eddy: ENOENT: .*\n$/],
    [['pipe', '--learn', '--save', at('missing/x')], /^eddy: ENOENT: .*missing\n$/],
  ] as const) {
    const { status, stderr } = await eddy(t, 'some text', ...args);
    t.is(status, 1, stderr);
    t.regex(stderr, message);
  }
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
