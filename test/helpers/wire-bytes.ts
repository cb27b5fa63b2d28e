import fc from 'fast-check';

/** Messages with a few bytes changed, put in or taken out, or made longer: a number in more bytes than it needs. */
export function edited(messages: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    kind: fc.constantFrom('change', 'insert', 'remove', 'stretch'),
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  return fc.tuple(messages, fc.array(edit, { maxLength: 3 })).map(([message, edits]) => {
    const bytes = Array.from(message);
    for (const { kind, at, byte } of edits) {
      const place = at % (bytes.length + 1);
      if (kind === 'insert') bytes.splice(place, 0, byte);
      else if (kind === 'remove') bytes.splice(place, 1);
      else if (kind === 'stretch' && bytes[place] < 128)
        bytes.splice(place, 1, bytes[place] | 128, ...Array(byte % 9).fill(128), 0);
      else if (place < bytes.length) bytes[place] = byte;
    }
    return Uint8Array.from(bytes);
  });
}

/** Bytes that look like a message: these tags, small lengths, varints of all lengths, and a little of everything. */
export function likeWire(tags: readonly number[]): fc.Arbitrary<Uint8Array> {
  const varint = fc.array(fc.integer({ min: 128, max: 255 }), { maxLength: 10 }).map(bytes => [...bytes, 1]);
  const piece = fc.oneof(
    { arbitrary: fc.constantFrom(...tags).map(tag => [tag]), weight: 4 },
    { arbitrary: fc.nat(12).map(length => [length]), weight: 3 },
    { arbitrary: varint, weight: 1 },
    { arbitrary: fc.array(fc.nat(255), { maxLength: 4 }), weight: 1 },
  );
  return fc.array(piece, { maxLength: 16 }).map(pieces => Uint8Array.from(pieces.flat()));
}
