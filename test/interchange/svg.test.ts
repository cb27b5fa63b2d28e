import test from 'ava';
import { inkFrame, inkSvg, svgPath } from '../../src/interchange/svg.js';
import { ink } from '../helpers/ink.js';

const points = [
  ...ink([
    [0, 0],
    [10.04, -5],
  ]),
  ...ink([[3, 4]]),
];

test('strokes are paths that bend at their points, and a dot is a line of no length', t => {
  t.is(svgPath(points), 'M0 0L10 -5M3 4L3 4');
  t.is(
    svgPath(
      ink([
        [0, 0],
        [10, 0],
        [10, 10],
        [0, 20.04],
      ]),
    ),
    'M0 0Q10 0 10 5Q10 10 5 15L0 20',
  );
  t.is(svgPath([]), '');
});

test('the frame holds all ink, with a margin', t => {
  t.deepEqual(inkFrame(points, 1), [-1, -6, 12.04, 11]);
  t.deepEqual(inkFrame([], 2), [-2, -2, 4, 4]);
});

test('a document stands by itself', t => {
  const svg = inkSvg(points, 2);
  t.regex(
    svg,
    /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="-4 -9 18 17" width="18" height="17"><path d="M0 0L10 -5M3 4L3 4" /,
  );
  t.true(svg.endsWith('/></svg>\n'));
});
