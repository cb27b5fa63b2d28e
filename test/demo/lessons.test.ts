import test from 'ava';
import { createStrokes, type Point } from '../../src/encoders/strokes.js';
import { demoModule } from '../helpers/demo-modules.js';
import { ink } from '../helpers/ink.js';

const encoder = createStrokes({ kind: 'strokes', spacing: 0.5, unit: 40 });
const heart = ink([
  [0, 0],
  [40, 90],
  [80, 0],
]);
const star = ink([
  [0, 90],
  [40, 0],
  [90, 60],
]);

test('the same drawings make the same lesson: the new one, those before it, and digits', async t => {
  const { lessonOf, namesOf } = await demoModule('draw/lessons.ts');
  const taught = [
    { name: 'heart', points: heart },
    { name: '3', points: star },
    { name: 'heart', points: star },
  ];
  const names = namesOf([...'0123456789', 'new 1', 'new 2'], 10, taught);
  t.deepEqual(names, [...'0123456789', 'heart']);
  const digits = [{ inputs: [new Float32Array(3)], answer: 7 }];
  const lesson = lessonOf(taught, names, digits, encoder);
  t.deepEqual(lessonOf(taught, names, digits, encoder), lesson);
  const answers = lesson.map(({ answer }: { answer: number }) => answer);
  t.deepEqual([...new Set(answers)].sort(), [10, 3, 7]);
  t.true(answers.filter((answer: number) => answer === 7).length > answers.length / 2);
  t.deepEqual(
    lessonOf(taught.slice(0, 1), names, [], encoder).map(({ answer }: { answer: number }) => answer),
    Array(24).fill(10),
  );
});

test('what was taught comes back from its file, and another file is refused in words', async t => {
  const { readTaught, writeTaught } = await demoModule('draw/lessons.ts');
  const taught = [{ name: 'heart', points: heart }];
  t.deepEqual(readTaught(writeTaught(taught), encoder), taught);
  for (const text of ['', '{}', '{"format":"eddy drawings 1","taught":[{"name":"x","points":[{"x":1}]}]}'])
    t.throws(() => readTaught(text, encoder), { message: 'This file holds no drawings that were taught here.' });
  t.notThrows(() => readTaught(writeTaught([{ name: 'x'.repeat(12), points: heart }]), encoder));
  for (const name of ['', ' ', 'heart '])
    t.throws(() => readTaught(writeTaught([{ name, points: heart }]), encoder), {
      message: `Expected the name of each drawing to be of 1 to 12 characters, with no space around it, got “${name}”.`,
    });
  t.throws(() => readTaught(writeTaught([{ name: 'x'.repeat(1e6), points: heart }]), encoder), {
    message: /got “x{12}…”\.$/,
  });
});

test('a drawing of a file that could not be learned is refused in words, by its name', async t => {
  const { lessonOf, readTaught, writeTaught } = await demoModule('draw/lessons.ts');
  const refused = (points: Point[], message: RegExp) =>
    t.throws(
      () =>
        readTaught(
          writeTaught([
            { name: 'heart', points: heart },
            { name: 'far', points },
          ]),
          encoder,
        ),
      {
        message,
      },
    );
  refused(ink([[2e9, 0]]), /^The drawing “far” cannot be read: Expected x of a point .* got 2000000000\.$/);
  refused(ink([[0, -1e10]]), /Expected y of a point/);
  refused([{ x: 0, y: 0, time: 1e300, up: true }], /Expected time of a point/);
  refused(
    ink([
      [0, 0],
      [1e6, 0],
    ]),
    /at most 1024 inputs/,
  );
  // It is learned in other hands, too, which may be larger.
  const large = [
    ink([[9e8, 9e8]]),
    ink([
      [0, 0],
      [20_000, 0],
    ]),
  ];
  for (const points of large) {
    t.notThrows(() => encoder.encode(encoder.initial(), points));
    t.throws(() => lessonOf([{ name: 'far', points }], ['far'], [], encoder));
    refused(points, /Expected/);
  }
  const least = readTaught(writeTaught([{ name: 'far', points: ink([[7e8, 0]]) }]), encoder);
  t.notThrows(() => lessonOf(least, ['far'], [], encoder));
});

test('a pointer says where it is on the pad, with all the moves that the browser joined', async t => {
  const { pointsOf } = await demoModule('draw/pen.ts');
  const at = (x: number, y: number, timeStamp: number) => ({ clientX: x, clientY: y, timeStamp, pressure: 0.5 });
  const joined = [at(20, 10, 1), at(110, 60, 2)];
  const move = { type: 'pointermove', ...at(110, 60, 2), getCoalescedEvents: () => joined };
  const pad = { left: 10, top: 10, width: 200 };
  t.deepEqual(pointsOf(move, pad, false), [
    { x: 16, y: 0, time: 1, pressure: 0.5, up: false },
    { x: 160, y: 80, time: 2, pressure: 0.5, up: false },
  ]);
  const up = { type: 'pointerup', ...at(110, 60, 3), getCoalescedEvents: () => [] };
  t.deepEqual(pointsOf(up, pad, true), [{ x: 160, y: 80, time: 3, pressure: 0.5, up: true }]);
});
