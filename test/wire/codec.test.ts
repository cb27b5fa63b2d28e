import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import {
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  type Frames,
  type PcmFrames,
  type ServerMessage,
  subprotocols,
  type WireData,
} from '../../src/wire/messages.js';
import { anyClientMessage, anyServerMessage, clientMessages, serverMessages } from '../helpers/wire-arbitraries.js';

/** As a socket gives it: bytes anywhere in a larger buffer, text as its UTF-8 bytes or as a string. */
function received(data: WireData, offset: number): Uint8Array | string {
  if (typeof data === 'string') return offset % 2 === 0 ? data : new TextEncoder().encode(data);
  const larger = new Uint8Array(data.length + offset + 3).fill(255);
  larger.set(data, offset);
  return larger.subarray(offset, offset + data.length);
}

test('a message that is changed on the way does not come back the same', t => {
  const message: ClientMessage = { type: 'ack', session: 1, seq: 77 };
  const data = encodeClient(message, 'eddy.v1.proto') as Uint8Array;
  t.notDeepEqual(decodeClient(Uint8Array.of(...data.subarray(0, -1), 78), true, 'eddy.v1.proto'), message);
});

for (const subprotocol of subprotocols) {
  const isBinary = subprotocol === 'eddy.v1.proto';
  for (const [type, arbitrary] of Object.entries(clientMessages)) {
    test(`${type} from a client comes back the same on ${subprotocol}`, t => {
      const roundTrip = fc.property(arbitrary as fc.Arbitrary<ClientMessage>, fc.nat(7), (message, offset) => {
        const data = encodeClient(message, subprotocol);
        t.deepEqual(decodeClient(received(data, offset), isBinary, subprotocol), message);
      });
      fc.assert(roundTrip, { numRuns: 200 });
      t.pass();
    });
  }
  for (const [type, arbitrary] of Object.entries(serverMessages)) {
    test(`${type} from a server comes back the same on ${subprotocol}`, t => {
      const roundTrip = fc.property(arbitrary as fc.Arbitrary<ServerMessage>, fc.nat(7), (message, offset) => {
        const data = encodeServer(message, subprotocol);
        t.deepEqual(decodeServer(received(data, offset), isBinary, subprotocol), message);
      });
      fc.assert(roundTrip, { numRuns: 200 });
      t.pass();
    });
  }
}

const wrongKind = [
  ['eddy.v1.proto', 'Expected binary messages on eddy.v1.proto, got text'],
  ['eddy.v1.json', 'Expected text messages on eddy.v1.json, got bytes'],
] as const;

for (const [subprotocol, message] of wrongKind) {
  test(`${subprotocol} refuses the other kind of message`, t => {
    const isBinary = subprotocol !== 'eddy.v1.proto';
    const data = encodeClient({ type: 'close', session: 1 }, isBinary ? 'eddy.v1.proto' : 'eddy.v1.json');
    const expected = { instanceOf: WireError, code: 'EDDY_WIRE', message };
    t.is(t.throws(() => decodeClient(data, isBinary, subprotocol), expected).fault, 'malformed');
    t.is(t.throws(() => decodeServer(data, isBinary, subprotocol), expected).fault, 'malformed');
  });
}

/** What a damaged message may become: a message, or a WireError; never another error. */
function survives(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

test('random bytes are a message or a WireError', t => {
  let refused = 0;
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
    refused += survives(() => decodeClient(bytes, true, 'eddy.v1.proto')) ? 0 : 1;
    survives(() => decodeServer(bytes, true, 'eddy.v1.proto'));
    survives(() => decodeClient(bytes, false, 'eddy.v1.json'));
    survives(() => decodeServer(bytes, false, 'eddy.v1.json'));
  });
  fc.assert(property, { numRuns: 2000 });
  t.true(refused > 1600, `${refused} of 2000 refused`);
});

for (const [side, arbitrary, encode, decode] of [
  ['client', anyClientMessage, encodeClient, decodeClient],
  ['server', anyServerMessage, encodeServer, decodeServer],
] as const) {
  test(`a torn message of a ${side} is a WireError, on both subprotocols`, t => {
    const property = fc.property(arbitrary as fc.Arbitrary<never>, fc.nat(), (message, at) => {
      const bytes = encode(message, 'eddy.v1.proto') as Uint8Array;
      const cut = bytes.subarray(0, at % bytes.length);
      // What is left of a message without its last bytes can be one only if it holds the session alone.
      t.false(survives(() => decode(cut, true, 'eddy.v1.proto')));
      const text = encode(message, 'eddy.v1.json') as string;
      t.false(survives(() => decode(text.slice(0, at % text.length), false, 'eddy.v1.json')));
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test(`a message of a ${side} with flipped bits is a message or a WireError`, t => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
    let accepted = 0;
    const property = fc.property(arbitrary as fc.Arbitrary<never>, flips, (message, changes) => {
      const bytes = Uint8Array.from(encode(message, 'eddy.v1.proto') as Uint8Array);
      const text = new TextEncoder().encode(encode(message, 'eddy.v1.json') as string);
      for (const [at, mask] of changes) {
        bytes[at % bytes.length] ^= mask;
        text[at % text.length] ^= mask;
      }
      accepted += survives(() => decode(bytes, true, 'eddy.v1.proto')) ? 1 : 0;
      accepted += survives(() => decode(text, false, 'eddy.v1.json')) ? 1 : 0;
    });
    fc.assert(property, { numRuns: 2000 });
    t.true(accepted > 40 && accepted < 3960, `${accepted} of 4000 accepted`);
  });
}

test('a refused message names its session, where it can be read', t => {
  const bad = { session: 7, frames: { firstSeq: 0, tokens: { ids: [1] } } };
  t.is(t.throws(() => decodeClient(JSON.stringify(bad), false, 'eddy.v1.json'), { instanceOf: WireError }).session, 7);
  const ill = { session: 8, frames: { firstSeq: 'soon' } };
  t.is(t.throws(() => decodeClient(JSON.stringify(ill), false, 'eddy.v1.json'), { instanceOf: WireError }).session, 8);
  const bytes = Uint8Array.of(0x08, 9, 0x1a, 0);
  t.is(t.throws(() => decodeClient(bytes, true, 'eddy.v1.proto'), { instanceOf: WireError }).session, 9);
});

test('a client reads past what a newer server adds, and a server refuses a value that it does not know', t => {
  // Fault { code: 127, retryable: true, and field 2047 }
  const newer = Uint8Array.of(0x08, 1, 0x4a, 7, 0x08, 0x7f, 0x20, 1, 0xf8, 0x7f, 1);
  t.like(decodeServer(newer, true, 'eddy.v1.proto'), {
    type: 'fault',
    session: 1,
    code: 'unspecified',
    retryable: true,
  });
  const open = Uint8Array.of(0x08, 1, 0x12, 2, 0x18, 0x7f);
  t.throws(() => decodeClient(open, true, 'eddy.v1.proto'), {
    message: 'Expected learn to be one of LEARN_NONE, LEARN_PRIVATE, LEARN_SHARED, got 127',
  });
  const text = '{"session":1,"fault":{"code":"FAULT_CODE_OF_TOMORROW","retryable":true,"sorry":{}},"also":[]}';
  t.like(decodeServer(text, false, 'eddy.v1.json'), { code: 'unspecified', retryable: true });
  t.throws(() => decodeClient('{"session":1,"open":{"learn":"all"}}', false, 'eddy.v1.json'), {
    instanceOf: WireError,
  });
});

test('a number that cannot be sent is refused by the sender', t => {
  for (const subprotocol of subprotocols) {
    for (const seq of [-1, 0.5, Number.NaN, 2 ** 53]) {
      t.throws(() => encodeClient({ type: 'ack', session: 1, seq }, subprotocol), { instanceOf: WireError });
    }
    const payload = { kind: 'tokens', ids: [1, -1] } as const;
    t.throws(() => encodeClient({ type: 'frames', session: 1, firstSeq: 1, payload }, subprotocol), {
      message: 'Expected ids to be a whole number from 0 to 2^32 - 1, got -1',
    });
    t.throws(() => encodeClient({ type: 'opne', session: 1 } as never, subprotocol), {
      message: 'Expected type to be a message of ClientMessage, got opne',
    });
  }
});

test('int16 samples arrive divided by 32768', t => {
  const payload = { kind: 'pcm', chunks: [Int16Array.of(-32_768, 0, 1, 32_767)] } as const;
  for (const subprotocol of subprotocols) {
    const data = encodeClient({ type: 'frames', session: 1, firstSeq: 1, payload }, subprotocol);
    const { chunks } = (decodeClient(data, subprotocol === 'eddy.v1.proto', subprotocol) as Frames)
      .payload as PcmFrames;
    t.deepEqual(chunks, [Float32Array.of(-1, 0, 1 / 32_768, 32_767 / 32_768)]);
  }
});

test('half a character, as text that is cut ends with, goes out as U+FFFD: a message that is sent can be read', t => {
  for (const subprotocol of subprotocols) {
    const isBinary = subprotocol === 'eddy.v1.proto';
    const fault: ServerMessage = { type: 'fault', session: 1, code: 'invalid', retryable: false, message: '😀\ud83d…' };
    t.deepEqual(decodeServer(encodeServer(fault, subprotocol), isBinary, subprotocol), {
      ...fault,
      message: '😀\ufffd…',
    });
    const text = (...chunks: string[]): Frames => ({
      ...{ type: 'frames', session: 1, firstSeq: 1 },
      payload: { kind: 'text', chunks },
    });
    const sent = encodeClient(text('a\ud83d', '\ude00b', '😀'), subprotocol);
    t.deepEqual(decodeClient(sent, isBinary, subprotocol), text('a\ufffd', '\ufffdb', '😀'));
  }
});
