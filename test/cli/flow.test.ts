import { once } from 'node:events';
import test from 'ava';
import { eddy, finished, folder, lineReader, start } from '../helpers/cli.js';

const small = ['pipe', '--learn', '--hidden', '8'];

test('an output that was closed ends the pipe quietly', async t => {
  const child = start(t, ...small, '--format', 'csv');
  const errors: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.write('a\n1\n');
  await lineReader(child)();
  child.stdout.destroy();
  const ended = once(child, 'exit');
  // It notices when it writes.
  const feed = (): unknown => child.stdin.write('2\n', error => error || feed());
  feed();
  t.deepEqual(await ended, [0, null]);
  t.is(Buffer.concat(errors).toString(), '');
});

test('a malformed line is told with its number, and skipped or fatal as asked', async t => {
  const input = 'a,b\n1,2\n3\n4,five\n6,7\n';
  const skip = await eddy(t, input, ...small);
  t.is(skip.status, 0);
  t.is(skip.lines.length, 2);
  t.regex(skip.stderr, /line 3: expected 2 cells, got 1: skipped/);
  t.regex(skip.stderr, /line 4: expected b to be a number, got "five": skipped/);
  t.regex(skip.stderr, /2 lines skipped/);
  const stop = await eddy(t, input, ...small, '--on-error', 'stop');
  t.is(stop.status, 1);
  t.is(stop.lines.length, 1);
  t.regex(stop.stderr, /^eddy: EDDY_INPUT: Line 3: expected 2 cells, got 1\. .*--on-error skip$/m);
  const json = await eddy(t, '{"a":1}\n{"a":\n{"a":3}\n', ...small, '--format', 'ndjson');
  t.is(json.lines.length, 2);
  t.regex(json.stderr, /line 2: expected JSON/);
});

const raw = ['pipe', '--format', 'f32', '--features', '1', '--hidden', '8'];

/** Writes rows of four bytes; `taken` says how many have been taken so far. */
function feed(child: ReturnType<typeof start>, rows: number): { taken(): number; done: Promise<void> } {
  const chunk = new Uint8Array(Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)).buffer);
  let taken = 0;
  const write = async (): Promise<void> => {
    while (taken < rows) {
      await new Promise(resolve => child.stdin.write(chunk, resolve));
      taken += 4096;
    }
  };
  return { taken: () => taken, done: write() };
}

test('nothing is read faster than it can be written', async t => {
  const child = start(t, ...raw);
  const next = lineReader(child);
  const { taken } = feed(child, 4_000_000);
  for (let line = 1; line <= 30_000; line++) {
    await next();
    // What lies between the two: pipes and buffers of 64 KiB, and the rows of one chunk.
    if (line % 1000 === 0) t.true(taken() - line < 100_000, `${taken()} taken, ${line} answered`);
  }
});

test('a source that cannot wait loses frames, and is told how many', async t => {
  for (const overflow of [['latest'], ['drop-oldest', '--queue', '7']]) {
    const child = start(t, ...raw, '--overflow', ...overflow);
    // Nobody reads: all of it is taken all the same.
    const { taken, done } = feed(child, 400_000);
    await done;
    child.stdin.end();
    const { lines, stderr, status } = await finished(child);
    t.is(status, 0);
    const dropped = Number(/(\d+) frames? dropped/.exec(stderr)?.[1]);
    t.true(dropped > 0);
    t.is(lines.length + dropped, taken());
    t.is(lines.at(-1).step, lines.length);
  }
});

test('records of JSON may lack columns that are asked for, at the beginning and after a pause', async t => {
  const at = folder(t);
  const learn = ['pipe', '--learn', '--hidden', '2', '--save', at('net'), '--resume'];
  const first = await eddy(t, '{"temp":1}\n{"hum":5}\n{"temp":2,"hum":6}\n', ...learn, '--columns', 'temp,hum');
  t.is(first.status, 0);
  t.regex(first.stderr, /not in the first row, and missing until they come: hum\n/);
  t.deepEqual(
    first.lines.map(({ prediction }) => prediction.hum),
    [null, 5, first.lines[2].prediction.hum],
  );
  t.true(first.lines[2].prediction.hum > 5.9);

  const again = await eddy(t, '{"hum":6.5}\n{"temp":3}\n', ...learn);
  t.is(again.status, 0);
  t.regex(again.stderr, /until they come: temp\n/);
  t.is(again.lines[0].step, 4);

  // A table has its columns, or does not.
  const table = await eddy(t, 'temp\n1\n2\n', 'pipe', '--learn', '--columns', 'temp,hum');
  t.is(table.status, 2);
});

test('a heading alone is no text for a network of rows: nothing came in', async t => {
  const at = folder(t);
  const learn = ['pipe', '--learn', '--hidden', '2', '--save', at('net'), '--resume'];
  await eddy(t, 'time,a\n08:00,1\n08:10,2\n', ...learn);
  for (const heading of ['time,a\n', 'time,a']) {
    const { status, stderr, stdout } = await eddy(t, heading, ...learn);
    t.deepEqual([status, stdout, stderr], [0, '', 'eddy: nothing came in\n']);
  }
  const text = await eddy(t, 'some text\nof two lines\n', ...learn);
  t.is(text.status, 2);
});

test('a key that is an object or a list is told: all of them would be one stream', async t => {
  const rows = '{"k":"x","v":1}\n{"k":{"id":1},"v":2}\n{"k":[1],"v":3}\n{"k":7,"v":4}\n{"k":true,"v":5}\n';
  const { lines, stderr } = await eddy(t, rows, 'pipe', '--learn', '--hidden', '2', '--key', 'k');
  t.deepEqual(
    lines.map(({ key }) => key),
    ['x', '7', 'true'],
  );
  t.regex(stderr, /line 2: expected k to be a word or a number, got \{"id":1\}: skipped/);
  t.regex(stderr, /line 3: expected k to be a word or a number, got \[1\]: skipped/);
});

test('of very many columns the first are named', async t => {
  const names = Array.from({ length: 3000 }, (_, i) => `c${i}`);
  const { stderr } = await eddy(
    t,
    `${names.join()}\n${names.map(() => 1).join()}\n`,
    'pipe',
    '--learn',
    '--hidden',
    '2',
  );
  t.regex(stderr, /^eddy: reading csv: c0, c1, .*, c29 and 2,970 more\n/);
});
