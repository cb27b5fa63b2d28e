import test from 'ava';
import fc from 'fast-check';
import { createBytes } from '../../src/encoders/bytes.js';
import { CheckpointError, InputError } from '../../src/errors.js';
import { cutAt, encodeAll } from '../helpers/chunks.js';

/** Any UTF-16, halves of pairs included. */
const anyText = fc.string({ unit: fc.oneof(fc.constantFrom('\ud83d', '\ude00', 'a', 'é', '語', '😀'), fc.string()) });
const cuts = fc.array(fc.nat(200), { maxLength: 8 });

test('text gives its UTF-8 bytes, wherever it is cut', t => {
  const encoder = createBytes();
  fc.assert(
    fc.property(anyText, cuts, (text, places) => {
      const { inputs } = encodeAll(encoder, cutAt(text, places));
      t.deepEqual(inputs, Array.from(new TextEncoder().encode(text)));
    }),
  );
});

test('bytes pass as they are, wherever they are cut', t => {
  const encoder = createBytes();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), cuts, (bytes, places) => {
      t.deepEqual(encodeAll(encoder, cutAt(bytes, places)).inputs, Array.from(bytes));
    }),
  );
});

test('half a character is replaced when bytes follow, and when nothing does', t => {
  const encoder = createBytes();
  t.deepEqual(
    encodeAll<string | Uint8Array, unknown, number>(encoder, ['a\ud83d', Uint8Array.of(1)]).inputs,
    [97, 0xef, 0xbf, 0xbd, 1],
  );
  const { state, inputs } = encoder.encode(encoder.initial(), 'a\ud83d');
  t.deepEqual(inputs, [97]);
  t.deepEqual(encoder.finish(state), [0xef, 0xbf, 0xbd]);
});

test('what is neither text nor bytes, and what is no state, is refused', t => {
  const encoder = createBytes();
  t.throws(() => encoder.encode(encoder.initial(), 5 as unknown as string), { instanceOf: InputError });
  for (const saved of [null, 3, {}, { pending: 'a' }, { pending: '\ud83d\ud83d' }])
    t.throws(() => encoder.restore(saved), { instanceOf: CheckpointError });
});
