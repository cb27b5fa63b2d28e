import { writeFileSync } from 'node:fs';
import test from 'ava';
import { readSequences } from '../../src/cli/sequences.js';
import { folder } from '../helpers/cli.js';

test('rows of one key are one sequence, also where they stand apart', async t => {
  const at = folder(t);
  writeFileSync(at('a.csv'), 'k,x,word,y\na,1,p,10\nb,2,q,20\na,3,r,\nb,,s,40\n');
  const { columns, sequences } = await readSequences(at('a.csv'), { key: 'k', target: 'y' });
  t.deepEqual(columns, ['x']);
  t.deepEqual(sequences, [
    { from: `${at('a.csv')}:2`, inputs: [['1'], ['3']], targets: ['10', null], named: false },
    { from: `${at('a.csv')}:3`, inputs: [['2'], ['']], targets: ['20', '40'], named: false },
  ]);
  const alone = await readSequences(at('a.csv'), { target: 'word', columns: ['y', 'x'] });
  t.deepEqual(alone.sequences[0].inputs[1], ['20', '2']);
  t.deepEqual([alone.sequences.length, alone.sequences[0].named, alone.sequences[0].targets.length], [1, true, 4]);
  const last = await readSequences(at('a.csv'), { key: 'k', target: 'y', at: 'last' });
  t.deepEqual(
    last.sequences.map(({ targets }) => targets),
    [
      [null, null],
      [null, '40'],
    ],
  );
});

test('each form of a JSON line has its targets', async t => {
  const at = folder(t);
  const read = async (value: unknown) => {
    writeFileSync(at('a.ndjson'), `${JSON.stringify(value)}\n\n`);
    const { kind, sequences } = await readSequences(at('a.ndjson'), {});
    return { kind, ...sequences[0], from: undefined };
  };
  const inputs = [[1], [2]];
  const rows = { kind: 'rows', from: undefined, inputs };
  t.deepEqual(await read({ inputs, label: 'a' }), { ...rows, targets: [null, 'a'], named: true });
  t.deepEqual(await read({ inputs, labels: ['a', null] }), { ...rows, targets: ['a', null], named: true });
  t.deepEqual(await read({ inputs, target: [1, 2] }), { ...rows, targets: [null, [1, 2]], named: false });
  t.deepEqual(await read({ inputs: [1, 2], targets: [3, 4] }), { ...rows, targets: [3, 4], named: false });
  t.deepEqual(await read({ tokens: [5, 6, 7] }), {
    kind: 'tokens',
    from: undefined,
    inputs: [5, 6],
    targets: [6, 7],
    named: true,
  });
});

test('text is cut into pieces that lose no byte: each is the target of the one before it', async t => {
  const at = folder(t);
  writeFileSync(at('a.txt'), 'abcdefg');
  const { kind, sequences } = await readSequences(at('a.txt'), { length: 3 });
  t.is(kind, 'text');
  const text = (bytes: readonly unknown[]): string => String.fromCharCode(...(bytes as number[]));
  t.deepEqual(
    sequences.map(({ inputs, targets }) => [text(inputs), text(targets)]),
    [
      ['abc', 'bcd'],
      ['def', 'efg'],
    ],
  );
});

test('files that begin with a mark, in UTF-8 or UTF-16, are read as those without', async t => {
  const at = folder(t);
  for (const [name, text] of [
    ['a.csv', 'x,y\n1,2\n3,4\n'],
    ['a.ndjson', '{"inputs":[[1],[2]],"target":1}\n'],
  ]) {
    writeFileSync(at(name), text);
    const plain = await readSequences(at(name), { target: 'y' });
    for (const encoding of ['utf8', 'utf16le'] as const) {
      writeFileSync(at(name), `\uFEFF${text}`, encoding);
      t.deepEqual(await readSequences(at(name), { target: 'y' }), plain);
    }
  }
});
