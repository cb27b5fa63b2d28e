import test from 'ava';
import fc from 'fast-check';
import type { Encoder } from '../../src/encoders/encoder.js';
import { createReadings, type Reading, type ReadingsConfig, type ReadingsState } from '../../src/encoders/readings.js';
import { noStatistics } from '../../src/encoders/statistics.js';
import { CheckpointError, ConfigError, InputError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cutAt, encodeAll } from '../helpers/chunks.js';

const encoder = createReadings({ kind: 'readings', columns: [{ name: 'cpu' }, { name: 'temp', nullable: true }] });

test('features are standardised columns and the masks of those that may be missing', t => {
  const { inputs } = encodeAll<Reading, unknown, Float32Array>(encoder, [
    { cpu: 1, temp: 20 },
    { cpu: 3, temp: 22 },
    { cpu: 2, temp: null },
    { cpu: 2 },
    [2, Number.NaN],
    { temp: 24, cpu: 2 },
  ]);
  const root = Math.sqrt(8 / 3);
  t.deepEqual(
    inputs.map(row => [...row]),
    [
      [0, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
      [0, 0, 1],
      [0, 0, 1],
      [0, Math.fround(2 / root), 0],
    ],
  );
  t.deepEqual(encoder.input, { kind: 'features', size: 3 });
});

test('going on from the state as it was written gives the same bits as going on', t => {
  const value = fc.double({ min: -1e150, max: 1e150 });
  const wild = fc.oneof(value, fc.double({ min: -10, max: 10, noNaN: true }), fc.constantFrom(0, -0, 1e-310));
  fc.assert(
    fc.property(fc.array(fc.tuple(wild, wild), { maxLength: 40 }), rows => {
      const readings = rows.map(([a, b]) => [Number.isNaN(a) ? 1 : a, b]);
      let state = encoder.initial();
      const straight = readings.map(reading => {
        const encoded = encoder.encode(state, reading);
        state = encoded.state;
        return encoded.inputs[0];
      });
      const { inputs } = encodeAll<Reading, unknown, Float32Array>(encoder, readings);
      straight.forEach((row, i) => {
        t.is(firstDifference(row, inputs[i]), -1);
        t.true(row.every(feature => Math.abs(feature) <= 6));
      });
    }),
  );
});

test('a target goes to the scale of its forecast and back', t => {
  const random = createRandom(2);
  const rows = Array.from({ length: 50 }, () => [100 + 5 * random.normal(), -3 + 0.01 * random.normal()]);
  const { state } = encodeAll<Reading, { columns: never[] }, Float32Array>(encoder as never, rows);
  const scale = encoder.scale(state);
  const reading = { cpu: 107.5, temp: -3.02 };
  const target = encoder.standardize(scale, reading)!;
  t.true(Math.abs(target[0] - 1.5) < 0.5);
  const back = encoder.unscale(scale, target);
  t.true(Math.abs(back[0] - 107.5) < 1e-5 && Math.abs(back[1] + 3.02) < 1e-6);
  t.is(encoder.standardize(scale, { cpu: 1 }), null);
  t.deepEqual([...encoder.standardize(scale, [1e150, -1e150])!], [1e9, -1e9]);
});

test('statistics may be given to begin with', t => {
  const statistics = [
    { count: 100, mean: 10, variance: 4 },
    { count: 100, mean: 0, variance: 1 },
  ];
  const begun = createReadings({ ...encoder.config, statistics });
  t.true(Math.abs(begun.encode(begun.initial(), [14, 0]).inputs[0][0] - 2) < 0.1);
  t.deepEqual(begun.config.statistics, statistics);
});

test('a reading that is wrong is refused, with its column', t => {
  const refused = (reading: unknown, message: RegExp, index?: number) => {
    const error = t.throws(() => encoder.encode(encoder.initial(), reading as Reading), {
      instanceOf: InputError,
      message,
    });
    t.is(error?.index, index);
  };
  refused({ temp: 4 }, /Expected "cpu" to be a finite number, got none: declare the column nullable/, 0);
  refused({ cpu: Number.POSITIVE_INFINITY, temp: 4 }, /Expected "cpu" to be a number up to ±1e150, got Infinity/, 0);
  refused({ cpu: 1, temp: '4' }, /Expected "temp" to be a number, got a string/, 1);
  refused([1, 2, 3], /to have 2 numbers, got 3/);
  refused(null, /got null/);
  refused(5, /got number/);
});

test('a setting of readings that is wrong, and a state that is none, are refused', t => {
  const refused = (settings: object, message: RegExp) =>
    t.throws(() => createReadings({ ...encoder.config, ...settings }), { instanceOf: ConfigError, message });
  refused({ columns: [] }, /encoder.columns to be one or more/);
  refused({ columns: [{}] }, /encoder.columns to be one or more/);
  refused({ columns: [{ name: 'a' }, { name: 'a' }] }, /different names/);
  refused({ clamp: 0 }, /encoder.clamp to be a positive number, got 0/);
  refused({ span: 1 }, /encoder.span/);
  refused({ statistics: [] }, /encoder.statistics/);
  const one = { count: 1, mean: 0, variance: 1 };
  t.notThrows(() => encoder.restore({ columns: [one, one] }));
  for (const saved of [
    null,
    {},
    { columns: [] },
    { columns: [{ count: 1, mean: 0, variance: -1 }, {}] },
    // What no readings lead to: the next ones would overflow, and leave what is no state.
    { columns: [{ ...one, mean: -1e300 }, one] },
    { columns: [{ ...one, variance: 1e308 }, one] },
    { columns: [{ ...one, count: Number.MAX_SAFE_INTEGER }, one] },
    { columns: [one, one], pending: ' '.repeat(65_537) },
  ])
    t.throws(() => encoder.restore(saved), { instanceOf: CheckpointError }, JSON.stringify(saved).slice(0, 80));
});

test('the state of readings as large as they may be is one', t => {
  const timed = createReadings({ kind: 'readings', columns: [{ name: 'x' }], time: 't', clamp: 1e300, span: 2 });
  let state = timed.initial();
  for (const row of [
    [1e150, -1e150],
    [-1e150, 1e150],
    [-1e150, 1e150],
    [1e150, 1e150],
    [-1e150, 1e150],
  ]) {
    state = timed.encode(state, row).state;
    t.deepEqual(timed.restore(JSON.parse(JSON.stringify(state))), state);
  }
});

const mixed: ReadingsConfig = {
  kind: 'readings',
  columns: [
    { name: 'load', nullable: true },
    { name: 'mode', nullable: true, categories: ['on', 'off'] },
    { name: 'x' },
  ],
  time: 'at',
};

test('categories are a feature each and one for any other; the time since the row before is the last feature', t => {
  const encoder = createReadings(mixed);
  t.deepEqual(encoder.input, { kind: 'features', size: 8 });
  const { inputs } = encodeAll<Reading | string, unknown, Float32Array>(encoder, [
    { at: '2024-01-01T00:00:00Z', load: 1, mode: 'on', x: 5 },
    { at: '2024-01-01T00:00:10Z', load: 3, mode: 'off', x: 5 },
    { at: '2024-01-01T00:00:40Z', load: null, mode: 'idle', x: 5 },
    [2, null, 5, 1_704_067_240_000],
  ]);
  //          load, on, off, other, x, load and mode missing, time
  t.deepEqual(
    inputs.slice(0, 3).map(row => [...row]),
    [
      [0, 1, 0, 0, 0, 0, 0, 0],
      [1, 0, 1, 0, 0, 0, 0, 0],
      [0, 0, 0, 1, 0, 1, 0, 1],
    ],
  );
  t.deepEqual([...inputs[3].subarray(1, 7)], [0, 0, 0, 0, 0, 1]);
  // 10, 30 and 0 seconds: the mean is 40/3, the deviation √(1400/9).
  t.is(inputs[3][7], Math.fround(-40 / Math.sqrt(1400)));
});

const cell = fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant(null));
const rows = fc.array(
  fc.record({
    load: cell,
    mode: fc.constantFrom('on', 'off', 'märz 🏝', null),
    x: fc.double({ min: -10, max: 10, noNaN: true }),
    wait: fc.nat(5000),
  }),
  { maxLength: 12 },
);

/** One record a line; the last line has no end. */
function linesOf(readings: readonly { wait: number }[]): string {
  let at = 1_700_000_000_000;
  return readings
    .map(({ wait, ...reading }) => {
      at += wait;
      return JSON.stringify({ ...reading, at });
    })
    .join('\n');
}

/** Whether every cut of the text gives the bits of the rows one by one. */
function cutsAgree(encoder: Encoder<Reading | string, ReadingsState, Float32Array>): void {
  fc.assert(
    fc.property(rows, fc.array(fc.nat(2000), { maxLength: 8 }), (readings, cuts) => {
      const text = linesOf(readings);
      const records = text === '' ? [] : text.split('\n').map(line => JSON.parse(line) as Reading);
      const straight = encodeAll<Reading | string, ReadingsState, Float32Array>(createReadings(mixed), records).inputs;
      const cut = encodeAll<Reading | string, ReadingsState, Float32Array>(encoder, cutAt(text, cuts)).inputs;
      if (cut.length !== straight.length) throw new Error(`${cut.length} rows of ${straight.length}`);
      for (const [i, row] of straight.entries())
        if (firstDifference(row, cut[i]) !== -1) throw new Error(`row ${i} differs`);
    }),
    { numRuns: 60 },
  );
}

test('rows as text are the same bits wherever the text is cut, in the middle of a character too', t => {
  t.notThrows(() => cutsAgree(createReadings(mixed)));
});

test('an encoder that forgets the line that is not complete is caught', t => {
  const forgetful = createReadings(mixed);
  const broken = {
    ...forgetful,
    encode: (state: ReadingsState, raw: Reading | string) => {
      const encoded = forgetful.encode(state, raw);
      const { pending: _, ...kept } = encoded.state;
      return { ...encoded, state: kept };
    },
  };
  t.throws(() => cutsAgree(broken));
});

test('a time that is none or goes back is refused, and so is a category that may not be missing', t => {
  const encoder = createReadings({ ...mixed, columns: [{ name: 'mode', categories: ['on'] }] });
  const { state } = encoder.encode(encoder.initial(), { mode: 'on', at: 10 });
  const refused = (reading: Reading, message: RegExp, index: number) => {
    const error = t.throws(() => encoder.encode(state, reading), { instanceOf: InputError, message });
    t.is(error?.index, index);
  };
  refused({ mode: 'on', at: 9 }, /"at" not to go back, got 9 after 10/, 1);
  refused({ mode: 'on' }, /"at" to be a time, .*got null/, 1);
  refused({ mode: 'on', at: 'soon' }, /"at" to be a time, .*got "soon"/, 1);
  refused({ at: 11 }, /"mode" to be a category, got none/, 0);
  refused({ mode: {} as never, at: 11 }, /"mode" to be a category, got a object/, 0);
  t.deepEqual([...encoder.encode(state, { mode: 'on', at: 10 }).inputs[0]], [1, 0, 0]);
  for (const saved of [
    { columns: [] },
    { columns: [], time: { last: 'x', elapsed: noStatistics } },
    { columns: [], time: { last: 1e200, elapsed: noStatistics } },
    { columns: [], time: null },
  ])
    t.throws(() => encoder.restore(saved), { instanceOf: CheckpointError });
});

test('targets and forecasts are of the columns of numbers', t => {
  const encoder = createReadings(mixed);
  const { state } = encodeAll<Reading | string, ReadingsState, Float32Array>(encoder, [
    [1, 'on', 10, 0],
    [3, 'off', 20, 1],
  ]);
  const scale = encoder.scale(state);
  t.deepEqual(scale, { means: [2, 15], units: [1, 5] });
  t.deepEqual([...encoder.standardize(scale, [4, null, 10, 2])!], [2, -1]);
  t.deepEqual([...encoder.unscale(scale, [2, -1])], [4, 10]);
});
