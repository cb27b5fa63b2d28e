import test from 'ava';
import fc from 'fast-check';
import { createCsv } from '../../../src/cli/formats/csv.js';
import type { RowFormat } from '../../../src/cli/formats/format.js';

const bytes = (text: string) => new TextEncoder().encode(text);

/** All rows of a text that comes in pieces of a length. */
function rowsOf(format: RowFormat, text: string, length: number) {
  const all = bytes(text);
  const rows = [];
  for (let at = 0; at < all.length; at += length) rows.push(...format.read(all.subarray(at, at + length)));
  return [...rows, ...format.end()];
}

test('cuts of any length give the same rows', t => {
  const text = 'a,"b ""c""",ü\r\n1,2,3\n"4\n4",5,6\n\n7,8,"9"';
  for (let length = 1; length <= text.length; length++) {
    const csv = createCsv();
    t.deepEqual(rowsOf(csv, text, length), [
      { line: 2, cells: ['1', '2', '3'] },
      { line: 3, cells: ['4\n4', '5', '6'] },
      { line: 6, cells: ['7', '8', '9'] },
    ]);
    t.deepEqual(csv.columns, ['a', 'b "c"', 'ü']);
  }
});

test('a row leaves as soon as its line has ended', t => {
  const csv = createCsv();
  t.deepEqual(csv.read(bytes('a\n1\n')), [{ line: 2, cells: ['1'] }]);
  t.deepEqual(csv.read(bytes('2')), []);
  t.deepEqual(csv.read(bytes('\n')), [{ line: 3, cells: ['2'] }]);
});

test('without names columns are numbered, and names that come twice are told apart', t => {
  const numbers = createCsv();
  t.deepEqual(numbers.read(bytes('1;2,5\n')), [{ line: 1, cells: ['1', '2.5'] }]);
  t.deepEqual(numbers.columns, ['c1', 'c2']);
  t.deepEqual(numbers.read(bytes('-1,5E+03;,5\n1,2,3;1,5x\n')), [
    { line: 2, cells: ['-1.5E+03', '.5'] },
    { line: 3, cells: ['1,2,3', '1,5x'] },
  ]);
  const twice = createCsv();
  twice.read(bytes('x\tx\t\n1\t2\t3\n'));
  t.deepEqual(twice.columns, ['x', 'x.2', 'c3']);
  for (const [heading, ...names] of [
    ['x,x,x.2', 'x', 'x.3', 'x.2'],
    ['x.2,x,x,x', 'x.2', 'x', 'x.3', 'x.4'],
    ['c2,,x', 'c2', 'c2.2', 'x'],
  ]) {
    const odd = createCsv();
    odd.read(Buffer.from(`${heading}\n`));
    t.deepEqual(odd.columns, names);
  }
});

test('where the first row has a cell more than the heading has names, the first column has none', t => {
  const csv = createCsv();
  t.deepEqual(rowsOf(csv, '"a","c1"\n"x",1,2\n3,4\ny,5,6\n', 8), [
    { line: 2, cells: ['x', '1', '2'] },
    { line: 3, malformed: 'expected 3 cells, got 2' },
    { line: 4, cells: ['y', '5', '6'] },
  ]);
  t.deepEqual([csv.columns, csv.unnamed], [['c1', 'a', 'c1.2'], 'c1']);
  for (const text of ['a,b\n1,2,3\n3,4\n', '"a","b"\n3,4\n"1",2,3\n']) {
    const even = createCsv();
    t.is(rowsOf(even, text, 8).filter(row => 'malformed' in row).length, 1);
    t.deepEqual([even.columns, even.unnamed], [['a', 'b'], undefined]);
  }
});

test('a wrong record is told with its line, and no other is lost', t => {
  const rows = rowsOf(createCsv(), 'a,b\n1,2\n3"4,5\n6\n7,8\n"9,10', 9);
  t.deepEqual(
    rows.map(row => ('malformed' in row ? row.line : row.cells)),
    [['1', '2'], 3, 4, ['7', '8'], 6],
  );
});

test('quotes that never end do not fill the memory', t => {
  const csv = createCsv();
  csv.read(bytes('a,b\n'));
  const rows = [];
  for (let i = 0; i < 40; i++) rows.push(...csv.read(bytes(`${i === 0 ? '"' : ''}${'x'.repeat(65_536)}\n`)));
  t.true(rows.length >= 1 && rows.every(row => 'malformed' in row));
});

/** The line of what is wrong, the cells of what is not. */
const brief = (rows: ReturnType<typeof rowsOf>) => rows.map(row => ('malformed' in row ? row.line : row.cells));

test('a stray quote costs its own line, however many come after it', t => {
  const after = Array.from({ length: 300 }, (_, i) => [`${i}`, '2.5']);
  const text = after.map(cells => `${cells.join(',')}\n`).join('');
  for (const stray of ['3,"5', '3,5"', '3,"5" "x', '"3,5', '3,"5"x', '"3,"5"']) {
    t.deepEqual(brief(rowsOf(createCsv(), `a,b\n1,2\n${stray}\n${text}`, 50)), [['1', '2'], 3, ...after], stray);
  }
  // The quote of the fifth line ends what the third began: both are wrong, and nothing between them is lost.
  const two = rowsOf(createCsv(), 'a,b\n1,2\n3,"5\n4,6\n5,"7\n6,8\n', 50);
  t.deepEqual(brief(two), [['1', '2'], 3, ['4', '6'], 5, ['6', '8']]);
});

test('rows are held back for a hundred lines or 64 KiB of an open quote, and no longer', t => {
  const csv = createCsv();
  csv.read(bytes('a,b\n3,"5\n'));
  for (let i = 1; i < 99; i++) t.deepEqual(csv.read(bytes(`${i},0\n`)), []);
  t.is(csv.read(bytes('99,0\n')).length, 100);
  t.deepEqual(csv.read(bytes('100,0\n')), [{ line: 102, cells: ['100', '0'] }]);
  t.deepEqual(csv.read(bytes(`3,"${'x'.repeat(65_000)}\n`)), []);
  t.is(csv.read(bytes(`1,${'0'.repeat(1000)}\n`)).length, 2);
  const note = `${'line\n'.repeat(98)}end`;
  t.deepEqual(csv.read(bytes(`1,"${note}"\n`)), [{ line: 105, cells: ['1', note] }]);
});

test('a line that is too long ends open quotes, those that open on the way too', t => {
  const rows = rowsOf(createCsv(), `a,b\n1,"2\n3,"4\n5,6\n${'x'.repeat(1 << 20)}x\n7,8\n`, 1 << 16);
  t.deepEqual(brief(rows), [2, 3, ['5', '6'], 5, ['7', '8']]);
});

test('a line that ends in NUL is as long as it is', t => {
  t.deepEqual(rowsOf(createCsv(), 'a,b\n1,2\0\nx\0,"y\0"\n', 8), [
    { line: 2, cells: ['1', '2\0'] },
    { line: 3, cells: ['x\0', 'y\0'] },
  ]);
});

test('a carriage return inside a line ends no record', t => {
  const text = 'a,b\n1,2\r3,4\n5,6\n7\r,8\n';
  for (const length of [1, text.length]) {
    const rows = rowsOf(createCsv(), text, length);
    t.deepEqual(
      rows.map(row => ('malformed' in row ? row.line : row.cells)),
      [2, ['5', '6'], ['7', '8']],
    );
  }
});

test('whatever bytes come, each line is a row or wrong', t => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('"', '\r', '\n', ',', ';', ' ', '1', 'x', '\uFEFF'), { maxLength: 60 }),
      parts => {
        const rows = rowsOf(createCsv(), parts.join(''), 7);
        const lines = rows.map(row => row.line);
        t.deepEqual(
          [...new Set(lines)].sort((a, b) => a - b),
          lines,
        );
      },
    ),
    { numRuns: 2000 },
  );
});
