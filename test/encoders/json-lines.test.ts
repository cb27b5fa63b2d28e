import test from 'ava';
import { parseLine, splitRecords } from '../../src/encoders/json-lines.js';
import { InputError } from '../../src/errors.js';

test('whole lines are records, and the rest of the last one waits', t => {
  const first = splitRecords('', '{"a":1}\r\n\n[2]\n{"a"');
  t.deepEqual(first, { records: [{ a: 1 }, [2]], pending: '{"a"' });
  t.deepEqual(splitRecords(first.pending, ':3}\n'), { records: [{ a: 3 }], pending: '' });
  t.deepEqual(parseLine('7'), [7]);
  t.deepEqual(parseLine('  '), []);
});

test('a line that is no JSON, and one without an end, are refused', t => {
  t.throws(() => splitRecords('', '{a}\n'), { instanceOf: InputError, message: /a line of JSON, got "{a}"/ });
  for (const rest of ['y'.repeat(1000), `${'y'.repeat(1000)}\n1\n`])
    t.throws(() => splitRecords('1'.repeat(65_000), rest), { instanceOf: InputError, message: /66000/ });
});
