import test from 'ava';
import { createRate, progressLine } from '../../src/cli/progress.js';

const parts = ['17,817 steps', '7,944/s', '3.407 bits a byte', 'lately 3.009', 'frequencies alone 5.021'];

test('a line has whole parts, as many as the terminal has room for, and a bar if there is room', t => {
  for (const [width, line] of [
    [
      119,
      '████████░░░░░░░░░░░░ 40 % · 17,817 steps · 7,944/s · 3.407 bits a byte · lately 3.009 · frequencies alone 5.021',
    ],
    [101, '████░░░░░░ 40 % · 17,817 steps · 7,944/s · 3.407 bits a byte · lately 3.009 · frequencies alone 5.021'],
    [79, '████░░░░░░ 40 % · 17,817 steps · 7,944/s · 3.407 bits a byte · lately 3.009'],
    [59, '40 % · 17,817 steps · 7,944/s · 3.407 bits a byte'],
    [39, '████░░░░░░ 40 % · 17,817 steps · 7,944/s'.slice(11)],
    [3, '40 '],
  ] as const) {
    t.is(progressLine(width, 0.4, parts), line);
  }
});

test('of an input without a known end, there is no share and no bar', t => {
  t.is(progressLine(79, undefined, ['1 step']), '1 step');
  t.is(progressLine(30, undefined, parts), '17,817 steps · 7,944/s');
});

test('there is no rate before one can be told', t => {
  const rate = createRate();
  t.is(rate(5, 10_000), undefined);
  t.is(rate(50, 10_400), undefined);
  t.is(rate(605, 10_600), 1000);
  t.is(rate(700, 10_900), 1000);
  t.is(rate(1605, 11_600), 1000);
});
