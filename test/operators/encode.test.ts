import test from 'ava';
import { Subject } from 'rxjs';
import { createBytes } from '../../src/encoders/bytes.js';
import { createReadings } from '../../src/encoders/readings.js';
import { encode } from '../../src/operators/encode.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';

keepsContract<string, number>('encode', {
  make: async () => encode(createBytes()),
  items: ['a', 'bé', '語', 'c'],
  expected: async items => [...new TextEncoder().encode(items.join(''))],
  show: output => output,
  wrong: [{ what: 'a number', item: 7, code: 'EDDY_INPUT' }],
  wrongArguments: [
    { what: 'nothing', call: () => encode(undefined as never), code: 'EDDY_CONFIG' },
    { what: 'a configuration', call: () => encode({ kind: 'bytes' } as never), code: 'EDDY_CONFIG' },
  ],
});

test('each piece gives its inputs, and completion what still waited', t => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('-a--b--c-----d-|    ', { a: 'a', b: '\ud83d', c: '\ude00', d: '\ud83d' });
    const subscribed = ' ^--------------!    ';
    const expected = '   -a-----(wxyz)--(rst|)';
    const values = { a: 97, w: 0xf0, x: 0x9f, y: 0x98, z: 0x80, r: 0xef, s: 0xbf, t: 0xbd };
    expectObservable(source.pipe(encode(createBytes()))).toBe(expected.trim(), values);
    expectSubscriptions(source.subscriptions).toBe(subscribed.trim());
  });
});

test('a second subscription begins with the state that was given', t => {
  const readings = createReadings({ kind: 'readings', columns: [{ name: 'x' }] });
  const rows = { a: Float32Array.of(0), b: Float32Array.of(1), c: Float32Array.of(-1) };
  marbles(t, ({ cold, expectObservable }) => {
    const source = cold('-a-b', { a: [1], b: [3] });
    expectObservable(source.pipe(encode(readings))).toBe('-a-b', rows);
    const resumed = source.pipe(encode(readings, { columns: [{ count: 1, mean: 3, variance: 0 }] }));
    expectObservable(resumed, '^-!').toBe('-c', rows);
    expectObservable(resumed, '--^-!').toBe('---c', rows);
  });
});

test('what a subscriber feeds to its source comes after the rest of the piece, and after that the end', t => {
  const source = new Subject<string>();
  const seen: unknown[] = [];
  source.pipe(encode(createBytes())).subscribe({
    next(byte) {
      seen.push(byte);
      if (byte === 97) source.next('xy');
      if (byte === 120) source.complete();
    },
    complete: () => seen.push('end'),
  });
  source.next('abc');
  t.deepEqual(seen, [97, 98, 99, 120, 121, 'end']);
});
