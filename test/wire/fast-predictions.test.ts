import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import { decode, encode } from '../../src/wire/envelope.js';
import { decodePredictions } from '../../src/wire/fast-predictions.js';
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

test('predictions are read as the generated module reads them', t => {
  const same = fc.property(serverMessages.predictions, message => {
    const bytes = generated(message);
    t.deepEqual(decodePredictions(bytes, defaultLimits), slow(bytes, defaultLimits) as Predictions);
    t.deepEqual(decodePredictions(bytes, defaultLimits), message);
  });
  fc.assert(same, { numRuns: 500 });
});

test('what is read of damaged and random bytes of predictions is what the generated module reads', t => {
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
