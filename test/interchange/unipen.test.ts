import { readFileSync } from 'node:fs';
import test from 'ava';
import { InputError } from '../../src/errors.js';
import { fromUnipen } from '../../src/interchange/unipen.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const strokes = `.VERSION 1.0
.COORD X Y
.POINTS_PER_SECOND 50
.COMMENT two strokes,
 10 10 is no point here
.PEN_DOWN
10 20
11 25
.PEN_UP
.DT 100
.PEN_DOWN
 5 5
 6 6
 7 7
.PEN_UP
.PEN_DOWN
0 0
.PEN_UP
`;

const places = (points: readonly { x: number; y: number; time: number; up: boolean }[]) =>
  points.map(({ x, y, time, up }) => [x, y, time, up]);

test('segments name the strokes of an included file, ranges and parts of them too', t => {
  const asked: string[] = [];
  const inks = fromUnipen(
    `.INCLUDE a/b.dat\n.SEGMENT CHARACTER 0-1 OK "4"\n.COMMENT 4 7 1\n.SEGMENT WORD 2 ?\n.SEGMENT CHARACTER 0:1-1:1 ? "say ""\n`,
    {
      include(path) {
        asked.push(path);
        return strokes;
      },
    },
  );
  t.deepEqual(asked, ['a/b.dat']);
  const [four, word, part] = inks;
  t.like(four, { label: '4', level: 'CHARACTER', note: '4 7 1' });
  t.deepEqual(places(four.points), [
    [10, -20, 20, false],
    [11, -25, 40, true],
    [5, -5, 160, false],
    [6, -6, 180, false],
    [7, -7, 200, true],
  ]);
  t.deepEqual({ ...word, points: places(word.points) }, { level: 'WORD', points: [[0, 0, 220, true]] });
  t.is(part.label, 'say "');
  t.deepEqual(places(part.points), [
    [11, -25, 40, true],
    [5, -5, 160, false],
    [6, -6, 180, true],
  ]);
  t.is(Object.is(word.points[0].y, 0), true);
});

test('columns are those that the file names, and a column of times is taken', t => {
  const [ink] = fromUnipen('.COORD T P Y X\n.PEN_DOWN\n100 9 2 1\n130 9 4 3\n.PEN_UP\n.SEGMENT DIGIT 0 ? "7"\n');
  t.deepEqual(places(ink.points), [
    [1, -2, 100, false],
    [3, -4, 130, true],
  ]);
});

test('what cannot be read is refused, with its line', t => {
  const refused = (text: string, message: RegExp) =>
    t.throws(() => fromUnipen(text), { instanceOf: InputError, message });
  refused('.INCLUDE x.dat\n', /line 1 of the file to be read by include, got none/);
  refused('\n.PEN_DOWN\n1 2 3\n', /line 2 of the file to be rows of X Y, got 3 numbers/);
  refused('.PEN_DOWN\n1 two\n', /to be a number, got "two"/);
  refused('.COORD X T\n', /name X and Y/);
  refused('.POINTS_PER_SECOND 0\n', /above 0/);
  refused('.SEGMENT\n', /\.SEGMENT level strokes/);
  refused('.SEGMENT A 0 ? "x"\n', /among 0 to -1, got 0/);
  refused('.PEN_DOWN\n1 1\n.SEGMENT A 0-x ? "x"\n', /got 0-x/);
  refused('.PEN_DOWN\n1 1\n2 2\n.SEGMENT A 0,0:1,0 ? "x"\n', /each point once, got more than the 2 of the file/);
  const often = '.SEGMENT A 0 ? "x"\n';
  t.is(fromUnipen(`.PEN_DOWN\n1 1\n${often.repeat(16)}`).length, 16);
  refused(`.PEN_DOWN\n1 1\n${often.repeat(17)}`, /name each point at most 16 times/);
  t.throws(() => fromUnipen('.INCLUDE a\n', { include: () => '.INCLUDE a\n' }), {
    instanceOf: InputError,
    message: /at most 8 includes/,
  });
  const fourfold = (path: string) => (path.length < 8 ? `.INCLUDE ${path}a\n`.repeat(4) : '');
  t.throws(() => fromUnipen('.INCLUDE a\n', { include: fourfold }), {
    instanceOf: InputError,
    message: /at most 1024 includes/,
  });
});

const folder = 'handwriting/unipen';
sharedTest('digits and letters of the UNIPEN distribution are read', folder, t => {
  const read = (path: string) =>
    fromUnipen(readFileSync(sharedPath(`${folder}/data/${path}`), 'utf8'), {
      include: name => readFileSync(sharedPath(`${folder}/include/${name}`), 'utf8'),
    });
  const [digits, capitals, letters] = ['1a/uqb/ja.dat', '1b/aga/amywldrp.dat', '1c/aga/amywldrp.dat'].map(read);
  t.is(digits.length, 148);
  const strokeCount = (ink: { points: readonly { up: boolean }[] }) => ink.points.filter(({ up }) => up).length;
  // This writer crosses a 7 and writes a 1 in one stroke.
  t.is(strokeCount(digits.find(({ label }) => label === '7')!), 2);
  t.is(strokeCount(digits.find(({ label }) => label === '1')!), 1);
  t.deepEqual([capitals.length, letters.length], [84, 66]);
  t.true([...capitals, ...letters].every(({ points }) => points.at(-1)?.up));
});

sharedTest('the digits of thirty writers are read, with what is said of each', 'handwriting/pendigits-orig', t => {
  const text = readFileSync(sharedPath('handwriting/pendigits-orig/pendigits-orig.tra'), 'utf8');
  const inks = fromUnipen(text, { include: () => '' });
  t.is(inks.length, 7494);
  t.is(new Set(inks.map(({ note }) => note!.split(/\s+/)[1])).size, 30);
  t.true(inks.every(({ label, note }) => note!.startsWith(label!)));
  t.is(
    inks.reduce((sum, { points }) => sum + points.length, 0),
    text.match(/^ *\d+ +\d+ *$/gm)!.length,
  );
});

test('a long gap in a line takes no longer than its length', t => {
  const began = performance.now();
  const [ink] = fromUnipen(`${strokes}.SEGMENT CHARACTER 0 OK "4"\n.COMMENT a${' '.repeat(100_000)}b \r\n`);
  t.is(ink.note?.length, 100_002);
  t.true(performance.now() - began < 2000);
});

test('a file that begins with a byte order mark, and lines that end as on any machine, are read', t => {
  const lines = ['.COORD Y X', '.PEN_DOWN', '1 2', '.SEGMENT CHARACTER 0 ? "a"'];
  const [ink] = fromUnipen(lines.join('\n'));
  t.like(ink, { label: 'a', points: [{ x: 2, y: -1 }] });
  for (const end of ['\n', '\r\n', '\r']) {
    t.deepEqual(fromUnipen(lines.join(end)), [ink]);
    t.deepEqual(fromUnipen(`\ufeff${lines.join(end)}`), [ink]);
    const include = () => `\ufeff${lines.join(end)}`;
    t.deepEqual(fromUnipen('.INCLUDE a', { include }), [ink]);
  }
  t.throws(() => fromUnipen(['.PEN_DOWN', '', '1 2 3'].join('\r')), {
    instanceOf: InputError,
    message: /line 1 of the file/,
  });
});
