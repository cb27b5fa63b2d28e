import test from 'ava';
import fc from 'fast-check';
import { createReadings, type Reading } from '../../src/encoders/readings.js';
import { CheckpointError, ConfigError, InputError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { encodeAll } from '../helpers/chunks.js';

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

test('a setting that is wrong, and a state that is none, are refused', t => {
  const refused = (settings: object, message: RegExp) =>
    t.throws(() => createReadings({ ...encoder.config, ...settings }), { instanceOf: ConfigError, message });
  refused({ columns: [] }, /encoder.columns to be one or more/);
  refused({ columns: [{}] }, /encoder.columns to be one or more/);
  refused({ columns: [{ name: 'a' }, { name: 'a' }] }, /different names/);
  refused({ clamp: 0 }, /encoder.clamp to be a positive number, got 0/);
  refused({ span: 1 }, /encoder.span/);
  refused({ statistics: [] }, /encoder.statistics/);
  for (const saved of [null, {}, { columns: [] }, { columns: [{ count: 1, mean: 0, variance: -1 }, {}] }])
    t.throws(() => encoder.restore(saved), { instanceOf: CheckpointError });
});
