import test from 'ava';
import { detectFormat } from '../../../src/cli/formats/detect.js';
import type { FormatName } from '../../../src/cli/formats/format.js';

const whole: [name: string, text: string, format: FormatName][] = [
  ['prose', 'It was the best of times,\nit was the worst of times,\n', 'text'],
  ['a poem with a number', 'One, two,\nbuckle my shoe 3\n', 'text'],
  ['one line of prose with a comma', 'well, 5 of them\n', 'text'],
  ['source code', '#include <stdio.h>\nint main() { return 0; }\n', 'text'],
  ['a page', '# Title\n\nSome text, 12 words of it.\n', 'text'],
  ['a log', '2016-07-01 00:00:00 GET /index.html 200\n2016-07-01 00:00:01 GET / 404\n', 'text'],
  ['nothing', '', 'text'],
  ['names and numbers', 'a,b\n1,2\n', 'csv'],
  ['semicolons', 'time;value\n12:00;1,5\n12:01;2\n', 'csv'],
  ['quotes', '"a","b"\n"1","2"\n', 'csv'],
  ['names of rows, and none of them', '"a","b"\n"1",2,3\n"2",4,5\n', 'csv'],
  ['prose of more and more parts', 'One, two,\nthree, 4, five, six\n', 'text'],
  ['rows that end with a comma', 'a,b\n1,2,\n3,4,\n', 'text'],
  ['lines of words after the names', 'timestamp,count\ndatetime,int\nT,\n2014-07-01,10844\n', 'csv'],
  ['a broken second row', 'a,b\n1,2\n3\n', 'csv'],
  ['no names', '1,2\n3,4\n', 'csv'],
  ['lines that end with a carriage return alone', 'a,b\r1,2\r3,4\r', 'csv'],
  ['vmstat', 'procs ---memory---\n r  b   free\n 1  0   2392\n', 'table'],
  ['a column of numbers', '1\n2\n3\n', 'table'],
  ['a name and numbers', 'load\n0.5\n', 'table'],
  ['objects', '{"a": 1, "b": "x"}\n', 'ndjson'],
  ['lists', '[1, 2]\n', 'ndjson'],
  ['objects without numbers', '{"text": "hello"}\n', 'text'],
];

for (const [name, text, format] of whole) {
  test(`${name}: ${format}`, t => {
    t.is(detectFormat(text, true), format);
    // Seen bit by bit, it is not taken for something else on the way.
    for (let length = 0; length < text.length; length++) {
      const soon = detectFormat(text.slice(0, length), false);
      if (soon !== undefined) t.is(soon, format, text.slice(0, length));
    }
  });
}

test('text is not held back for long', t => {
  t.is(detectFormat('one\ntwo\nthree\nfour\n', false), 'text');
  t.is(detectFormat('no line end '.repeat(6000), false), 'text');
});
