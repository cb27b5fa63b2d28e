import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { eddy, finished, folder, lineReader, start, verses, waves } from '../helpers/cli.js';

const small = ['--hidden', '16'];

test('text is learned as it is read', async t => {
  const { status, lines, stderr } = await eddy(t, verses(3000), 'pipe', '--learn', '--hidden', '32');
  t.is(status, 0);
  t.is(stderr, 'eddy: reading text, as it does not look like a table of numbers (see --format)\n');
  t.is(lines.length, 3000);
  t.deepEqual(lines[0].loss, null);
  t.deepEqual([lines[0].step, lines[0].input, lines[2999].step], [1, 'T', 3000]);
  t.is(lines[5].top.length, 3);
  // Eight bits a byte are what one pays who knows nothing.
  t.true(lines[100].bits > 4);
  t.true(lines[2999].bits < 2, `${lines[2999].bits}`);
});

test('a network that does not learn stays at eight bits a byte', async t => {
  const { lines, stderr } = await eddy(t, verses(1000), 'pipe', ...small);
  t.true(Math.abs(lines[999].bits - 8) < 0.3);
  t.regex(stderr, /--learn/);
  for (const [input, args] of [
    ['some text\n', ['--loss', 'huber']],
    ['a,b\n1,2\n', ['--target', 'c']],
    ['a,b\n1,2\n', ['--record', join(tmpdir(), 'no such folder', 'record')]],
  ] as const) {
    const refused = await eddy(t, input, 'pipe', ...small, ...args);
    t.not(refused.status, 0);
    t.notRegex(refused.stderr, /add --learn/, 'what is wrong is said alone');
  }
});

test('bytes are any bytes, and lines say their numbers', async t => {
  const { lines } = await eddy(t, Uint8Array.of(0, 255, 65), 'pipe', '--learn', '--format', 'bytes', ...small);
  t.deepEqual(
    lines.map(line => line.input),
    [0, 255, 'A'],
  );
});

test('the last answer comes though no line end does', async t => {
  const { lines } = await eddy(t, 'a,b\n1,2\n3,4', 'pipe', '--learn');
  t.is(lines.length, 2);
});

test('readings are foretold in their own units, beside persistence', async t => {
  const { status, lines, stderr } = await eddy(t, waves(1500), 'pipe', '--learn', '--ignore', 'key');
  t.is(status, 0);
  t.regex(stderr, /reading csv: a, b/);
  t.is(lines.length, 1500);
  const last = lines[1499];
  t.true(last.prediction.b > 1.9 && last.prediction.b < 4.1, JSON.stringify(last));
  t.true(last.error.a < 0.6 * last.persistence.a, JSON.stringify(last));
  t.true(last.error.b < 0.6 * last.persistence.b, JSON.stringify(last));
});

test('a new network foretells no change, so it is not worse than persistence', async t => {
  const { lines } = await eddy(t, 'a\n5\n7\n', 'pipe', '--learn', '--format', 'csv');
  t.is(lines[0].prediction.a, 5);
  t.deepEqual([lines[1].error.a, lines[1].persistence.a], [2, 2]);
});

test('persistence is scored against what was true so many steps before', async t => {
  const { lines } = await eddy(t, 'a\n1\n2\n4\n8\n16\n', 'pipe', '--format', 'csv', '--horizon', '2');
  // |4 − 1|, then |8 − 2| and |16 − 4|, old ones fading by 0.999.
  const expected = [null, null, 3, (6 + 0.999 * 3) / 1.999, (12 + 0.999 * 6 + 0.998001 * 3) / 2.997001];
  lines.forEach((line, i) => {
    if (expected[i] === null) t.is(line.persistence.a, null);
    else t.true(Math.abs(line.persistence.a - expected[i]!) < 1e-5);
  });
});

test('one column may be foretold from all', async t => {
  const { lines } = await eddy(t, waves(50), 'pipe', '--learn', '--target', 'b', '--horizon', '3', '--ignore', 'key');
  t.deepEqual(Object.keys(lines[49].prediction), ['b']);
});

test('with horizon 0 a row says its target from its other columns', async t => {
  const rows = Array.from({ length: 1500 }, (_, i) => `${Math.sin(i * i)},${3 * Math.sin(i * i) + 10}`);
  const { lines } = await eddy(t, `x,y\n${rows.join('\n')}\n`, 'pipe', '--learn', '--target', 'y', '--horizon', '0');
  t.is(lines[1499].persistence, undefined);
  t.true(lines[1499].error.y < 0.5, JSON.stringify(lines[1499]));
  t.true(lines[20].error.y > 1, JSON.stringify(lines[20]));
});

test('a key makes streams of their own, with one learner', async t => {
  const together = await eddy(t, waves(60, 3), 'pipe', '--learn', '--key', 'key');
  t.is(together.lines.length, 60);
  t.deepEqual(
    together.lines.slice(0, 4).map(({ key, step }) => [key, step]),
    [
      ['x', 1],
      ['y', 1],
      ['z', 1],
      ['x', 2],
    ],
  );
});

test('streams of a frozen network are as if each were alone', async t => {
  const both = await eddy(t, waves(40, 2), 'pipe', '--key', 'key');
  const [header, ...rows] = waves(40, 2).trimEnd().split('\n');
  const alone = await eddy(t, [header, ...rows.filter(row => row[0] === 'y')].join('\n'), 'pipe', '--key', 'key');
  const predictions = (lines: { prediction: unknown }[]) => lines.map(line => line.prediction);
  t.deepEqual(predictions(both.lines.filter(line => line.key === 'y')), predictions(alone.lines));
});

test('JSON lines, tables of blanks and raw float32 give what CSV gives', async t => {
  const rows = [
    [1, 2.5],
    [2, 0.25],
    [4, -1],
    [7, 3],
  ];
  const csv = await eddy(t, `a,b\n${rows.map(row => row.join()).join('\n')}\n`, 'pipe', '--learn');
  const json = await eddy(t, rows.map(([a, b]) => JSON.stringify({ a, b })).join('\n'), 'pipe', '--learn');
  const table = await eddy(t, `  a    b\n${rows.map(row => row.join('\t ')).join('\n')}\n`, 'pipe', '--learn');
  const floats = new Uint8Array(Float32Array.from(rows.flat()).buffer);
  const raw = await eddy(t, floats, 'pipe', '--learn', '--format', 'f32', '--features', '2');
  t.deepEqual(json.lines, csv.lines);
  t.deepEqual(table.lines, csv.lines);
  t.deepEqual(raw.lines, JSON.parse(JSON.stringify(csv.lines).replaceAll('"a"', '"c1"').replaceAll('"b"', '"c2"')));
});

test('where the heading has a name less than the rows have cells, the first column names the rows, and is no reading', async t => {
  const rows = ['"a","b"', '"1",1,2.5', '"2",2,0.25', '"3",4,-1'].join('\n');
  for (const options of [[], ['--format', 'csv']]) {
    const { lines, stderr } = await eddy(t, rows, 'pipe', '--learn', ...options);
    t.is(lines.length, 3);
    t.deepEqual(lines[2].prediction, { a: lines[2].prediction.a, b: lines[2].prediction.b });
    t.true(
      stderr.endsWith('eddy: the heading names one column less than the rows have: the first is c1, and left out\n'),
    );
    t.is(stderr.includes('eddy: reading csv: a, b\n'), options.length === 0);
  }
  const keyed = await eddy(t, rows, 'pipe', '--learn', '--key', 'c1');
  t.deepEqual(
    keyed.lines.map(({ key, step }) => [key, step]),
    [
      ['1', 1],
      ['2', 1],
      ['3', 1],
    ],
  );
  t.true(keyed.stderr.endsWith('the first is c1\n'));
});

test('what vmstat prints is read as readings, with the last heading as names', async t => {
  const printed =
    'procs -----------memory---------- ---swap--\n r  b   swpd   free\n 1  0      0 2392\n 0  0      0 2393\n';
  const { lines, stderr } = await eddy(t, printed, 'pipe', '--learn');
  t.deepEqual(Object.keys(lines[1].prediction), ['r', 'b', 'swpd', 'free']);
  t.regex(stderr, /reading table: r, b, swpd, free/);
});

test('each row is answered before the next one comes', async t => {
  const child = start(t, 'pipe', '--learn', '--format', 'csv');
  const next = lineReader(child);
  child.stdin.write('a\n');
  for (const value of [1, 2, 3]) {
    child.stdin.write(`${value}\n`);
    t.is(JSON.parse(await next()).step, value);
  }
  child.stdin.end();
  t.is((await finished(child)).status, 0);
});

test('the seed decides the first weights', async t => {
  const of = async (seed: string) =>
    (await eddy(t, 'to be or not to be', 'pipe', '--learn', '--want', 'prediction', '--seed', seed, ...small)).stdout;
  t.is(await of('3'), await of('3'));
  t.not(await of('3'), await of('4'));
});

test('--want and --every say how much is said', async t => {
  const none = await eddy(t, 'abc', 'pipe', '--learn', '--want', 'none', ...small);
  t.deepEqual(Object.keys(none.lines[0]), ['step', 'input', 'loss', 'bits']);
  const whole = await eddy(t, 'abc', 'pipe', '--learn', '--want', 'prediction', ...small);
  const { prediction } = whole.lines[2] as { prediction: number[] };
  t.is(prediction.length, 256);
  t.true(Math.abs(prediction.reduce((a, b) => a + b) - 1) < 1e-5);
  const some = await eddy(t, 'abcdefg', 'pipe', '--learn', '--every', '3', '--top-k', '1', ...small);
  t.deepEqual(
    some.lines.map(line => [line.step, line.top.length]),
    [
      [3, 1],
      [6, 1],
    ],
  );
});

test('a missing value is missing, and not zero', async t => {
  const { lines, stderr } = await eddy(t, 'a,b\n1,10\n2,\n3,12\n,13\n', 'pipe', '--learn');
  t.is(lines.length, 4);
  t.false(stderr.includes('skipped'));
  t.is(lines[1].prediction.b !== null && lines[1].prediction.b > 5, true);
});

test('--loss gaussian foretells a band in which nine of ten values lie', async t => {
  const rows = waves(1500);
  const options = ['pipe', '--learn', '--ignore', 'key', '--loss', 'gaussian'];
  const { status, lines, stderr } = await eddy(t, rows, ...options);
  t.is(status, 0, stderr);
  for (const line of [lines[0], lines[1499]]) {
    const [low, high] = line.band.a;
    t.true(low < line.prediction.a && line.prediction.a < high, JSON.stringify(line));
  }
  const { coverage, error, persistence } = lines[1499];
  t.true(coverage.a > 0.8 && coverage.b > 0.8, JSON.stringify(coverage));
  t.true(error.a < persistence.a);
  // It learns how sure it may be.
  const width = (line: { band: { a: number[] } }) => line.band.a[1] - line.band.a[0];
  t.true(width(lines[1499]) < 0.5 * width(lines[20]));

  const file = folder(t)('band');
  await eddy(t, waves(5), ...options, '--save', file);
  const other = await eddy(t, waves(5), 'pipe', file, '--learn', '--loss', 'huber');
  t.not(other.status, 0);
  t.regex(other.stderr, /--loss to be gaussian, as the checkpoint has it, got huber/);
});

test('--loss huber learns, and is none of text', async t => {
  const { lines } = await eddy(t, waves(600), 'pipe', '--learn', '--ignore', 'key', '--loss', 'huber');
  t.true(lines[599].error.a < lines[599].persistence.a);
  t.is(lines[599].band, undefined);
  const { status, stderr } = await eddy(t, verses(100), 'pipe', '--learn', '--loss', 'huber');
  t.not(status, 0);
  t.regex(stderr, /Expected rows with --loss, got text/);
});

test('--metrics says at the end how well it went, beside the trivial predictors', async t => {
  const options = ['pipe', '--learn', '--ignore', 'key', '--metrics', '--season', '40', '--loss', 'gaussian'];
  const { status, lines, stderr } = await eddy(t, waves(400), ...options);
  t.is(status, 0, stderr);
  const table = new Map(
    [...stderr.matchAll(/^eddy: ( {0,2}[a-z: ]*[a-z]) +([\d.]+) +([\d.]+) +([\d.]+)$/gm)].map(([, name, ...values]) => [
      name.trim(),
      values.map(Number),
    ]),
  );
  for (const name of [
    'mae',
    'rmse',
    'mape',
    'persistence',
    'running mean',
    'last season',
    'band: coverage',
    'band: pinball',
  ])
    t.true(table.get(name)?.every(Number.isFinite), `${name} in ${stderr}`);
  // Of both columns together, as the lines have it of each, over less than a window.
  const { error } = lines[399];
  const [all, newest, fading] = table.get('mae')!;
  t.is(all, newest);
  t.true(Math.abs(fading / ((error.a + error.b) / 2) - 1) < 2e-3, `${fading}, ${JSON.stringify(error)}`);
  const text = await eddy(t, verses(600), 'pipe', '--learn', '--hidden', '16', '--metrics');
  t.regex(text.stderr, /kappa-temporal/);
  // Of streams that are told apart, both together; persistence is each one's own, as the lines have it, too.
  const keyed = await eddy(t, waves(300, 2), 'pipe', '--learn', '--key', 'key', '--metrics');
  t.is(keyed.status, 0, keyed.stderr);
  t.regex(keyed.stderr, /of 298 steps/);
  const { persistence: own } = keyed.lines[299];
  const [, told] = /persistence +[\d.]+ +[\d.]+ +([\d.]+)/.exec(keyed.stderr)!;
  t.true(Math.abs(Number(told) / ((own.a + own.b) / 2) - 1) < 2e-3, `${told}, ${JSON.stringify(own)}`);
});

test('--metrics says how many rows it does not count, as a target is missing, also in a run that goes on', async t => {
  const at = folder(t);
  const learn = ['pipe', '--learn', '--metrics', '--save', at('net'), '--resume'];
  const left = (count: string) =>
    new RegExp(
      `^eddy: ${count} not measured, as a target or what it is foretold from is missing: --target names fewer$`,
      'm',
    );
  const first = await eddy(t, 'a,b\n1,2\n2,\n3,4\n4,5\n5,\n', ...learn);
  t.regex(first.stderr, /^eddy: of 2 steps/m);
  t.regex(first.stderr, left('2 rows'));
  const second = await eddy(t, 'a,b\n6,7\n7,\n', ...learn);
  t.regex(second.stderr, left('3 rows'));
  const season = await eddy(t, 'a,b\n8,9\n9,\n', ...learn, '--season', '2');
  t.regex(season.stderr, left('1 row'));
  const none = await eddy(t, 'a,b\n1,\n2,\n3,\n', 'pipe', '--learn', '--columns', 'a,b', '--metrics');
  t.regex(none.stderr, left('2 rows'));
  const whole = await eddy(t, 'a\n1\n2\n', 'pipe', '--learn', '--metrics');
  t.notRegex(whole.stderr, /not measured/);
});

test('a column of words whose first cell is empty is told once with --ignore, unless somebody named it', async t => {
  const rows = 'room,temp\n,18\nattic,19\ncellar,12\n3,18\nattic,18\n';
  const way = ': --ignore leaves out a column of words';
  const { stderr } = await eddy(t, rows, 'pipe', '--learn');
  t.regex(
    stderr,
    /^eddy: line 3: expected room to be a number, got "attic", and no number before: --ignore leaves out a column of words: skipped$/m,
  );
  t.is(stderr.split(way).length, 2);
  t.regex(stderr, /^eddy: line 4: expected room to be a number, got "cellar": skipped$/m);
  const stop = await eddy(t, rows, 'pipe', '--learn', '--on-error', 'stop');
  t.true(stop.stderr.includes(way));
  const mended = await eddy(t, rows, 'pipe', '--learn', '--on-error', 'stop', '--ignore', 'room');
  t.is(mended.status, 0, mended.stderr);
  for (const options of [
    ['--columns', 'room,temp'],
    ['--target', 'room'],
  ]) {
    const named = await eddy(t, rows, 'pipe', '--learn', ...options);
    t.false(named.stderr.includes(way), named.stderr);
  }
  const numbers = await eddy(t, 'a,b\n1,1\n2,x\n', 'pipe', '--learn');
  t.false(numbers.stderr.includes(way), numbers.stderr);
});

test('with --guard a rate that is far too high is told, and ends nothing', async t => {
  const at = folder(t);
  const options = ['pipe', '--learn', '--ignore', 'key', '--cell', 'rnn_relu', '--rate', '2', '--save', at('one')];
  const alone = await eddy(t, waves(150), ...options);
  t.not(alone.status, 0);
  t.regex(alone.stderr, /EDDY_DIVERGENCE/);
  const { status, lines, stderr } = await eddy(t, waves(150), ...options, '--guard');
  t.is(status, 0, stderr);
  t.is(lines.length, 150);
  t.regex(stderr, /^eddy: the loss is no number: back by \d+ updates, learning rate × 0\.5$/m);
  const again = await eddy(t, waves(3), ...options, '--resume');
  t.is(again.status, 0, again.stderr);
  t.is(again.lines[0].step, 151);
});

test('with --guard a line says when its input was brought down, and the end how often, with a key too', async t => {
  // A column that stands still for long, beside one that had a spike: in deviations, what comes then is far larger than usual.
  const values = Array.from({ length: 560 }, (_, i) => `${i < 500 ? 0.5 : Math.sin(i)},${i === 2 ? 1000 : 0}\n`);
  for (const key of [false, true]) {
    const input = key ? `k,x,y\n${values.map(row => `a,${row}`).join('')}` : `x,y\n${values.join('')}`;
    const args = ['pipe', '--learn', ...(key ? ['--key', 'k'] : [])];
    const { lines, stderr } = await eddy(t, input, ...args, '--guard');
    t.is(lines.length, 560);
    const limited = lines.filter(line => line.limited === true).length;
    t.true(limited >= 1);
    t.regex(stderr, new RegExp(`^eddy: ${limited} inputs? brought down`, 'm'));
    const { lines: free, stderr: quiet } = await eddy(t, input, ...args);
    t.false(free.some(line => 'limited' in line));
    t.notRegex(quiet, /brought down|shortened/);
  }
});
