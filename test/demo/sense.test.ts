import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { demoModule } from '../helpers/demo-modules.js';

test('a table is read with its quotes, between commas, semicolons or tabs, with or without names', async t => {
  const demo = await demoModule('sense/table.ts');
  const readTable = (text: string) => demo.readTable(new TextEncoder().encode(text));
  t.deepEqual(readTable('\uFEFFa,"b ""x"", y"\r\n1,"2\n3"\r\n\r\n4,\r\nlonely\r\n'), {
    names: ['a', 'b "x", y'],
    rows: [
      ['1', '2\n3'],
      ['4', ''],
    ],
    unreadable: 1,
    beyond: 0,
  });
  t.deepEqual(readTable('t;v\n1;2,5\n2;3,5').rows, [
    ['1', '2.5'],
    ['2', '3.5'],
  ]);
  t.deepEqual(readTable('1\t2\n3\t4').names, ['c1', 'c2']);
  t.deepEqual(readTable('a,b,a,a\n1,2,3,4\n5,6,7,8').names, ['a', 'b', 'a.2', 'a.3']);
  const stray = 'a,b\n1,2\n"3,4\n5,6\n7,"8" 9\n10,11\n';
  t.deepEqual(
    readTable(stray).rows.map(([a]: string[]) => a),
    ['1', '5', '10'],
    'a stray quote costs its own line',
  );
  t.deepEqual(readTable('"a","b"\n"1",2,3\n"2",4,5\n').rows[1], ['4', '5'], 'R names its rows');
  t.throws(() => readTable('a,b\n'), { message: /at least two rows/ });
});

test('what of a file is left out is told', async t => {
  const { readTable } = await demoModule('sense/table.ts');
  const { fileSource } = await demoModule('sense/source.ts');
  const omitted = (text: string): string => fileSource('x', readTable(new TextEncoder().encode(text)), () => 0).omitted;
  t.is(omitted('a,b\n1,2\n3,4\n'), '');
  t.is(omitted('a,b\n1,2\nlonely\n3,4\n'), 'Lines that cannot be read, and are left out: 1.');
  t.is(omitted(`v\n${'1\n'.repeat(200_000)}`), '');
  for (const [end, beyond] of [
    ['1\n', '1'],
    ['1', '1'],
    [`${'1\n'.repeat(499_999)}1`, '500,000'],
  ])
    t.is(
      omitted(`v\n${'1\n'.repeat(200_000)}${end}`),
      `The first 200,000 rows are read. Lines that follow, and are left out: ${beyond}.`,
    );
  t.is(
    omitted('a,b,c,d,e,f,g,h\n1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8\n'),
    'The first 6 columns of numbers: the network sees none of the other 2.',
  );
});

test('the rows of a file wait for room', async t => {
  const { fileSource } = await demoModule('sense/source.ts');
  const table = { names: ['v'], rows: Array.from({ length: 9 }, (_, i) => [`${i}`]) };
  let most = 4;
  const came: number[] = [];
  const waits = new Promise<void>(resolve => {
    const rows = fileSource('x', table, () => 0).rows(() => {
      if (came.length < most) return true;
      resolve();
      return false;
    });
    const subscription = rows.subscribe(({ v }: { v: number }) => came.push(v));
    t.teardown(() => subscription.unsubscribe());
  });
  await waits;
  t.deepEqual(came, [0, 1, 2, 3]);
  most = 9;
  while (came.length < 9) await nextTurn();
  t.deepEqual(came, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('a file has columns of numbers, of categories and of times', async t => {
  const { fileSource, exampleTable } = await demoModule('sense/source.ts');
  const { columns, others, time } = fileSource('x', exampleTable(), () => 0);
  t.deepEqual(
    columns.map(({ name }: { name: string }) => name),
    ['north', 'south'],
  );
  t.deepEqual(others, [{ name: 'water', nullable: true, categories: ['flood', 'ebb'] }]);
  t.is(time, 'time');
  const shuffled = { names: ['time', 'v'], rows: ['2024-02-01', '2024-01-01'].map((day, i) => [day, `${i}`]) };
  t.is(fileSource('x', shuffled, () => 0).time, undefined, 'times that go back are no clock');
  const wide = { names: [...'abcdefgh'], rows: [1, 2].map(v => [...'abcdefgh'].map(() => `${v}`)) };
  t.is(fileSource('x', wide, () => 0).columns.length, 6);
  const sizes = { names: ['v', 'w', 'x'], rows: [0.5, 2.25].map(v => [`${v}e-9`, `${v}e300`, `${v}`]) };
  t.deepEqual(
    fileSource('x', sizes, () => 0).columns.map(({ format }: { format(value: number): string }, i: number) =>
      format([2.25e-9, 2.25e300, 2.25][i]),
    ),
    ['2.25E-9', '2.25E300', '2.25'],
  );
  t.throws(() => fileSource('x', { names: ['a'], rows: [['x'], ['y']] }, () => 0), {
    message: /a column of numbers, got a/,
  });
});
