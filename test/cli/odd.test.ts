import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { describeFailure } from '../../src/cli/failure.js';
import { createStrokes } from '../../src/encoders/strokes.js';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, folder } from '../helpers/cli.js';
import { config } from '../helpers/models.js';

test('what would be written over is told before anything is read', async t => {
  const at = folder(t);
  const lines = '{"inputs":[[1],[2]],"target":1}\n';
  writeFileSync(at('a.ndjson'), lines);
  const net = saveModel(await createModel(config('gru', [4])));
  writeFileSync(at('net'), net);
  for (const [message, ...args] of [
    ['Expected --save to be the name of a file, got an empty one', 'pipe', '--learn', '--save', ''],
    ['Expected --record to be the name of a file, got an empty one', 'pipe', '--learn', '--record', ''],
    [
      `Expected --record and --save to be two files, got ${at('x')} twice`,
      'pipe',
      '--learn',
      '--save',
      at('x'),
      '--record',
      at('x'),
    ],
    [
      `Expected --record and what is read to be two files, got ${at('net')} twice`,
      'pipe',
      at('net'),
      '--record',
      at('net'),
    ],
    [
      `Expected --out and what is read to be two files, got ${at('a.ndjson')} twice`,
      'train',
      at('a.ndjson'),
      '--out',
      at('a.ndjson'),
    ],
    [
      `Expected --plot and --out to be two files, got ${at('m')} twice`,
      'train',
      at('a.ndjson'),
      '--out',
      at('m'),
      '--plot',
      at('m'),
    ],
    [
      'Expected --plot to end in .svg or .html, got loss.png',
      'train',
      at('a.ndjson'),
      '--out',
      at('x'),
      '--plot',
      'loss.png',
    ],
  ]) {
    const { status, stderr, stdout } = await eddy(t, 'some text', ...args);
    t.is(stderr, `eddy: EDDY_CONFIG: ${message}\n`);
    t.is(status, 2);
    t.is(stdout, '');
  }
  t.is(readFileSync(at('a.ndjson'), 'utf8'), lines);
  t.deepEqual(new Uint8Array(readFileSync(at('net'))), net);
  t.false(existsSync(at('x')));
});

test('an option that would change nothing is refused', async t => {
  const at = folder(t);
  await eddy(t, 'some text', 'pipe', '--learn', '--hidden', '2', '--save', at('text'));
  for (const [input, message, ...args] of [
    ['a,b\n1,2\n', /Expected each name once, got a twice/, 'pipe', '--columns', 'a,a'],
    [
      'a,b\n1,2\n',
      /Expected --ignore to name other columns than --columns, .*, got "a"/,
      'pipe',
      '--columns',
      'a',
      '--ignore',
      'a',
    ],
    ['a,b\n1,2\n', /Expected --format f32 with --features/, 'pipe', '--features', '2'],
    ['a', /Expected --learn with --k1/, 'pipe', '--k1', '2'],
    ['a', /Expected --overflow drop-oldest with --queue/, 'pipe', '--queue', '2'],
    ['a', /Expected --want top-k with --top-k, got none/, 'pipe', '--want', 'none', '--top-k', '2'],
    ['a', /Expected --format csv with --delimiter/, 'pipe', '--format', 'text', '--delimiter', ';'],
    ['a', /Expected --delimiter to be one character, and no quote or line end, got "\\""/, 'pipe', '--delimiter', '"'],
    ['', /Expected --cell with --hidden/, 'serve', at('text'), '--hidden', '5', '--port', '0'],
    ['', /Expected --learned with --keep-every/, 'serve', at('text'), '--keep-every', '5', '--port', '0'],
    ['', /Expected a network of ink with --bias, got one of another kind/, 'generate', at('text'), '--bias', '1'],
    ['', /Expected a network of ink with --svg/, 'generate', at('text'), '--svg'],
  ] as const) {
    const { status, stderr } = await eddy(t, input, ...args);
    t.regex(stderr, message);
    t.is(status, 2);
  }
});

test('what a network of ink has no use for is refused, and letters that it does not know are told', async t => {
  const at = folder(t);
  const encoder = createStrokes({ kind: 'strokes', by: 'time', spacing: 20, unit: 10, letters: 'ab' });
  const layers = [{ cell: 'gru', size: 4 }] as const;
  const output = { kind: 'mixture', size: 2 } as const;
  const model = await createModel({ input: encoder.input, layers, output, encoder: { ...encoder.config } });
  writeFileSync(at('ink'), saveModel(model));
  const long = await eddy(t, '', 'generate', at('ink'), '--svg', '--length', '5');
  t.regex(long.stderr, /Expected a network of text with --length, got one of ink/);
  const strange = await eddy(t, '', 'generate', at('ink'), '--svg', '--text', 'a üb');
  t.is(strange.stderr, 'eddy: the network does not know "ü" of --text\n');
  t.is(strange.status, 0);
  writeFileSync(at('a.txt'), 'some text');
  const judged = await eddy(t, '', 'eval', at('ink'), at('a.txt'));
  t.regex(judged.stderr, /Expected \S+ink to be a network that eddy train makes, got one of strokes/);
});

test('a network that no memory holds is told in one line', async t => {
  const { status, stderr } = await eddy(t, 'some text', 'pipe', '--learn', '--hidden', '65536', '--layers', '64');
  t.regex(stderr, /^eddy: EDDY_CONFIG: Expected at most 2\^30 weights \(4 GiB\), got more with .*\n$/);
  t.is(status, 2);
  // One that has so few may still find no room.
  const told = describeFailure(new RangeError('Array buffer allocation failed'));
  t.regex(told, /^eddy: there is no room in memory .*: take fewer --hidden or --layers\n$/);
});

test('a file of another kind than the network takes is told as such', async t => {
  const at = folder(t);
  writeFileSync(at('a.txt'), 'some text');
  writeFileSync(at('a.ndjson'), '{"inputs":[[1],[2]],"target":1}\n');
  await eddy(t, '', 'train', at('a.txt'), '--out', at('m'), '--hidden', '2', '--epochs', '1');
  const { status, stderr } = await eddy(t, '', 'eval', at('m'), at('a.ndjson'));
  t.is(stderr, `eddy: EDDY_CONFIG: Expected ${at('a.ndjson')} to be text or tokens, as ${at('m')} takes, got rows\n`);
  t.is(status, 2);
});

test('what cannot be read is told as it is', async t => {
  const { stderr } = await eddy(t, '{"a":"x"}\n{"a":1e400}\n', 'pipe', '--learn', '--format', 'ndjson');
  t.regex(stderr, /nothing came in that can be read\n$/);
  const more = await eddy(t, '{"a":1}\n{"a":1e400}\n', 'pipe', '--learn', '--format', 'ndjson', '--hidden', '2');
  t.regex(more.stderr, /expected a to be a number, got Infinity: skipped/);
});

test('a folder or a file in the place of the other is told where a server keeps things', async t => {
  const at = folder(t);
  writeFileSync(at('file'), '');
  for (const [message, ...args] of [
    [`Expected --sessions to be a file, got the folder ${at('.')}`, '--sessions', at('.')],
    [`Expected --learned to be a folder, got the file ${at('file')}`, '--learned', at('file')],
  ]) {
    const { status, stderr } = await eddy(t, '', 'serve', '--cell', 'gru', '--port', '0', ...args);
    t.is(stderr, `eddy: EDDY_CONFIG: ${message}\n`);
    t.is(status, 2);
  }
});
