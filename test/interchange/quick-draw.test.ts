import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { InputError } from '../../src/errors.js';
import { fromQuickDraw } from '../../src/interchange/quick-draw.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

test('a raw drawing brings its times, a simplified one has some', t => {
  const lines = [
    {
      word: 'line',
      drawing: [
        [
          [0.5, 3],
          [1, 2],
          [0, 40],
        ],
        [[9], [8], [100]],
      ],
    },
    {
      drawing: [
        [
          [0, 3],
          [1, 2],
        ],
        [[7], [7]],
      ],
    },
  ];
  const [line, other] = fromQuickDraw(`\ufeff${lines.map(one => JSON.stringify(one)).join('\r\n')}\n\n`);
  t.deepEqual(line, {
    label: 'line',
    points: [
      { x: 0.5, y: 1, time: 0, up: false },
      { x: 3, y: 2, time: 40, up: true },
      { x: 9, y: 8, time: 100, up: true },
    ],
  });
  t.false('label' in other);
  t.deepEqual(
    other.points.map(({ time }) => time),
    [10, 20, 30],
  );
});

test('lines that are no drawings are refused, by their number', t => {
  const refused = (text: string, message: RegExp) =>
    t.throws(() => fromQuickDraw(text), { instanceOf: InputError, message });
  refused('\n{', /line 2 to be JSON/);
  refused('null', /line 1 to have a drawing/);
  refused('{"drawing":[[[1,2],[1]]]}', /as many x as y/);
  refused('{"drawing":[[[1],["1"]]]}', /numbers/);
  refused('{"drawing":[5]}', /strokes/);
});

sharedTest('all drawings of the raw files are read', 'handwriting/quickdraw-raw', t => {
  const folder = sharedPath('handwriting/quickdraw-raw');
  const files = readdirSync(folder).filter(name => name.endsWith('.ndjson'));
  const inks = files.flatMap(name => fromQuickDraw(readFileSync(`${folder}/${name}`, 'utf8')));
  t.is(inks.length, 294);
  t.is(new Set(inks.map(({ label }) => label)).size, 12);
  t.is(
    inks.reduce((sum, { points }) => sum + points.length, 0),
    41_624,
  );
});
