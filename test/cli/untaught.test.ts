import test from 'ava';
import { createTold } from '../../src/cli/told.js';
import { createUntaught } from '../../src/cli/untaught.js';
import { eddy } from '../helpers/cli.js';

const gap = Number.NaN;

test('rows that teach nothing are counted, and many in a row are told once, with what is missing', t => {
  for (const [rows, words] of [
    [
      [
        [1, gap, 2],
        [gap, gap, 2],
      ],
      /^the newest 100 rows taught nothing: b is missing in each: .*--ignore/,
    ],
    [
      [
        [1, gap, 2],
        [gap, 1, 2],
      ],
      /^the newest 100 rows taught nothing: in each a target is missing: --target/,
    ],
    [[[gap, gap, gap]], /: all targets are missing in each$/],
  ] as const) {
    const told = createTold();
    const said: string[] = [];
    const see = createUntaught(['a', 'b', 'c'], told, text => said.push(text));
    const gaps = (count: number) => {
      for (let i = 0; i < count; i++) see(Float64Array.from(rows[i % rows.length]));
    };
    gaps(99);
    see(Float64Array.of(1, 2, 3));
    gaps(99);
    t.deepEqual(said, []);
    gaps(1);
    t.is(said.length, 1);
    t.regex(said[0], words);
    gaps(300);
    t.is(said.length, 1);
    t.is(told.untaught, 499);
  }
});

test('a column that has gone for good is told while the stream flows', async t => {
  const rows = Array.from({ length: 150 }, (_, i) => `${i % 7},${i < 20 ? i % 5 : ''}\n`);
  const { stderr, status } = await eddy(t, `a,b\n${rows.join('')}`, 'pipe', '--learn', '--hidden', '2');
  t.is(status, 0);
  t.regex(stderr, /\neddy: the newest 100 rows taught nothing: b is missing in each: /);
  t.regex(stderr, /\neddy: 130 rows taught nothing, as a target was missing\n$/);
  const frozen = await eddy(t, `a,b\n${rows.join('')}`, 'pipe', '--hidden', '2');
  t.notRegex(frozen.stderr, /taught/);
});
