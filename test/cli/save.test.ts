import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import test from 'ava';
import { loadTrainer } from '../../src/training/checkpoint.js';
import { eddy, finished, folder, lineReader, start, verses, waves } from '../helpers/cli.js';

/** Ways to learn whose state differs: targets that come late, windows that wait, streams that take turns. */
const ways: readonly { name: string; input: (rows: number) => string; options: string[] }[] = [
  { name: 'text', input: verses, options: ['--hidden', '12', '--k1', '5', '--k2', '9'] },
  {
    name: 'readings, three ahead',
    input: waves,
    options: ['--ignore', 'key', '--horizon', '3', '--replay', '1', '--guard'],
  },
  {
    name: 'readings with a band',
    input: waves,
    options: ['--ignore', 'key', '--horizon', '2', '--loss', 'gaussian'],
  },
  {
    name: 'keyed readings of the same row',
    input: rows => waves(rows, 3),
    options: ['--key', 'key', '--target', 'b', '--horizon', '0', '--k1', '2'],
  },
];

for (const { name, input, options } of ways) {
  test(`what goes on from a file ends in the same bits as what never stopped: ${name}`, async t => {
    const at = folder(t);
    const learn = ['pipe', '--learn', ...options, '--metrics', '--season', '5', '--save'];
    const whole = input(60);
    // A row more than a multiple of k1: the file has an update that waits.
    const cut = name === 'text' ? 23 : whole.split('\n', 24).join('\n').length + 1;
    const header = name === 'text' ? '' : 'key,a,b\n';
    const all = await eddy(t, whole, ...learn, at('all'));
    t.is(all.status, 0);
    const first = await eddy(t, whole.slice(0, cut), ...learn, at('part'));
    const second = await eddy(t, header + whole.slice(cut), ...learn, at('part'), '--resume');
    t.is(second.status, 0, second.stderr);
    t.deepEqual(readFileSync(at('part')), readFileSync(at('all')));
    t.is(first.stdout + second.stdout, all.stdout);
    const measures = ({ stderr }: { stderr: string }) => stderr.slice(stderr.indexOf('eddy: of '));
    t.regex(measures(all), /last season|bits/);
    t.is(measures(second), measures(all));
    t.not(measures(first), measures(all));
  });
}

test('Ctrl-C saves all that was answered, and the rest goes on to the same bits', async t => {
  const at = folder(t);
  const learn = ['pipe', '--learn', '--ignore', 'key', '--save'];
  const [header, ...rows] = waves(80).trimEnd().split('\n');
  const all = await eddy(t, waves(80), ...learn, at('all'));

  const child = start(t, ...learn, at('part'));
  const next = lineReader(child);
  child.stdin.write(`${[header, ...rows.slice(0, 33)].join('\n')}\n`);
  const answered: string[] = [];
  while (answered.length < 33) answered.push(await next());
  child.kill('SIGINT');
  // Its input is still open: it ends of its own.
  const { status, stderr } = await finished(child);
  t.is(status, 130);
  t.true(stderr.endsWith(`eddy: saved as ${at('part')}\n`), stderr);

  const rest = await eddy(t, [header, ...rows.slice(33)].join('\n'), ...learn, at('part'), '--resume');
  t.deepEqual(readFileSync(at('part')), readFileSync(at('all')));
  t.is(`${answered.join('\n')}\n${rest.stdout}`, all.stdout);
});

test('what goes on goes on with every n-th step, too', async t => {
  const at = folder(t);
  const learn = ['pipe', '--learn', '--hidden', '8', '--format', 'text', '--every', '4', '--save'];
  const whole = await eddy(t, verses(30), ...learn, at('all'));
  const part = await eddy(t, verses(30).slice(0, 10), ...learn, at('part'));
  const rest = await eddy(t, verses(30).slice(10), ...learn, at('part'), '--resume');
  t.is(whole.lines.length, 7);
  t.is(part.stdout + rest.stdout, whole.stdout);
});

test('a second Ctrl-C does not wait for a reader who does not read, and saves all the same', async t => {
  const at = folder(t);
  const child = start(t, 'pipe', '--learn', '--hidden', '8', '--format', 'text', '--save', at('m'));
  child.stdin.write(verses(60_000));
  await lineReader(child)();
  const told = new Promise(resolve => child.stderr.once('data', resolve));
  child.kill('SIGINT');
  t.regex(String(await told), /finishing what has been read, \d+ bytes \(Ctrl-C again stops at once\)/);
  child.kill('SIGINT');
  const [status] = await once(child, 'exit');
  t.is(status, 130);
  const { steps } = (await loadTrainer(readFileSync(at('m')))).states.get('')!;
  t.true(steps > 0 && steps < 60_000);
});

test('more streams than allowed end the pipe, and what was learned is saved', async t => {
  const at = folder(t);
  const limited = ['--key', 'key', '--max-keys', '2', '--save', at('m')];
  const { status, lines, stderr } = await eddy(t, waves(9, 3), 'pipe', '--learn', ...limited);
  t.is(status, 1);
  t.is(lines.length, 2);
  t.regex(stderr, /EDDY_LIMIT: Expected at most 2 streams, got "z" besides: raise --max-keys/);
  const fewer = await eddy(t, waves(1), 'pipe', '--learn', '--resume', '--max-keys', '1', '--save', at('m'));
  t.regex(fewer.stderr, /EDDY_LIMIT: Expected at most 1 stream, got 2 in the checkpoint: raise --max-keys/);
  t.deepEqual([...(await loadTrainer(readFileSync(at('m')))).states.keys()], ['x', 'y']);
});

test('a file that differs in one step is another file', async t => {
  const at = folder(t);
  await eddy(t, waves(30), 'pipe', '--learn', '--ignore', 'key', '--save', at('one'));
  await eddy(t, waves(31), 'pipe', '--learn', '--ignore', 'key', '--save', at('two'));
  t.notDeepEqual(readFileSync(at('one')), readFileSync(at('two')));
});

test('--save-every leaves a whole file on the way', async t => {
  const at = folder(t);
  const child = start(t, 'pipe', '--learn', '--format', 'csv', '--save', at('m'), '--save-every', '4');
  const next = lineReader(child);
  child.stdin.write('a\n1\n2\n3\n4\n5\n');
  for (let i = 0; i < 5; i++) await next();
  // Killed without notice, it has saved step 4, and nothing lies beside it.
  child.kill('SIGKILL');
  await finished(child);
  const { states } = await loadTrainer(readFileSync(at('m')));
  t.is(states.get('')!.steps, 4);
});

test('what was learned predicts without learning, and begins with the statistics it knows', async t => {
  const at = folder(t);
  await eddy(t, waves(1500), 'pipe', '--learn', '--ignore', 'key', '--save', at('m'));
  const saved = readFileSync(at('m'));
  const { lines, status } = await eddy(t, waves(200, 1, 1500), 'pipe', at('m'));
  t.is(status, 0);
  t.deepEqual(readFileSync(at('m')), saved);
  t.true(lines[199].error.a < 0.8 * lines[199].persistence.a, JSON.stringify(lines[199]));
});

test('a resumed run says where the options and the file disagree', async t => {
  const at = folder(t);
  await eddy(t, waves(20), 'pipe', '--learn', '--ignore', 'key', '--save', at('m'));
  const same = ['--save', at('m'), '--resume'];
  const agrees = await eddy(t, waves(5), 'pipe', '--learn', '--hidden', '32', '--k2', '16', '--horizon', '1', ...same);
  t.is(agrees.status, 0, agrees.stderr);
  for (const [option, value, found] of [
    ['--hidden', '64', '32'],
    ['--k1', '3', '1'],
    ['--rate', '0.5', '0.002'],
    ['--horizon', '2', '1'],
    ['--target', 'a', 'a,b'],
  ]) {
    const { status, stderr } = await eddy(t, waves(5), 'pipe', '--learn', option, value, ...same);
    t.is(status, 2);
    t.true(stderr.includes(`EDDY_CONFIG: Expected ${option} to be ${found}`), stderr);
  }
});

test('a network of text does not take rows, nor one of rows text', async t => {
  const at = folder(t);
  await eddy(t, 'some text', 'pipe', '--learn', '--hidden', '8', '--save', at('text'));
  const rows = await eddy(t, 'a\n1\n', 'pipe', at('text'), '--format', 'csv');
  t.is(rows.status, 2);
  t.regex(rows.stderr, /Expected a network that takes rows of numbers, got one that takes text/);
  const other = await eddy(t, 'no checkpoint', 'pipe', '--learn', '--save', at('text'), '--resume');
  t.is(other.status, 0, other.stderr);
});

/** Bytes that leap about: what a wild learner does with them has losses that are no number. */
const leaps = Uint8Array.from({ length: 250 }, (_, i) => 32 + ((i * i * 7) % 90));

test('losses that are no number are told as they are, and nothing that was learned is lost', async t => {
  const at = folder(t);
  const wild = ['pipe', '--learn', '--cell', 'rnn_relu', '--metrics', '--guard'];
  const text = ['--format', 'text', '--hidden', '16', '--rate', '100', '--k1', '1', '--seed', '4'];
  const readings = ['--ignore', 'key', '--rate', '1e6', '--k1', '4', '--horizon', '2', '--anomaly', '--season', '3'];
  for (const [input, options] of [
    [leaps, text],
    [waves(250), readings],
    [waves(250), [...readings, '--loss', 'gaussian']],
  ] as const) {
    const learn = [...wild, ...options, '--save', at('m')];
    const first = await eddy(t, input, ...learn);
    t.is(first.status, 0, first.stderr);
    t.is((await loadTrainer(readFileSync(at('m')))).states.get('')!.steps, 250);
    const second = await eddy(t, input, ...learn, '--resume');
    t.is(second.status, 0, second.stderr);
    t.is(second.lines.length, 250);
    if (input === leaps) {
      t.true(first.lines.slice(1).some(({ loss }) => loss === null));
      t.regex(first.stderr, /bits {2,}- +- +[\d.]+\n/, 'of all there is no mean, of the newest ones there is');
      t.regex(second.stderr, /of 499 steps.*\n.*bits {2,}- +- +[\d.]+\n/);
    }
    rmSync(at('m'));
  }
});

test('a run that ends with an error says which, and what it learned is saved without the carry that was lost', async t => {
  const at = folder(t);
  const wild = ['pipe', '--learn', '--cell', 'rnn_relu'];
  const bounds = ['--rate', '100', '--k1'];
  for (const [input, ...options] of [
    [verses(300), '--hidden', '16', ...bounds, '8'],
    [waves(300), '--ignore', 'key', ...bounds, '4', '--horizon', '2'],
    [waves(300, 2), '--key', 'key', '--layers', '2', '--loss', 'gaussian', ...bounds, '4'],
  ]) {
    const { status, stderr } = await eddy(t, input, ...wild, ...options, '--save', at('m'));
    t.is(status, 1);
    const told = stderr.trimEnd().split('\n');
    t.regex(
      told.at(-1)!,
      /^eddy: EDDY_INPUT: Expected carry\[\d+\] to be a finite number, got \S+: the state grew beyond float32; learn with --guard, or at a smaller --rate$/,
    );
    t.notRegex(stderr, /not saved/);
    const { trainer, states } = await loadTrainer(readFileSync(at('m')));
    t.true(trainer.count > 0);
    for (const { carry } of states.values()) t.true(carry.every(Number.isFinite));
    // Those that failed earlier, or have nothing to go on from, begin again.
    if (options.includes('key') && !options.includes('--key')) {
      t.is(states.size, 0);
      t.regex(
        told.at(-2)!,
        /^eddy: the carry of the stream is no finite number any more: with --resume it begins again$/,
      );
    }
    const again = await eddy(t, input, 'pipe', '--learn', '--save', at('m'), '--resume', '--every', '1');
    t.is(again.lines[0].step, 1, again.stderr);
    rmSync(at('m'));
  }
});

test('what ended a run is told where nothing can be saved any more, too', async t => {
  const at = folder(t);
  mkdirSync(at('there'));
  const child = start(t, 'pipe', '--learn', '--format', 'csv', '--on-error', 'stop', '--save', at('there/m'));
  const next = lineReader(child);
  child.stdin.write('a\n1\n');
  await next();
  rmSync(at('there'), { recursive: true });
  child.stdin.end('2,3\n');
  const { status, stderr } = await finished(child);
  t.is(status, 1);
  const [first, second] = stderr.split('\n');
  t.true(first.startsWith(`eddy: not saved as ${at('there/m')}: ENOENT: `), stderr);
  t.regex(second, /^eddy: EDDY_INPUT: Line 3: expected 1 cell, got 2/);
});
