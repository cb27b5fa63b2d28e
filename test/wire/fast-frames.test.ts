import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import { decode, encode } from '../../src/wire/envelope.js';
import { decodeFrames, encodeFrames } from '../../src/wire/fast-frames.js';
import { type ClientMessage, defaultLimits, type Frames, type WireLimits } from '../../src/wire/messages.js';
import { validateClient } from '../../src/wire/validate.js';
import { bits } from '../helpers/bits.js';
import { clientMessages } from '../helpers/wire-arbitraries.js';
import { edited, likeWire } from '../helpers/wire-bytes.js';

const binary = 'eddy.v1.proto';

const plain: fc.Arbitrary<Frames> = clientMessages.frames
  .filter(({ payload }) => payload.kind === 'tokens' || payload.kind === 'features')
  .map(({ targets, ...frames }) => frames);

/** What the generated module and the checks make of bytes: a message, or undefined. */
function slow(bytes: Uint8Array, limits: WireLimits): ClientMessage | undefined {
  try {
    const message = decode('client', bytes, true, binary, limits) as ClientMessage;
    validateClient(message, limits);
    return message;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

test('frames of tokens and features are written as the generated module writes them', t => {
  const same = fc.property(plain, frames => {
    t.deepEqual(Array.from(encodeFrames(frames)!), Array.from(encode('ClientMessage', frames, binary) as Uint8Array));
  });
  fc.assert(same, { numRuns: 500 });
});

test('frames of tokens and features are read as the generated module reads them', t => {
  const same = fc.property(plain, frames => {
    const bytes = encode('ClientMessage', frames, binary) as Uint8Array;
    t.deepEqual(decodeFrames(bytes, defaultLimits), slow(bytes, defaultLimits) as Frames);
    t.deepEqual(decodeFrames(bytes, defaultLimits), frames);
  });
  fc.assert(same, { numRuns: 500 });
});

test('what is read of damaged and random bytes of frames is what the generated module reads', t => {
  const limits: WireLimits = { ...defaultLimits, maxFrames: 8, maxSize: 16, maxItems: 12, maxBytes: 400 };
  let read = 0;
  let refused = 0;
  const same = fc.property(
    fc.oneof(edited(plain.map(encodeFramesOf)), likeWire([0x08, 0x1a, 0x10, 0x22, 0x12, 0x0a])),
    bytes => {
      const expected = slow(bytes, limits);
      const fast = decodeFrames(bytes, limits);
      if (fast !== undefined) {
        read++;
        t.deepEqual(asBits(fast), asBits(expected as Frames));
      } else if (expected === undefined) {
        refused++;
      }
    },
  );
  fc.assert(same, { numRuns: 6000 });
  t.true(read > 300 && refused > 1000, `${read} read, ${refused} refused`);
});

/** All NaNs are one: whether a signalling one becomes quiet where it is read depends on how far that code is compiled. */
function asBits({ payload, ...rest }: Frames): object {
  return { ...rest, payload: payload.kind === 'features' ? { ...payload, values: bits(payload.values) } : payload };
}

function encodeFramesOf(frames: Frames): Uint8Array {
  return encode('ClientMessage', frames, binary) as Uint8Array;
}

test('what cannot be sent, and what is not tokens or features alone, is left to the generated module', t => {
  const frames: Frames = { type: 'frames', session: 1, firstSeq: 1, payload: { kind: 'tokens', ids: [1] } };
  t.truthy(encodeFrames(frames));
  t.is(encodeFrames({ ...frames, firstSeq: 2 ** 53 }), undefined);
  t.is(encodeFrames({ ...frames, ack: -1 }), undefined);
  t.is(encodeFrames({ ...frames, session: 0.5 }), undefined);
  t.is(encodeFrames({ ...frames, payload: { kind: 'tokens', ids: [2 ** 32] } }), undefined);
  t.is(encodeFrames({ ...frames, payload: { kind: 'text', chunks: ['a'] } }), undefined);
  t.is(encodeFrames({ ...frames, targets: { targets: [1] } }), undefined);
});

test('numbers are copied out of the message', t => {
  const values = Float32Array.from({ length: 64 }, (_, i) => i);
  const bytes = encodeFrames({
    type: 'frames',
    session: 1,
    firstSeq: 1,
    payload: { kind: 'features', rows: 1, values },
  })!;
  const payload = decodeFrames(bytes, defaultLimits)!.payload as { values: Float32Array };
  bytes.fill(255);
  t.deepEqual(payload.values, values);
});

test('a message is not written again once it is taken', t => {
  const frames = (seq: number): Frames => ({
    type: 'frames',
    session: 1,
    firstSeq: seq,
    payload: { kind: 'tokens', ids: [seq] },
  });
  const messages = Array.from({ length: 5000 }, (_, i) => encodeFrames(frames(i + 1))!);
  t.deepEqual(
    messages.map(bytes => decodeFrames(bytes, defaultLimits)!.firstSeq),
    messages.map((_, i) => i + 1),
  );
});
