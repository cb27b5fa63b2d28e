import { readFileSync } from 'node:fs';
import test from 'ava';
import { InputError } from '../../src/errors.js';
import { fromInkml } from '../../src/interchange/inkml.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const inNamespace = (body: string): string => `\ufeff<?xml version="1.0"?>
<i:ink xmlns:i="http://www.w3.org/2003/InkML" xmlns:xml="http://www.w3.org/XML/1998/namespace">${body}</i:ink>`;

test('traces become ink: groups, contexts, units, pressure, and a label', t => {
  const inks = fromInkml(
    inNamespace(`
    <i:definitions>
      <i:context xml:id="c"><i:inkSource xml:id="s"><i:sampleRate value="50"/><i:traceFormat>
        <i:channel name="X"/><i:channel name="F" max="1000"/><i:channel name="Y"/>
        <i:intermittentChannels><i:channel name="T" units="s"/></i:intermittentChannels>
      </i:traceFormat></i:inkSource></i:context>
    </i:definitions>
    <i:trace>1 2, 3 4</i:trace>
    <i:traceGroup>
      <i:annotation type="truth"> &amp; </i:annotation>
      <i:trace contextRef="#c" timeOffset="500">1 250 2,3 1200 4</i:trace>
      <i:trace contextRef="#c" type="penUp">9 9 9</i:trace>
      <i:trace contextRef="#c">5 0 6 1.5</i:trace>
    </i:traceGroup>`),
  );
  t.deepEqual(inks, [
    {
      label: '&',
      points: [
        { x: 1, y: 2, time: 500, pressure: 0.25, up: false },
        { x: 3, y: 4, time: 520, pressure: 1, up: true },
        { x: 5, y: 6, time: 1500, pressure: 0, up: true },
      ],
    },
    {
      points: [
        { x: 1, y: 2, time: 0, up: false },
        { x: 3, y: 4, time: 10, up: true },
      ],
    },
  ]);
});

test('a context between traces holds for those after it, a trace may go on, and an axis may grow the other way', t => {
  const [{ points }] = fromInkml(
    inNamespace(`<i:trace>1 1</i:trace>
    <i:context><i:traceFormat><i:channel name="Y" orientation="-ve"/><i:channel name="X"/></i:traceFormat></i:context>
    <i:trace continuation="begin">2 1</i:trace><i:trace continuation="end">3 1</i:trace>`),
  );
  t.deepEqual(
    points.map(({ x, y, up }) => [x, y, up]),
    [
      [1, 1, true],
      [1, -2, false],
      [1, -3, true],
    ],
  );
});

test('what is no InkML is refused', t => {
  const refused = (text: string, message: RegExp) =>
    t.throws(() => fromInkml(text), { instanceOf: InputError, message });
  refused('<ink><trace>1 2</ink>', /well-formed XML, got 1:/);
  refused('', /well-formed XML/);
  refused('<svg/>', /<ink>, got <svg>/);
  refused('<ink><trace>1</trace></ink>', /point 1 of a trace to have X and Y/);
  refused('<ink><trace>1 2 3</trace></ink>', /values of X Y, got 1 2 3/);
  refused('<ink><context><traceFormat><channel name="X"/></traceFormat></context><trace>1</trace></ink>', /channel Y/);
  refused("<ink><trace>1 2, '1e999 '0</trace></ink>", /point 2 of a trace to have finite numbers, got Infinity 2/);
  refused(
    '<ink><context><sampleRate value="0"/></context><trace>1 2</trace></ink>',
    /sample rate to be above 0, got 0/,
  );
  const channels = '<channel name="X"/>'.repeat(257);
  refused(`<ink><context><traceFormat>${channels}</traceFormat></context></ink>`, /at most 256 channels, got 257/);
  refused(`${'<a>'.repeat(300)}${'</a>'.repeat(300)}`, /at most 256 deep/);
});

test('pressure whose most is 0 is none', t => {
  const names = ['X', 'Y', 'F'].map(name => `<channel name="${name}" max="0"/>`).join('');
  const format = `<context><traceFormat>${names}</traceFormat></context>`;
  t.deepEqual(fromInkml(`<ink>${format}<trace>1 2 0</trace></ink>`)[0].points, [{ x: 1, y: 2, time: 0, up: true }]);
});

sharedTest(
  'a document of another program is read: byte order mark, namespaces, second differences',
  'handwriting/inkml',
  t => {
    const inks = fromInkml(readFileSync(sharedPath('handwriting/inkml/inkmljs-ink1.inkml'), 'utf8'));
    t.deepEqual(inks.map(({ label }) => label).slice(0, 4), ['This', 'is', 'a', 'test']);
    const points = inks.flatMap(ink => ink.points);
    t.is(points.filter(({ up }) => up).length, 13);
    t.true(points.every(({ pressure }) => pressure !== undefined && pressure >= 0 && pressure <= 1));
    t.deepEqual(
      inks[0].points.slice(0, 3).map(({ x, y }) => [x, y]),
      [
        [32, 635],
        [66, 635],
        [100, 635],
      ],
    );
    // The program says that the ink was written in a region of 13,415 by 7,323.
    const side = (name: 'x' | 'y') => {
      const all = points.map(point => point[name]);
      return Math.max(...all) - Math.min(...all);
    };
    t.deepEqual([side('x'), side('y')], [13_379, 7328]);
  },
);

test('a trace may be as long as it likes', t => {
  const length = 700_000;
  const trace = Array.from({ length }, (_, i) => `${i} ${-i}`).join(',');
  const [{ points }] = fromInkml(inNamespace(`<i:trace>${trace}</i:trace>`));
  t.is(points.length, length);
  t.deepEqual(points.at(-1), { x: length - 1, y: 1 - length, time: 10 * (length - 1), up: true });
});

test('a trace format that stands in no context is that of the traces after it', t => {
  // As those of the CROHME competitions have it.
  const format = '<traceFormat><channel name="X"/><channel name="Y"/><channel name="T" units="s"/></traceFormat>';
  const [ink] = fromInkml(`<ink xmlns="http://www.w3.org/2003/InkML">${format}<trace>1 2 0, 3 4 0.5</trace></ink>`);
  t.deepEqual(ink.points, [
    { x: 1, y: 2, time: 0, up: false },
    { x: 3, y: 4, time: 500, up: true },
  ]);
});
