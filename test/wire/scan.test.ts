import test from 'ava';
import { WireError } from '../../src/errors.js';
import { defaultLimits } from '../../src/wire/limits.js';
import { checkSize, scanBinary, scanJson } from '../../src/wire/scan.js';

const bytes = (...numbers: (number | number[])[]) => Uint8Array.from(numbers.flat());
const torn = { instanceOf: WireError, message: /^Expected a whole message/ };
const tooMany = { instanceOf: WireError, message: /^Expected a message of at most \d+ values/ };

test('a binary message that is whole passes, fields that are unknown included', t => {
  t.notThrows(() => scanBinary('ClientMessage', bytes(), defaultLimits));
  t.notThrows(() => scanBinary('ClientMessage', bytes(0x08, 1, 0x4a, 2, 0x08, 5), defaultLimits));
  // Field 2047 of each wire type, then Frames { 2047: ... }.
  const unknown = [0xf8, 0x7f, 1, 0xf9, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 0xfa, 0x7f, 2, 1, 1, 0xfd, 0x7f, 1, 2, 3, 4];
  t.notThrows(() => scanBinary('ClientMessage', bytes(unknown, 0x1a, unknown.length, unknown), defaultLimits));
});

test('a binary message is refused wherever it is torn', t => {
  const whole = bytes(0x08, 0x81, 0x01, 0x1a, 9, 0x08, 5, 0x22, 5, 0x12, 3, 1, 2, 3);
  t.notThrows(() => scanBinary('ClientMessage', whole, defaultLimits));
  for (let length = 1; length < whole.length; length++) {
    // Whole without what follows: the session alone.
    if (length === 3) continue;
    t.throws(() => scanBinary('ClientMessage', whole.subarray(0, length), defaultLimits), torn, `${length} bytes`);
  }
});

test('a length that goes beyond its message is refused, though the bytes are there', t => {
  const outer = bytes(0x1a, 2, 0x22, 4, 0x12, 2, 1, 2);
  t.throws(() => scanBinary('ClientMessage', outer, defaultLimits), torn);
  const huge = bytes(0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
  t.throws(() => scanBinary('ClientMessage', huge, defaultLimits), torn);
});

test('a number of more than ten bytes is refused', t => {
  const ten = Array.from({ length: 9 }, () => 0x80);
  t.notThrows(() => scanBinary('ClientMessage', bytes(0x08, ten, 1), defaultLimits));
  t.throws(() => scanBinary('ClientMessage', bytes(0x08, ten, 0x80, 1), defaultLimits), torn);
});

test('groups are refused: they nest without bound', t => {
  const expected = { instanceOf: WireError, message: 'Expected fields of wire type 0, 1, 2 or 5, got 3' };
  t.throws(() => scanBinary('ClientMessage', bytes(0x1b, 0x1b, 0x1c, 0x1c), defaultLimits), expected);
  t.throws(() => scanBinary('ClientMessage', bytes(0x0f), defaultLimits), { instanceOf: WireError });
});

test('fields are counted wherever they are', t => {
  const limits = { ...defaultLimits, maxItems: 6 };
  // Frames { text { chunks: '' × n } }
  const chunks = (n: number) => bytes(0x1a, 2 + 2 * n, 0x2a, 2 * n, Array.from({ length: n }, () => [0x0a, 0]).flat());
  t.notThrows(() => scanBinary('ClientMessage', chunks(4), limits));
  t.throws(() => scanBinary('ClientMessage', chunks(5), limits), tooMany);
  // Frames { tokens { ids: [1 × n] } }, packed
  const ids = (n: number) =>
    bytes(
      0x1a,
      4 + n,
      0x1a,
      2 + n,
      0x0a,
      n,
      Array.from({ length: n }, () => 1),
    );
  t.notThrows(() => scanBinary('ClientMessage', ids(3), limits));
  t.throws(() => scanBinary('ClientMessage', ids(4), limits), tooMany);
  t.throws(() => scanBinary('ClientMessage', bytes(...Array.from({ length: 7 }, () => [0x08, 1])), limits), tooMany);
});

test('a JSON message is refused by depth and by count', t => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  t.notThrows(() => scanJson(nested(32), defaultLimits));
  t.throws(() => scanJson(nested(33), defaultLimits), {
    instanceOf: WireError,
    message: 'Expected a message at most 32 levels deep, got one that is deeper',
  });
  const limits = { ...defaultLimits, maxItems: 5 };
  t.notThrows(() => scanJson('[1,2,3,4]', limits));
  t.throws(() => scanJson('[1,2,3,4,5]', limits), tooMany);
});

test('brackets and commas within text do not count', t => {
  const limits = { ...defaultLimits, maxItems: 2 };
  t.notThrows(() => scanJson(JSON.stringify([`"\\${'[,{'.repeat(100)}\\"`]), limits));
  t.notThrows(() => scanJson('["unclosed \\', limits));
});

test('a message is refused by its size alone', t => {
  const limits = { ...defaultLimits, maxBytes: 10 };
  const tooLarge = {
    instanceOf: WireError,
    message: 'Expected a message of at most 10 bytes, got 11; send it in parts',
  };
  t.notThrows(() => checkSize(10, limits));
  t.throws(() => checkSize(11, limits), tooLarge);
  t.throws(() => scanBinary('ClientMessage', new Uint8Array(11), limits), tooLarge);
  t.throws(() => scanJson(' '.repeat(11), limits), tooLarge);
});
