import test from 'ava';
import type { Row } from '../../../src/cli/formats/format.js';
import { createFormat } from '../../../src/cli/formats/formats.js';
import { createUtf16 } from '../../../src/cli/formats/utf16.js';

const table = '\uFEFFzeit,größe 😀\r\n1,2\r\n3,4\r\n';
const little = Buffer.from(table, 'utf16le');
const big = Buffer.from(little).swap16();

/** All that is read, cut in two. */
function whole(bytes: Uint8Array, at: number): Buffer {
  const { read, end } = createUtf16();
  return Buffer.concat([read(bytes.subarray(0, at)), read(bytes.subarray(at)), end()]);
}

test('UTF-16 with its mark is read as UTF-8, wherever it is cut', t => {
  for (const bytes of [little, big])
    for (let at = 0; at <= bytes.length; at++) t.is(whole(bytes, at).toString(), table.slice(1));
});

test('what is no UTF-16 stays as it is', t => {
  for (const bytes of [[], [0xff], [0xff, 0xfe], [0xff, 0xfe, 0, 0, 1], [0xff, 0xfe, 1, 2, 3], [0xfe, 0xff, 1], [1, 2]])
    for (let at = 0; at <= bytes.length; at++) t.deepEqual([...whole(Uint8Array.from(bytes), at)], bytes);
});

test('a table in UTF-16 is one, also where nobody says so', t => {
  const encode = { read: (chunk: Uint8Array) => Array.from(chunk), end: () => [] };
  for (const name of [undefined, 'csv'] as const) {
    const format = createFormat(name, { encode });
    const frames = [...format.read(little), ...format.end()] as Row[];
    t.is(format.name, 'csv');
    t.deepEqual(format.columns, ['zeit', 'größe 😀']);
    t.deepEqual(
      frames.map(({ cells }) => cells),
      [
        ['1', '2'],
        ['3', '4'],
      ],
    );
  }
});
