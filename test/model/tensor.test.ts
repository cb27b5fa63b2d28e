import test from 'ava';
import { CheckpointError } from '../../src/errors.js';
import { doubles, floats, type Tensor, tensorOf, words } from '../../src/model/tensor.js';

test('values become a tensor and come back', t => {
  const f = Float32Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 2);
  const d = Float64Array.of(Math.PI, -1e308);
  const w = Uint32Array.of(0, 0xffffffff);
  t.deepEqual(floats(tensorOf(f, [2, 3]), 'f', [2, 3]), f);
  t.deepEqual(doubles(tensorOf(d), 'd'), d);
  t.deepEqual(words(tensorOf(w), 'w', [2]), w);
});

test('bytes are little-endian, whatever the machine', t => {
  t.deepEqual([...tensorOf(Float32Array.of(1)).data], [0, 0, 0x80, 0x3f]);
  t.deepEqual([...tensorOf(BigInt64Array.of(-2n)).data], [0xfe, 255, 255, 255, 255, 255, 255, 255]);
  t.is(tensorOf(Uint8Array.of(7)).dtype, 'U8');
  t.is(tensorOf(Buffer.from([7])).dtype, 'U8');
  t.is(tensorOf(Int32Array.of(7)).dtype, 'I32');
});

test('a scalar has no sizes, and a size of zero has no values', t => {
  t.deepEqual(floats(tensorOf(Float32Array.of(3), []), 'x', []), Float32Array.of(3));
  t.deepEqual(floats(tensorOf(new Float32Array(0), [2, 0]), 'x', [2, 0]), new Float32Array(0));
});

test('values are copied, also from bytes that are not aligned', t => {
  const file = new Uint8Array(9);
  file.set(tensorOf(Float32Array.of(1, 2)).data, 1);
  const tensor: Tensor = { dtype: 'F32', shape: [2], data: file.subarray(1) };
  const values = floats(tensor, 'x');
  file.fill(0);
  t.deepEqual(values, Float32Array.of(1, 2));
});

test('values of another type or shape are an error that names the tensor, the expected and the found', t => {
  const tensor = tensorOf(new Float32Array(6), [2, 3]);
  const says = (body: () => unknown, message: string) => t.throws(body, { instanceOf: CheckpointError, message });
  says(() => floats(tensor, 'gru.weight', [3, 2]), 'Expected tensor "gru.weight" to be F32 [3, 2], got F32 [2, 3]');
  says(() => floats(tensor, 'w', [2, 3, 1]), 'Expected tensor "w" to be F32 [2, 3, 1], got F32 [2, 3]');
  says(() => doubles(tensor, 'w'), 'Expected tensor "w" to be F64, got F32 [2, 3]');
  says(() => words(undefined, 'w', [4]), 'Expected tensor "w" to be U32 [4], got no such tensor');
  says(() => tensorOf(new Float32Array(5), [2, 3]), 'Expected 5 values for a tensor F32 [2, 3]');
});
