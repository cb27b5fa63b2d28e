import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import { decode, encode } from '../../src/wire/envelope.js';
import {
  addEntry,
  addSteps,
  decodePredictions,
  encodePredictions,
  joinEntries,
  startEntries,
} from '../../src/wire/fast-predictions.js';
import { defaultLimits, type Predictions, type ServerMessage, type WireLimits } from '../../src/wire/messages.js';
import { serverMessages } from '../helpers/wire-arbitraries.js';
import { edited, likeWire } from '../helpers/wire-bytes.js';

const binary = 'eddy.v1.proto';

function generated(message: Predictions): Uint8Array {
  return encode('ServerMessage', message, binary) as Uint8Array;
}

/** What the generated module makes of bytes: a message, or undefined. */
function slow(bytes: Uint8Array, limits: WireLimits): ServerMessage | undefined {
  try {
    return decode('server', bytes, true, binary, limits) as ServerMessage;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

test('predictions are written as the generated module writes them', t => {
  const same = fc.property(serverMessages.predictions, message => {
    t.deepEqual(Array.from(encodePredictions(message)!), Array.from(generated(message)));
  });
  fc.assert(same, { numRuns: 500 });
});

test('entries that are gathered as bytes are the same message', t => {
  const same = fc.property(serverMessages.predictions, ({ session, firstSeq, entries }) => {
    const gathered = startEntries(32);
    for (const entry of entries) addEntry(gathered, entry);
    t.is(gathered.count, entries.length);
    const message: Predictions = { type: 'predictions', session, firstSeq, entries };
    t.deepEqual(Array.from(joinEntries(session, firstSeq, gathered)), Array.from(encodePredictions(message)!));
  });
  fc.assert(same, { numRuns: 300 });
  const gathered = startEntries(32);
  t.throws(() => addEntry(gathered, { firstStep: 0.5, stepCount: 1, answers: [] }), { instanceOf: WireError });
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

test('predictions are read as the generated module reads them', t => {
  const same = fc.property(serverMessages.predictions, message => {
    const bytes = generated(message);
    t.deepEqual(decodePredictions(bytes, defaultLimits), slow(bytes, defaultLimits) as Predictions);
    t.deepEqual(decodePredictions(bytes, defaultLimits), message);
  });
  fc.assert(same, { numRuns: 500 });
});

test('what is read of damaged and random bytes is what the generated module reads', t => {
  const limits: WireLimits = { ...defaultLimits, maxItems: 40, maxBytes: 600 };
  const tags = [0x08, 0x1a, 0x12, 0x10, 0x0a, 0x22, 0x11, 0x29, 0x32, 0x3a];
  let read = 0;
  let refused = 0;
  const same = fc.property(fc.oneof(edited(serverMessages.predictions.map(generated)), likeWire(tags)), bytes => {
    const expected = slow(bytes, limits);
    const fast = decodePredictions(bytes, limits);
    if (fast !== undefined) {
      read++;
      t.deepEqual(fast, expected as Predictions);
    } else if (expected === undefined) {
      refused++;
    }
  });
  fc.assert(same, { numRuns: 6000 });
  t.true(read > 150 && refused > 1000, `${read} read, ${refused} refused`);
});

test('a number that cannot be sent is left to the generated module, which refuses it', t => {
  const message: Predictions = { type: 'predictions', session: 1, firstSeq: 1, entries: [] };
  t.truthy(encodePredictions(message));
  const entry = { firstStep: 1, stepCount: 1, answers: [] };
  const bad: Predictions[] = [
    { ...message, firstSeq: 2 ** 53 },
    { ...message, session: -1 },
    { ...message, entries: [{ ...entry, firstStep: 0.5 }] },
    { ...message, entries: [{ ...entry, stepCount: 2 ** 32 }] },
    { ...message, entries: [{ ...entry, answers: [{ step: Number.NaN }] }] },
    { ...message, entries: [{ ...entry, losses: [{ step: -1, loss: 1 }] }] },
    { ...message, entries: [{ ...entry, answers: [{ step: 1, topIndices: [1, -1] }] }] },
  ];
  for (const each of bad) {
    t.is(encodePredictions(each), undefined);
    t.throws(() => generated(each), { instanceOf: WireError });
  }
});
