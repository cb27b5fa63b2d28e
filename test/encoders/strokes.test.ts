import test from 'ava';
import fc from 'fast-check';
import type { Encoder } from '../../src/encoders/encoder.js';
import { createStrokes, type Point, type StrokesConfig, type StrokesState } from '../../src/encoders/strokes.js';
import { CheckpointError, ConfigError, InputError } from '../../src/errors.js';
import { bits } from '../helpers/bits.js';
import { cutAt, encodeAll } from '../helpers/chunks.js';
import { ink } from '../helpers/ink.js';

const plain: StrokesConfig = { kind: 'strokes', spacing: 1, unit: 10 };

const encoded = (config: StrokesConfig, points: readonly Point[]): number[][] =>
  encodeAll(createStrokes(config), [points]).inputs.map(row => Array.from(row));

test('ink becomes offsets at equal distances, and the ends of its strokes', t => {
  const points = ink([
    [0, 0],
    [25, 0],
    [25, 20],
  ]);
  t.deepEqual(encoded(plain, points), [
    [0, 0, 0],
    [1, 0, 0],
    [1, 0, 0],
    [0.5, 0.5, 0],
    [0, 1, 0],
    [0, 0.5, 1],
  ]);
});

test('between strokes the offset is the way through the air, and a dot is one input', t => {
  t.deepEqual(encoded(plain, [...ink([[5, 5]]), ...ink([[20, -5]], 100)]), [
    [0, 0, 1],
    [1.5, -1, 1],
  ]);
});

test('by time, a slow pen and a fast one make as many inputs as they take milliseconds', t => {
  const config: StrokesConfig = { kind: 'strokes', by: 'time', spacing: 20, unit: 10, time: true };
  const points: Point[] = [
    { x: 0, y: 0, time: 1000, up: false },
    { x: 10, y: 0, time: 1030, up: false },
    { x: 10, y: 30, time: 1040, up: true },
  ];
  const third = Math.fround(2 / 3);
  t.deepEqual(encoded(config, points), [
    [0, 0, 0, 0],
    [third, 0, 0, Math.fround(0.02)],
    [Math.fround(1 / 3), 3, 0, Math.fround(0.02)],
    [0, 0, 1, 0],
  ]);
});

test('a pen that rests makes a bounded number of inputs by time, and none by length', t => {
  const rest: Point[] = [
    { x: 0, y: 0, time: 0, up: false },
    { x: 0, y: 0, time: 3_600_000, up: false },
  ];
  t.is(encoded({ ...plain, by: 'time', spacing: 10 }, rest).length, 1 + 64 + 1);
  t.deepEqual(encoded(plain, rest), [
    [0, 0, 0],
    [0, 0, 1],
  ]);
});

test('pressure is taken between the points, and is a half where the pen does not say it', t => {
  const config = { ...plain, pressure: true };
  const [a, b] = [
    { x: 0, y: 0, time: 0, pressure: 0, up: false },
    { x: 20, y: 0, time: 10, pressure: 1, up: true },
  ];
  t.deepEqual(
    encoded(config, [a, b]).map(row => row[3]),
    [0, 0.5, 1, 1],
  );
  t.deepEqual(
    encoded(config, [{ ...a, pressure: undefined }]).map(row => row[3]),
    [0.5, 0.5],
  );
});

test('letters are features that ink leaves 0', t => {
  const encoder = createStrokes({ ...plain, time: true, letters: 'a😀' });
  t.is(encoder.input.size, 6);
  t.deepEqual(
    encoded(
      encoder.config as StrokesConfig,
      ink([
        [0, 0],
        [10, 0],
      ]),
    ),
    [
      [0, 0, 0, 0, 0, 0],
      [1, 0, 0, Math.fround(0.01), 0, 0],
      [0, 0, 1, 0, 0, 0],
    ],
  );
});

test('running, small and large writing become the same once both are larger than the unit', t => {
  const config: StrokesConfig = { kind: 'strokes', spacing: 0.125, unit: 1, scale: 'running' };
  const figure = (size: number) => ink([0, 1, 2, 3].map(i => [size * (i % 2), size * (i < 2 ? 0 : 1)]));
  t.deepEqual(encoded(config, figure(64)), encoded(config, figure(1024)));
  t.true(encoded({ ...config, scale: 'fixed' }, figure(64)).length > 1000);
});

/** Strokes of a pen that shakes, jumps and rests, on a grid so coarse that points and distances often meet. */
const grid = fc.integer({ min: -40, max: 40 }).map(value => value / 4);
const rough = fc.oneof(grid, fc.float({ min: -50, max: 50, noNaN: true }), fc.constantFrom(0, -0, 1e-30));
const points = fc.array(
  fc.record(
    {
      x: rough,
      y: rough,
      time: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.double({ min: 0, max: 500, noNaN: true })),
      pressure: fc.float({ min: 0, max: 1, noNaN: true }),
      up: fc.integer({ min: 0, max: 4 }).map(value => value === 0),
    },
    { requiredKeys: ['x', 'y', 'time', 'up'] },
  ),
  { maxLength: 60 },
);
const settings = fc.record({
  kind: fc.constant('strokes' as const),
  by: fc.constantFrom('length' as const, 'time' as const),
  spacing: fc.constantFrom(1, 2.5, 7),
  unit: fc.constantFrom(0.25, 1, 3),
  scale: fc.constantFrom('fixed' as const, 'running' as const),
  pressure: fc.boolean(),
  time: fc.boolean(),
});

/** The state goes through JSON between the pieces. */
const cutsChangeNothing = (make: (config: StrokesConfig) => Encoder<readonly Point[], StrokesState, Float32Array>) =>
  fc.property(settings, points, fc.array(fc.nat(), { maxLength: 8 }), (config, all, places) => {
    const encoder = make(config);
    const { state, inputs } = encoder.encode(encoder.initial(), all);
    const whole = [...inputs, ...encoder.finish(state)];
    const cut = encodeAll(encoder, cutAt(all as Point[], places)).inputs;
    return JSON.stringify(whole.map(row => [...bits(row)])) === JSON.stringify(cut.map(row => [...bits(row)]));
  });

test('wherever ink is cut, the same bits come out', t => {
  fc.assert(cutsChangeNothing(createStrokes), { numRuns: 400 });
  t.pass();
});

test('an encoder that measures each piece anew is caught', t => {
  const broken = (config: StrokesConfig) => {
    const encoder = createStrokes(config);
    return {
      ...encoder,
      encode: (state: StrokesState, raw: readonly Point[]) => encoder.encode({ ...state, since: 0 }, raw),
    };
  };
  t.true(fc.check(cutsChangeNothing(broken), { numRuns: 400 }).failed);
});

test('the offsets of all inputs add up to the way of the pen', t => {
  fc.assert(
    fc.property(settings, points, (config, all) => {
      if (config.scale === 'running' || all.length === 0) return;
      const rows = encoded(config, all);
      for (const [axis, name] of ['x', 'y'].entries()) {
        const sum = rows.reduce((total, row) => total + row[axis], 0) * config.unit;
        const way = all[all.length - 1][name as 'x'] - all[0][name as 'x'];
        t.true(Math.abs(sum - way) < 1e-3);
      }
      t.is(rows.at(-1)![2], 1);
      if (config.by === 'length') {
        const long = config.spacing * (1 + 1e-6);
        for (const [i, row] of rows.entries())
          t.true(i === 0 || rows[i - 1][2] === 1 || Math.hypot(row[0], row[1]) <= long);
      }
    }),
  );
});

test('points that are none are refused, and a leap that would make too many inputs', t => {
  const encoder = createStrokes(plain);
  const refused = (raw: unknown, message: RegExp) =>
    t.throws(() => encoder.encode(encoder.initial(), raw as Point[]), { instanceOf: InputError, message });
  const point: Point = { x: 0, y: 0, time: 0, up: false };
  refused('5 5', /Expected a list of points, got string/);
  refused(null, /got null/);
  refused([null], /Expected x of a point to be a number up to ±1e9, got undefined/);
  refused([{ ...point, y: Number.NaN }], /Expected y of a point/);
  refused([{ ...point, x: 2e9 }], /Expected x of a point/);
  refused([{ x: 0, y: 0, up: false }], /Expected time of a point to be milliseconds/);
  refused([{ ...point, pressure: 2 }], /Expected pressure of a point to be from 0 to 1, got 2/);
  refused([{ x: 0, y: 0, time: 0 }], /Expected up of a point to be true or false, got undefined/);
  refused([point, { ...point, x: 1e6 }], /at most 1024 inputs after the one before, got one 100000 after it/);
});

test('a setting of strokes that is wrong, and a state that is none, are refused', t => {
  const refused = (change: object, message: RegExp) =>
    t.throws(() => createStrokes({ ...plain, ...change } as StrokesConfig), { instanceOf: ConfigError, message });
  refused({ by: 'heart' }, /encoder.by to be 'length' or 'time'/);
  refused({ spacing: 0 }, /encoder.spacing to be units from 0.001 to 1000, got 0/);
  refused({ by: 'time', spacing: 0.5 }, /encoder.spacing to be milliseconds/);
  refused({ unit: Number.NaN }, /encoder.unit/);
  refused({ scale: 'box' }, /encoder.scale to be 'fixed' or 'running'/);
  refused({ pressure: 1 }, /encoder.pressure/);
  refused({ time: 'yes' }, /encoder.time/);
  refused({ letters: 'aba' }, /encoder.letters to be text with each character once/);
  const encoder = createStrokes(plain);
  const state = encoder.encode(encoder.initial(), ink([[1, 2]])).state;
  t.deepEqual(encoder.restore({ ...state, more: 1 }), state);
  const beyond = [
    { x: 2e9 },
    { y: -2e9 },
    { atX: 3e9 },
    { left: -1e30 },
    { time: 1e16 },
    { atTime: -1e300 },
    { pressure: 2 },
    { since: -1 },
    { since: 1e300 },
    // More than one spacing: no stroke could go on from there.
    { since: 1e6 },
  ].map(wrong => ({ ...state, ...wrong }));
  for (const saved of [
    null,
    {},
    { ...state, up: 1 },
    { ...state, since: null },
    { ...state, x: Number.NaN },
    ...beyond,
  ])
    t.throws(() => encoder.restore(saved), { instanceOf: CheckpointError }, JSON.stringify(saved));
});

test('the state of ink as far off as ink may be is one', t => {
  const far = { x: -1e9, y: 1e9, time: -1e15, pressure: 1, up: false };
  const all = [far, { ...far, x: 1e9, y: -1e9 }, { ...far, x: 3, time: 1e15 }, { ...far, x: 1e9 / 3 }];
  for (const config of [
    { ...plain, spacing: 1e3, unit: 1e9 },
    { ...plain, spacing: 1e3, unit: 1, scale: 'running' as const },
    { ...plain, by: 'time' as const, spacing: 1e6 },
  ]) {
    const encoder = createStrokes(config);
    let state = encoder.initial();
    for (const point of all) {
      state = encoder.encode(state, [point]).state;
      t.deepEqual(encoder.restore(JSON.parse(JSON.stringify(state))), state);
    }
  }
});
