import test from 'ava';
import { createF32 } from '../../../src/cli/formats/f32.js';
import { isMissing, numberOf, show } from '../../../src/cli/formats/format.js';
import { createLines, longestLine } from '../../../src/cli/formats/lines.js';
import { createNdjson } from '../../../src/cli/formats/ndjson.js';
import { createTable } from '../../../src/cli/formats/table.js';
import { openFormat } from '../../../src/cli/input.js';

const bytes = (text: string) => new TextEncoder().encode(text);

test('numbers are what a decimal says, and nothing else', t => {
  for (const [cell, value] of [
    ['1', 1],
    [' -2.5e3 ', -2500],
    ['.5', 0.5],
    ['+7.', 7],
    [3, 3],
    [true, 1],
    ['', Number.NaN],
    ['NA', Number.NaN],
    [null, Number.NaN],
    ['0x10', undefined],
    ['1e999', undefined],
    ['Infinity', undefined],
    ['1,5', undefined],
    ['12:00', undefined],
    [{}, undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ] as const) {
    t.is(numberOf(cell), value, String(cell));
  }
  t.true(isMissing(undefined) && isMissing('NaN') && !isMissing('0') && !isMissing(0));
});

test('a cell of many digits takes no longer than its length', t => {
  const began = performance.now();
  t.is(numberOf(`${'1'.repeat(100_000)}x`), undefined);
  t.is(numberOf(`${'1'.repeat(100_000)}.${'1'.repeat(100_000)}x`), undefined);
  t.true(performance.now() - began < 2000);
});

test('lines are cut anywhere, also in the middle of a character', t => {
  for (const one of ['eins\r\nzwölf\n\ndrei', 'eins\rzwölf\r\rdrei', 'eins\rzwölf\r\rdrei\r']) {
    const text = bytes(one);
    for (let at = 0; at <= text.length; at++) {
      const lines = createLines();
      const all = [...lines.read(text.subarray(0, at)), ...lines.read(text.subarray(at)), ...lines.end()];
      t.deepEqual(
        all.map(({ line, text }) => [line, text]),
        [
          [1, 'eins'],
          [2, 'zwölf'],
          [3, ''],
          [4, 'drei'],
        ],
        `${JSON.stringify(one)} at ${at}`,
      );
    }
  }
});

test('a line that does not end is cut, and the next one is whole', t => {
  const lines = createLines();
  const seen = [];
  for (let i = 0; i < 5; i++) seen.push(...lines.read(bytes('x'.repeat(longestLine / 2))));
  seen.push(...lines.read(bytes('\nnext\n')));
  t.deepEqual(
    seen.map(({ line, text }) => [line, text.length]),
    [
      [1, 80],
      [2, 4],
    ],
  );
});

test('where a delimiter is given, the input is CSV, whatever it looks like', t => {
  const format = openFormat({ delimiter: '|' }, undefined, false);
  format.read(bytes('a|b\n1|2\n'));
  t.deepEqual([format.name, format.columns], ['csv', ['a', 'b']]);
});

test('headings of a table that come again are passed over', t => {
  const table = createTable();
  const rows = table.read(bytes('--- x ---\n a b\n 1 2\n--- x ---\n a b\n 3 4\n 5\n'));
  t.deepEqual(table.columns, ['a', 'b']);
  t.deepEqual(rows, [
    { line: 3, cells: ['1', '2'] },
    { line: 6, cells: ['3', '4'] },
    { line: 7, malformed: 'expected 2 cells, got 1' },
  ]);
});

test('JSON lines are objects, lists or numbers', t => {
  const objects = createNdjson();
  t.deepEqual(objects.read(bytes('{"b":1,"a":2}\n{"a":3}\n"no"\n')), [
    { line: 1, cells: [1, 2] },
    { line: 2, cells: [undefined, 3] },
    { line: 3, malformed: 'expected an object, a list or a number, got "no"' },
  ]);
  t.deepEqual(objects.columns, ['b', 'a']);
  t.deepEqual(createNdjson().read(bytes('5\n[6]\n[7,8]\n')), [
    { line: 1, cells: [5] },
    { line: 2, cells: [6] },
    { line: 3, malformed: 'expected 1 cell, got 2' },
  ]);
});

test('a cell that is nested very deeply is shown cut short, as any other that is no number', t => {
  const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  t.is(show([1, { deep: [] }]), '[1,{"deep":[]}]');
  t.is(show(deep), 'a list that is nested very deeply');
  t.is(show({ deep }), 'an object that is nested very deeply');
});

test('the columns of JSON lines are those of the first record that has a number', t => {
  const none = 'expected numbers, got none';
  for (const [begin, row, columns] of [
    ['{"event":"connected"}', '{"a":1,"b":"2"}', ['a', 'b']],
    ['["time","value","unit"]', '[1,2]', ['c1', 'c2']],
    ['{}', '{"a":"1.5"}', ['a']],
    ['{"a":null}', '{"b":1,"a":2}', ['b', 'a']],
  ] as const) {
    const format = createNdjson();
    t.deepEqual(format.read(bytes(`${begin}\n`)), [{ line: 1, malformed: none }]);
    t.is(format.columns, undefined);
    const cells = Object.values(JSON.parse(row));
    t.deepEqual(format.read(bytes(`${row}\n${row}\n`)), [
      { line: 2, cells },
      { line: 3, cells },
    ]);
    t.deepEqual(format.columns, columns);
  }
  const format = createNdjson();
  t.deepEqual(format.read(bytes('{"a":1}\n{"a":null}\n')).length, 2);
  t.deepEqual(format.read(bytes('{"b":"x"}\n')), [{ line: 3, cells: [undefined] }], 'later ones are as they are');
});

test('raw rows are cut anywhere, and what is left over is told', t => {
  const all = new Uint8Array(Float32Array.of(1, 2, 3, Number.NaN, 5).buffer);
  for (let at = 0; at <= all.length; at++) {
    const f32 = createF32(2);
    const rows = [...f32.read(all.subarray(0, at)), ...f32.read(all.subarray(at)), ...f32.end()];
    t.deepEqual(rows, [
      { line: 1, cells: [1, 2] },
      { line: 2, cells: [3, Number.NaN] },
      { line: 3, malformed: 'expected 8 bytes in a row, got 4' },
    ]);
  }
});
