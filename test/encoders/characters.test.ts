import test from 'ava';
import fc from 'fast-check';
import { createCharacters, vocabularyOf } from '../../src/encoders/characters.js';
import { ConfigError, InputError } from '../../src/errors.js';
import { cutAt, encodeAll } from '../helpers/chunks.js';

const encoder = createCharacters({ kind: 'characters', vocabulary: 'ab😀語' });

test('each character is its place in the vocabulary, and any other one its size', t => {
  t.deepEqual(encodeAll(encoder, ['a😀', '語bx']).inputs, [0, 2, 3, 1, 4]);
  t.deepEqual(encoder.input, { kind: 'token', size: 5 });
});

test('where the text is cut does not matter, in the middle of a character neither', t => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'x', '😀', '😁', '\ud83d', '\ude00') });
  fc.assert(
    fc.property(text, fc.array(fc.nat(100), { maxLength: 8 }), (whole, places) => {
      const { inputs } = encodeAll(encoder, cutAt(whole, places));
      t.deepEqual(inputs, encodeAll(encoder, [whole]).inputs);
      t.is(inputs.length, [...whole].length);
    }),
  );
  t.deepEqual(encodeAll(encoder, ['\ud83d', '\ude00']).inputs, [2]);
  t.deepEqual(encodeAll(encoder, ['\ud83d']).inputs, [4]);
});

test('a vocabulary is the characters of a text, each once, in order', t => {
  t.is(vocabularyOf('b😀ab\n😀￮'), '\nab￮😀');
});

test('a vocabulary with a character twice, none at all, and what is no text are refused', t => {
  t.throws(() => createCharacters({ kind: 'characters', vocabulary: 'aba' }), {
    instanceOf: ConfigError,
    message: /each character once, got "a" twice/,
  });
  t.throws(() => createCharacters({ kind: 'characters' } as never), { instanceOf: ConfigError });
  t.throws(() => encoder.encode(encoder.initial(), 5 as never), { instanceOf: InputError });
});
