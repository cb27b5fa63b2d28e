import test from 'ava';
import { InputError } from '../../src/errors.js';
import { decodeTrace } from '../../src/interchange/inkml-trace.js';

const xy = [{ name: 'X' }, { name: 'Y' }];

test('values stand for themselves, for moves, or for changes of moves, until told otherwise', t => {
  t.deepEqual(decodeTrace('10 20, \'3\'-1, 2 4, "1"-2, 0 0, !5 !6, 7 8', xy), [
    [10, 20],
    [13, 19],
    [15, 23],
    [18, 25],
    [21, 27],
    [5, 6],
    [7, 8],
  ]);
});

test('signs and marks part values as blanks do, and numbers have all of their forms', t => {
  t.deepEqual(decodeTrace("1-2,'3'4,-5-6", xy), [
    [1, -2],
    [4, 2],
    [-1, -4],
  ]);
  t.deepEqual(decodeTrace('.5 1e2,\n -1.5E-1 #fF ,', xy), [
    [0.5, 100],
    [-0.15, 255],
  ]);
  t.deepEqual(decodeTrace('T F', xy), [[1, 0]]);
});

test('a star is as before, a question mark is no value, and the last channels may be left out', t => {
  t.deepEqual(decodeTrace("1 2 3, * ? *, '1 !5, * 6 7", [...xy, { name: 'T' }]), [
    [1, 2, 3],
    [1, undefined, 3],
    [2, 5, undefined],
    [3, 6, 7],
  ]);
});

test('points that do not fit are refused, by their number', t => {
  const refused = (text: string, message: RegExp) =>
    t.throws(() => decodeTrace(text, xy), { instanceOf: InputError, message });
  refused('1 2, 3 4 5', /point 2 of a trace to be values of X Y, got 3 4 5/);
  refused('1 2,, 3 4', /point 2/);
  refused('1 x', /point 1/);
  refused("'1 2", /point 1/);
  refused('* 1', /point 1/);
  t.deepEqual(decodeTrace(' \n', xy), []);
});

test('a long gap in a point takes no longer than its length', t => {
  const began = performance.now();
  const gap = ' '.repeat(100_000);
  t.deepEqual(decodeTrace(`1${gap}!${gap}2${gap}`, xy), [[1, 2]]);
  t.throws(() => decodeTrace(`1${gap}x`, xy), { instanceOf: InputError });
  const many = Array.from({ length: 1000 }, (_, i) => ({ name: `c${i}` }));
  t.is(decodeTrace(many.map(() => '7').join(' ') + gap, many)[0].length, 1000);
  t.true(performance.now() - began < 2000);
});
