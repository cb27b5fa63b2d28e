import test from 'ava';
import { editDistance } from '../../src/training/edit-distance.js';

const codes = (text: string): number[] => Array.from(text, letter => letter.charCodeAt(0));

test('the distance of words is that of Levenshtein', t => {
  const cases: [string, string, number][] = [
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['flaw', 'lawn', 2],
    ['same', 'same', 0],
  ];
  for (const [a, b, distance] of cases) {
    t.is(editDistance(codes(a), codes(b)), distance);
    t.is(editDistance(codes(b), codes(a)), distance);
  }
});
