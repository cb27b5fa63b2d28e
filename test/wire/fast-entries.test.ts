import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import { encode } from '../../src/wire/envelope.js';
import { addEntry, addSteps, joinEntries, startEntries } from '../../src/wire/fast-entries.js';
import type { Predictions } from '../../src/wire/messages.js';
import { serverMessages } from '../helpers/wire-arbitraries.js';

test('entries that are gathered are the message that the generated module writes', t => {
  const same = fc.property(serverMessages.predictions, message => {
    const { session, firstSeq, entries } = message;
    const gathered = startEntries(32);
    for (const entry of entries) addEntry(gathered, entry);
    t.is(gathered.count, entries.length);
    const expected = encode('ServerMessage', message, 'eddy.v1.proto') as Uint8Array;
    t.deepEqual(Array.from(joinEntries(session, firstSeq, gathered)), Array.from(expected));
  });
  fc.assert(same, { numRuns: 500 });
});

test('steps with their whole predictions are the same bytes as their entries', t => {
  const floats = (length: number) =>
    fc.array(fc.float({ noDefaultInfinity: true }), { minLength: length, maxLength: length });
  const runs = fc
    .record({ length: fc.constantFrom(0, 1, 3, 31, 32, 65, 300), count: fc.integer({ min: 1, max: 40 }) })
    .chain(({ length, count }) =>
      fc.record({
        firstStep: fc.oneof(fc.constantFrom(1, 120, 16_380, 2_097_140, 2 ** 32), fc.integer({ min: 1, max: 1e6 })),
        predictions: fc.array(floats(length), { minLength: count, maxLength: count }),
      }),
    );
  const same = fc.property(runs, ({ firstStep, predictions }) => {
    const steps = predictions.map(numbers => ({ prediction: Float32Array.from(numbers) }));
    const [together, apart] = [startEntries(32), startEntries(32)];
    for (const entries of [together, apart])
      addEntry(entries, { firstStep: 7, stepCount: 1, answers: [{ step: 7, loss: 0.5 }] });
    addSteps(together, firstStep, [...steps, ...steps], steps.length);
    steps.forEach(({ prediction }, i) => {
      addEntry(apart, { firstStep: firstStep + i, stepCount: 1, answers: [{ step: firstStep + i, prediction }] });
    });
    t.is(together.count, apart.count);
    t.deepEqual(Array.from(joinEntries(3, 9, together)), Array.from(joinEntries(3, 9, apart)));
  });
  fc.assert(same, { numRuns: 200 });
});

test('steps whose numbers cannot be sent are not written, of several none', t => {
  const steps = [1, 2].map(value => ({ prediction: Float32Array.of(value) }));
  const entries = startEntries(32);
  for (const firstStep of [2 ** 53 - 1, 2 ** 53, -1, 0.5])
    t.throws(() => addSteps(entries, firstStep, steps, 2), { instanceOf: WireError });
  t.is(entries.count, 0);
  addSteps(entries, 2 ** 53 - 2, steps, 2);
  t.is(entries.count, 2);
});

test('an entry with a number that cannot be sent is not written, as the generated module refuses it', t => {
  const message: Predictions = { type: 'predictions', session: 1, firstSeq: 1, entries: [] };
  const entry = { firstStep: 1, stepCount: 1, answers: [] };
  const bad: Predictions['entries'] = [
    { ...entry, firstStep: 0.5 },
    { ...entry, stepCount: 2 ** 32 },
    { ...entry, answers: [{ step: Number.NaN }] },
    { ...entry, losses: [{ step: -1, loss: 1 }] },
    { ...entry, answers: [{ step: 1, topIndices: [1, -1] }] },
  ];
  const gathered = startEntries(32);
  for (const each of bad) {
    t.throws(() => addEntry(gathered, each), { instanceOf: WireError });
    t.throws(() => encode('ServerMessage', { ...message, entries: [each] }, 'eddy.v1.proto'), {
      instanceOf: WireError,
    });
  }
  t.is(gathered.count, 0);
  addEntry(gathered, entry);
  t.is(gathered.count, 1);
});
