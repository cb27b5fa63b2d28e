import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createReadings, type ReadingsConfig } from '../../src/encoders/readings.js';
import { loadModel, saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { argmax } from '../../src/model/sample.js';
import { eddy, folder, lineReader, start, verses } from '../helpers/cli.js';
import { engines, jsonLines, slopes } from '../helpers/sequences.js';

/** The table of `eddy eval`. */
async function judge(t: ExecutionContext, model: string, file: string) {
  const { status, stderr, lines } = await eddy(t, '', 'eval', '--json', model, file);
  t.is(status, 0, stderr);
  return lines[0];
}

async function train(t: ExecutionContext, ...args: string[]) {
  const done = await eddy(t, '', 'train', ...args);
  t.is(done.status, 0, done.stderr);
  return done.stdout;
}

test('labels of whole sequences are learned, and judged by a file held out', async t => {
  const at = folder(t);
  writeFileSync(at('a.ndjson'), jsonLines(slopes(80, 1)));
  const unseen = slopes(60, 2);
  writeFileSync(at('b.ndjson'), jsonLines(unseen));
  const args = [at('a.ndjson'), '--hidden', '12', '--epochs', '12', '--plot', at('loss.svg')];
  const said = await train(t, ...args, '--out', at('m.safetensors'));
  t.regex(said, /^72 sequences to learn from, 8 to judge by; 2 features, 2 classes\nepoch {3}1 /);
  t.regex(said, /m\.safetensors: epoch \d+ of 12\.\n$/);
  const table = await judge(t, at('m.safetensors'), at('b.ndjson'));
  t.is(table.sequences, 60);
  t.true(table.accuracy >= 0.95, `${table.accuracy}`);
  t.true(table.majority < 0.7, `${table.majority}`);
  t.deepEqual(table.labels, ['down', 'up']);
  const seen = table.confusion.flat().reduce((sum: number, count: number) => sum + count, 0);
  t.is(seen, 60);

  // The checkpoint is all that is needed: labels, statistics of the training part, weights.
  const model = await loadModel(readFileSync(at('m.safetensors')));
  const encoder = createReadings(model.config.encoder as unknown as ReadingsConfig);
  t.true(Math.abs(encoder.config.statistics![1].mean - 1000) < 20);
  let right = 0;
  for (const { inputs, label } of unseen) {
    let [state, carry, last] = [encoder.initial(), model.zeroCarry(), ''];
    for (const row of inputs) {
      const encoded = encoder.encode(state, row);
      const step = model.step(carry, encoded.inputs[0]);
      state = encoded.state;
      carry = step.carry;
      last = model.config.labels![argmax(step.logits)];
    }
    if (last === label) right++;
  }
  t.is(right, Math.round(table.accuracy * 60));

  t.regex(readFileSync(at('loss.svg'), 'utf8'), /^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/);
  await train(t, ...args, '--out', at('again.safetensors'));
  t.deepEqual(readFileSync(at('again.safetensors')), readFileSync(at('m.safetensors')), 'one seed, one file');
  await train(t, ...args, '--out', at('other.safetensors'), '--seed', '1');
  t.notDeepEqual(readFileSync(at('other.safetensors')), readFileSync(at('m.safetensors')));
});

test('values of each row are learned by key, and foretold in the unit of the data', async t => {
  const at = folder(t);
  writeFileSync(at('a.csv'), engines(20, 1));
  writeFileSync(at('b.csv'), engines(10, 2));
  const options = ['--key', 'engine', '--target', 'wear', '--out', at('m.safetensors')];
  const said = await train(
    t,
    at('a.csv'),
    ...options,
    '--hidden',
    '16',
    '--epochs',
    '40',
    '--batch',
    '4',
    '--validation',
    at('b.csv'),
  );
  t.regex(said, /^20 sequences to learn from, 10 to judge by; 1 feature, 1 value\n/);
  const table = await judge(t, at('m.safetensors'), at('b.csv'));
  t.is(table.labelled, 150);
  t.true(table['rmse of the mean'] > 10, `${table['rmse of the mean']}`);
  t.true(table.rmse < 0.25 * table['rmse of the mean'], `${table.rmse}`);
});

test('a word that is the same for all rows of a key is the label of the last', async t => {
  const at = folder(t);
  const rows = slopes(40, 3).flatMap(({ inputs, label }, i) => inputs.map(([a]) => `s${i},${a},${label}\n`));
  writeFileSync(at('a.csv'), `id,x,way\n${rows.join('')}`);
  await train(t, at('a.csv'), '--key', 'id', '--target', 'way', '--out', at('m'), '--epochs', '2');
  t.is((await judge(t, at('m'), at('a.csv'))).labelled, 40);
  await train(t, at('a.csv'), '--key', 'id', '--target', 'way', '--out', at('m'), '--epochs', '2', '--at', 'every');
  t.is((await judge(t, at('m'), at('a.csv'))).labelled, rows.length);
});

test('a label for each step; tokens that foretell the next', async t => {
  const at = folder(t);
  const parity = slopes(40, 4).map(({ inputs }) => {
    const bits = inputs.map(([a]) => (a > 0 ? 1 : 0));
    return {
      inputs: bits.map(bit => [bit]),
      labels: bits.map((bit, i) => (i > 0 && bit !== bits[i - 1] ? 'new' : 'same')),
    };
  });
  writeFileSync(at('a.ndjson'), jsonLines(parity));
  await train(t, at('a.ndjson'), '--out', at('m'), '--hidden', '12', '--epochs', '60', '--rate', '0.02');
  const table = await judge(t, at('m'), at('a.ndjson'));
  t.is(
    table.labelled,
    parity.reduce((sum, { labels }) => sum + labels.length, 0),
  );
  t.true(table.accuracy > Math.max(table.majority, 0.98), `${table.accuracy}`);

  writeFileSync(
    at('t.ndjson'),
    jsonLines(Array.from({ length: 30 }, (_, i) => ({ tokens: [0, 1, 2, 3, 0, 1, 2, 3].slice(i % 4) }))),
  );
  await train(t, at('t.ndjson'), '--out', at('n'), '--hidden', '8', '--epochs', '40', '--rate', '0.03');
  t.is((await judge(t, at('n'), at('t.ndjson'))).accuracy, 1);
});

test('labels of which any may be true are judged one by one, beside the most frequent', async t => {
  const at = folder(t);
  const all = slopes(60, 5).map(({ inputs }) => ({
    inputs: inputs.map(([a]) => [a]),
    targets: inputs.map(([a]) => [a > 0 ? 1 : 0, a > -100 ? 1 : 0]),
  }));
  writeFileSync(at('a.ndjson'), jsonLines(all));
  await train(t, at('a.ndjson'), '--output', 'labels', '--out', at('m'), '--hidden', '8', '--epochs', '30');
  const table = await judge(t, at('m'), at('a.ndjson'));
  const steps = all.flatMap(({ targets }) => targets);
  const above = steps.filter(([first]) => first === 1).length / steps.length;
  t.true(Math.abs(table.majority - (Math.max(above, 1 - above) + 1) / 2) < 1e-9, `${table.majority}`);
  t.true(table.accuracy > 0.95 && table.majority < 0.9, `${table.accuracy}, ${table.majority}`);
});

test('text is foretold byte by byte', async t => {
  const at = folder(t);
  writeFileSync(at('a.txt'), verses(4000));
  await train(t, at('a.txt'), '--out', at('m'), '--hidden', '32', '--length', '32', '--epochs', '12', '--rate', '0.01');
  const table = await judge(t, at('m'), at('a.txt'));
  t.true(table.bits < 2, `${table.bits}`);
});

test('Ctrl-C keeps what was learned', async t => {
  const at = folder(t);
  writeFileSync(at('a.ndjson'), jsonLines(slopes(80, 1)));
  const child = start(t, 'train', at('a.ndjson'), '--out', at('m'), '--epochs', '1000000', '--hidden', '12');
  const line = lineReader(child);
  await line();
  for (let epoch = 1; epoch <= 5; epoch++) t.regex(await line(), new RegExp(`^epoch +${epoch} `));
  const closed = once(child, 'close');
  child.kill('SIGINT');
  let last = '';
  while (!last.startsWith(at('m'))) last = await line();
  t.regex(last, /epoch \d+ of \d+\. Stopped\.$/);
  child.stdout.resume();
  t.is((await closed)[0], 130);
  t.true((await judge(t, at('m'), at('a.ndjson'))).accuracy > 0.8);
});

test('Ctrl-C in the first epoch says what was kept, and that there is nothing to draw', async t => {
  const at = folder(t);
  writeFileSync(at('a.txt'), verses(200_000));
  const args = ['--out', at('m'), '--plot', at('loss.svg'), '--epochs', '1000', '--hidden', '128', '--batch', '1'];
  const child = start(t, 'train', at('a.txt'), ...args);
  const line = lineReader(child);
  t.regex(await line(), /sequences to learn from/);
  const closed = once(child, 'close');
  child.kill('SIGINT');
  t.regex(await line(), /^\S+m: as it (was learned so far|began, since nothing was learned)\. Stopped\.$/);
  t.regex(await line(), /^\S+loss\.svg: not drawn, since no epoch came to its end\.$/);
  child.stdout.resume();
  t.is((await closed)[0], 130);
  t.false(existsSync(at('loss.svg')));
  t.true((await loadModel(readFileSync(at('m')))).config.layers[0].size === 128);
});

test('what cannot be learned is told, with its place', async t => {
  const at = folder(t);
  const files = {
    'no.ndjson': '{"inputs":[[1]],"label":"a"}\nnothing\n',
    'uneven.ndjson': '{"inputs":[[1],[1,2]],"label":"a"}\n',
    'bare.ndjson': '{"inputs":[[1]]}\n',
    'a.csv': 'k,x,y\na,1,2\n',
    'bare.txt': 'some text',
    'steps.ndjson': '{"inputs":[[1],[2]],"label":"a"}\n',
    'words.ndjson': '{"inputs":[["x"]],"label":"a"}\n{"inputs":[[1]],"label":"b"}\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  for (const [args, expected, message] of [
    [['no.ndjson'], 1, /Expected \S+no\.ndjson:2 to be JSON, got "nothing"/],
    [['uneven.ndjson'], 1, /uneven\.ndjson:1 to have rows of 1 number, got \[1,2\]/],
    [['bare.ndjson'], 1, /bare\.ndjson:1 to have a target, targets, label or labels/],
    [['a.csv'], 2, /Expected --target with/],
    [['a.csv', '--target', 'z'], 2, /--target to name a column of \S+a\.csv \(k, x, y\), got "z"/],
    [['words.ndjson', '--validation', '0'], 1, /"c1" to be a number.*words\.ndjson:1/],
    [['a.csv', '--target', 'y', '--patience', '2'], 2, /sequences to judge by with --patience/],
    [['none.ndjson'], 1, /ENOENT/],
    [['bare.txt', '--target', 'y'], 2, /Expected a table with --target, got \S+bare\.txt/],
    [['steps.ndjson', '--key', 'k'], 2, /Expected a table with --key, got \S+steps\.ndjson/],
    [['bare.txt', '--spelled'], 2, /Expected sound with --spelled/],
    [['a.csv', '--target', 'y', '--length', '5'], 2, /Expected text with --length/],
    [['bare.txt', '--noise', '0.1'], 2, /Expected rows or sound with --noise, got text/],
    [['bare.txt', at('a.csv'), '--target', 'y'], 2, /Expected \S+a\.csv to be like \S+bare\.txt, text, got rows/],
  ] as const) {
    const [file, ...rest] = args;
    const { status, stderr } = await eddy(t, '', 'train', at(file), ...rest, '--out', at('m'));
    t.is(status, expected, stderr);
    t.regex(stderr, message);
    t.false(existsSync(at('m')));
  }
});

const page = readFileSync(new URL('../../../docs/training.md', import.meta.url), 'utf8');
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  .flatMap(([, block]) => block.replaceAll('\\\n', ' ').split('\n'))
  .filter(line => line.startsWith('eddy '));

test('the commands of the guide run, on files as it shows them', async t => {
  t.true(commands.length >= 4);
  const at = folder(t);
  const files: Record<string, string> = {
    'letters.ndjson': jsonLines(slopes(40, 1)),
    'unseen.ndjson': jsonLines(slopes(20, 2)),
    'fleet.csv': engines(20, 1),
    'fleet-2.csv': engines(10, 2),
    'book.txt': verses(3000),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  for (const command of commands) {
    const [told, from] = command.split(' < ');
    const words = told.split(/\s+/).slice(1);
    const args = words.map(word => (/\.(ndjson|csv|txt|safetensors|svg|html)$/.test(word) ? at(basename(word)) : word));
    const { status, stderr } = await eddy(t, from === undefined ? '' : files[from], ...args);
    t.is(status, 0, `${command}\n${stderr}`);
  }
});

test('a network of JSON lines has the columns that eddy pipe gives lists of numbers', async t => {
  const at = folder(t);
  writeFileSync(at('a.ndjson'), jsonLines(slopes(40, 1)));
  await train(t, at('a.ndjson'), '--out', at('m'), '--hidden', '4', '--epochs', '1');
  const { lines, status, stderr } = await eddy(t, '[1,2]\n[3,4]\n', 'pipe', at('m'));
  t.is(status, 0, stderr);
  t.is(lines.length, 2);
  t.regex((await eddy(t, '', 'info', at('m'))).stdout, /^sees +c1, c2$/m);
  const other = await eddy(t, 'a,b\n1,2\n', 'pipe', at('m'));
  t.is(
    other.stderr,
    'eddy: EDDY_CONFIG: Expected the columns that the network takes (c1, c2), got a, b: --columns names others in their place\n',
  );
  t.is(other.status, 2);
});

test('a table is judged by a network that knows which column it learned', async t => {
  const at = folder(t);
  writeFileSync(at('a.ndjson'), jsonLines(slopes(40, 1)));
  writeFileSync(at('a.csv'), 'x,y\n1,2\n');
  await train(t, at('a.ndjson'), '--out', at('m'), '--hidden', '4', '--epochs', '1');
  await eddy(t, 'x,y\n1,2\n2,3\n', 'pipe', '--learn', '--save', at('p'));
  for (const name of ['m', 'p']) {
    const { status, stderr } = await eddy(t, '', 'eval', at(name), at('a.csv'));
    t.is(
      stderr,
      `eddy: EDDY_CONFIG: Expected JSON lines, got ${at('a.csv')}: ${at(name)} names no column to judge by, as a network does that eddy train made of a table\n`,
    );
    t.is(status, 2);
  }
});

test('a class may be in the part held out alone, and a file to judge by is like the one to learn from', async t => {
  const at = folder(t);
  const line = (label: string) => `${JSON.stringify({ inputs: [[1], [2]], label })}\n`;
  writeFileSync(at('a.ndjson'), line('up').repeat(3) + line('down'));
  writeFileSync(at('text.txt'), 'some text');
  writeFileSync(at('empty.ndjson'), '');
  const args = [at('a.ndjson'), '--out', at('m'), '--hidden', '2', '--epochs', '1'];
  // With this seed `down` is held out.
  const said = await train(t, ...args, '--validation', '0.25', '--seed', '5');
  t.regex(said, /^3 sequences to learn from, 1 to judge by; 1 feature, 2 classes\n.* accuracy 0\.0000 /);
  t.deepEqual((await loadModel(readFileSync(at('m')))).config.labels, ['down', 'up']);
  for (const [file, message] of [
    ['text.txt', `Expected ${at('text.txt')} to be like ${at('a.ndjson')}, rows of 1 column, got text`],
    ['empty.ndjson', `Expected sequences to judge by in ${at('empty.ndjson')}, got none`],
  ]) {
    const { status, stderr } = await eddy(t, '', 'train', ...args, '--validation', at(file));
    t.is(stderr, `eddy: EDDY_CONFIG: ${message}\n`);
    t.is(status, 2);
  }
});

test('that all targets are the same is told, and is no failure', async t => {
  const at = folder(t);
  const same = (target: object) => `${JSON.stringify({ inputs: [[1], [2]], ...target })}\n`.repeat(3);
  for (const [name, text, only] of [
    ['class.ndjson', same({ label: 'up' }), '"up"'],
    ['value.ndjson', same({ target: 2.5 }), '2.5'],
    ['text.txt', 'aaaaaaaa', '97'],
    ['classes.ndjson', same({ label: 'up' }) + same({ label: 'down' }), undefined],
  ] as const) {
    writeFileSync(at(name), text);
    const args = ['--out', at('m'), '--hidden', '2', '--epochs', '1', '--validation', '0'];
    const { status, stderr } = await eddy(t, '', 'train', at(name), ...args);
    t.is(status, 0, stderr);
    t.is(
      stderr,
      only === undefined ? '' : `eddy: each target to learn from is ${only}: there is nothing to tell apart\n`,
    );
  }
});

test('of a table it is told what the inputs are, and that a few whole numbers may be classes', async t => {
  const at = folder(t);
  const rows = Array.from({ length: 40 }, (_, i) => `"${i}","day ${i}",${i % 7},${i % 7 > 3 ? 1 : 0}`);
  writeFileSync(at('a.csv'), `"date","x","on"\n${rows.join('\n')}\n`);
  const args = ['train', at('a.csv'), '--target', 'on', '--out', at('m'), '--hidden', '2', '--epochs', '2'];
  const inputs = 'eddy: the inputs are x\neddy: left out, as not all of their cells are numbers: date\n';
  const values = await eddy(t, '', ...args);
  t.is(
    values.stderr,
    `${inputs}eddy: the targets are 0 and 1 alone, and learned as values: --output classes tells them apart\n`,
  );
  t.regex(
    values.stdout,
    /^1 sequence to learn from, its last 4 steps to judge by; 1 feature, 1 value\n.* validation \d/,
  );
  const classes = await eddy(t, '', ...args, '--output', 'classes');
  t.is(classes.stderr, inputs);
  t.regex(
    classes.stdout,
    /^1 sequence to learn from, its last 4 steps to judge by; 1 feature, 2 classes\n.* accuracy /,
  );
  const named = await eddy(t, '', ...args, '--columns', 'x', '--output', 'values');
  t.is(named.stderr, '');
  const one = `${JSON.stringify({ inputs: [[1], [2]], target: 2.5 })}\n`;
  writeFileSync(at('one.ndjson'), one);
  const single = await eddy(t, '', 'train', at('one.ndjson'), '--out', at('m'), '--hidden', '2', '--epochs', '1');
  t.regex(
    single.stderr,
    /^eddy: one sequence, of which no steps can be held out to judge by: --validation takes a file of others\n/,
  );
  t.regex(single.stdout, /^1 sequence to learn from, 0 to judge by/);
});

test('a network whose state grows beyond float32 is judged to the end, and how many sequences that are is said', async t => {
  const at = folder(t);
  const model = await createModel({
    input: { kind: 'token', size: 2 },
    layers: [{ cell: 'rnn_relu', size: 1 }],
    output: { kind: 'classes', size: 2 },
    labels: ['a', 'b'],
  });
  model.setWeights({
    weight_ih_l0: Float32Array.of(1, 0),
    weight_hh_l0: Float32Array.of(10),
    bias_ih_l0: Float32Array.of(0),
    bias_hh_l0: Float32Array.of(0),
  });
  writeFileSync(at('m.safetensors'), saveModel(model));
  const line = (tokens: readonly number[]) => JSON.stringify({ tokens, labels: tokens.map(() => 'b') });
  writeFileSync(at('a.ndjson'), `${line(Array(60).fill(0))}\n${line([1, 1, 1])}\n`);
  const table = await judge(t, at('m.safetensors'), at('a.ndjson'));
  t.like(table, { sequences: 2, labelled: 63, overflown: 1, loss: null, majority: 1 });
  const foretold = table.confusion.flat().reduce((sum: number, count: number) => sum + count, 0);
  t.true(foretold > 3 && foretold < 63, `${foretold}`);
});

test('the names of values make no table of who was taken for whom', async t => {
  const at = folder(t);
  const encoder = { kind: 'readings', columns: [{ name: 'x' }] } as const;
  const { config, input } = createReadings(encoder);
  const output = { kind: 'values', size: 1 } as const;
  const layers = [{ cell: 'gru', size: 2 }] as const;
  const model = await createModel({ input, layers, output, encoder: { ...config }, labels: ['wear'] }, { seed: 1 });
  writeFileSync(at('m.safetensors'), saveModel(model));
  writeFileSync(at('a.ndjson'), '{"inputs":[[1],[2]],"targets":[1,2]}\n');
  const { status, stdout, stderr } = await eddy(t, '', 'eval', at('m.safetensors'), at('a.ndjson'));
  t.is(status, 0, stderr);
  t.regex(stdout, /^sequences {9}1\nlabelled {10}2\nmae .*\nrmse .*\nrmse of the mean .*\n$/);
});
