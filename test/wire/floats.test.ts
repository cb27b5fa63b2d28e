import test from 'ava';
import fc from 'fast-check';
import { WireError } from '../../src/errors.js';
import {
  bytesFromFloats,
  bytesFromInt16,
  floatsFromBytes,
  floatsFromInt16,
  readFloats,
  shortestFloat,
} from '../../src/wire/floats.js';
import { bits } from '../helpers/bits.js';

test('numbers lie on the wire as little-endian float32', t => {
  const bytes = Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0x80, 0xdb, 0x0f, 0x49, 0x40);
  t.deepEqual(floatsFromBytes(bytes), Float32Array.of(1, -0, Math.PI));
  t.deepEqual(bytesFromFloats(Float32Array.of(1, -0, Math.PI)), bytes);
});

test('numbers are read at any place, whatever their count', t => {
  for (const count of [0, 1, 16, 17, 40, 4095, 4096, 4097, 9000]) {
    for (const offset of [0, 1, 2, 3]) {
      const floats = Float32Array.from({ length: count }, (_, i) => i / 7);
      const larger = new Uint8Array(count * 4 + offset + 5).fill(255);
      larger.set(bytesFromFloats(floats), offset);
      t.deepEqual(readFloats(larger, offset, count), floats, `${count} numbers at ${offset}`);
      t.deepEqual(floatsFromBytes(larger.subarray(offset, offset + count * 4)), floats);
    }
  }
});

test('numbers that were read are never changed by later ones', t => {
  const source = (i: number) => Float32Array.from({ length: 33 }, (_, j) => i * 100 + j);
  const read = Array.from({ length: 600 }, (_, i) => floatsFromBytes(bytesFromFloats(source(i))));
  t.true(read.every((floats, i) => floats.every((number, j) => number === i * 100 + j)));
});

test('bytes that are not whole numbers are refused', t => {
  t.throws(() => floatsFromBytes(new Uint8Array(7), 'carry'), {
    instanceOf: WireError,
    message: 'Expected carry to be float32 numbers of 4 bytes each, got 7 bytes',
  });
  t.throws(() => floatsFromInt16(new Uint8Array(3)), { instanceOf: WireError, message: /samples of 2 bytes/ });
});

test('int16 samples are divided by 32768', t => {
  const samples = Int16Array.of(-32_768, -1, 0, 16_384, 32_767);
  t.deepEqual(floatsFromInt16(bytesFromInt16(samples)), Float32Array.of(-1, -1 / 32_768, 0, 0.5, 32_767 / 32_768));
});

test('the shortest number reads back as the same float32, and is no longer than the float32 itself', t => {
  t.is(shortestFloat(Math.fround(0.1)), 0.1);
  t.is(shortestFloat(Math.fround(1 / 3)), 0.33333334);
  const same = fc.property(fc.float({ noNaN: true }), number => {
    const short = shortestFloat(number);
    t.deepEqual(bits([Math.fround(short)]), bits([number]));
    t.true(String(short).length <= String(number).length, `${short} for ${number}`);
    t.true(short.toExponential().replace(/e.*|\D/g, '').length <= 9, `${short} for ${number}`);
  });
  fc.assert(same, { numRuns: 5000 });
});
