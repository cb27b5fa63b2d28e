import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { CheckpointError } from '../../src/errors.js';
import { maxHeaderBytes, readSafetensors, writeSafetensors } from '../../src/model/safetensors.js';
import { floats, type Tensor, tensorOf } from '../../src/model/tensor.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';

const hexBytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16));

/** A file with this header and this many bytes of zeros. */
function fileOf(header: string | Uint8Array, dataBytes = 0, claimed?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const info = (dtype: string, shape: string, start: number | string, end: number | string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${start},${end}]}`;

sharedTest(
  "the reference reader's own cases are accepted and refused as it does",
  'conformance/safetensors/reader_cases.json',
  t => {
    const { cases } = JSON.parse(readFileSync(sharedPath('conformance/safetensors/reader_cases.json'), 'utf8')) as {
      cases: { test: string; hex: string; valid: boolean }[];
    };
    for (const { test: name, hex, valid } of cases) {
      if (valid) t.notThrows(() => readSafetensors(hexBytes(hex)), name);
      else t.throws(() => readSafetensors(hexBytes(hex)), { instanceOf: CheckpointError }, name);
    }
    const valid = cases.filter(c => c.valid).length;
    t.log(`${cases.length} cases: ${valid} accepted, ${cases.length - valid} refused`);
    t.deepEqual([cases.length, valid], [10, 5]);
  },
);

sharedTest('a file that another library wrote is read', 'conformance/safetensors/multi_layer.safetensors', t => {
  const { metadata, tensors } = readSafetensors(
    readFileSync(sharedPath('conformance/safetensors/multi_layer.safetensors')),
  );
  t.deepEqual({ ...metadata }, {});
  t.deepEqual([...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape}]`).sort(), [
    'conv1.bias F32 [4]',
    'conv1.weight F32 [4,3,3,3]',
    'fc1.bias F32 [16]',
    'fc1.weight F32 [16,256]',
    'norm1.bias F32 [4]',
    'norm1.num_batches_tracked I64 []',
    'norm1.running_mean F32 [4]',
    'norm1.running_var F32 [4]',
    'norm1.weight F32 [4]',
  ]);
  t.deepEqual(floats(tensors.get('norm1.weight'), 'norm1.weight', [4]), Float32Array.of(1, 1, 1, 1));
  const weight = floats(tensors.get('fc1.weight'), 'fc1.weight', [16, 256]);
  t.true(weight.every(w => Math.abs(w) <= 1 / Math.sqrt(256)) && new Set(weight).size > 4000);
});

test('the bytes do not depend on the order in which tensors and metadata come', t => {
  const entries: [string, Tensor][] = [
    ['b', tensorOf(Uint8Array.of(1, 2, 3))],
    ['a', tensorOf(Float32Array.of(1, 2, 3))],
    ['c', tensorOf(Float64Array.of(1))],
  ];
  const file = writeSafetensors(new Map(entries), { x: '1', y: '2' });
  t.deepEqual(file, writeSafetensors(new Map([...entries].reverse()), { y: '2', x: '1' }));
  const header =
    '{"__metadata__":{"x":"1","y":"2"},"c":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},' +
    '"a":{"dtype":"F32","shape":[3],"data_offsets":[8,20]},"b":{"dtype":"U8","shape":[3],"data_offsets":[20,23]}}';
  t.is(new TextDecoder().decode(file.subarray(8, 8 + header.length)), header);
  t.is(new DataView(file.buffer).getUint32(0, true) % 8, 0);
});

test('an empty file of tensors is a file', t => {
  const { tensors } = readSafetensors(writeSafetensors(new Map()));
  t.is(tensors.size, 0);
});

test('each tensor begins at a multiple of its element size', t => {
  const sizes = { F64: 8, F32: 4, U8: 1 };
  const file = writeSafetensors(
    new Map([
      ['a', tensorOf(Uint8Array.of(1))],
      ['b', tensorOf(Float32Array.of(1))],
      ['c', tensorOf(Float64Array.of(1))],
      ['d', tensorOf(Uint8Array.of(1))],
    ]),
  );
  for (const { dtype, data } of readSafetensors(file).tensors.values()) {
    t.is(data.byteOffset % sizes[dtype as keyof typeof sizes], 0);
  }
});

const refused: [title: string, file: Uint8Array, message: RegExp][] = [
  ['an empty file', new Uint8Array(0), /8-byte header length, got 0 bytes/],
  ['a header longer than the file', fileOf('{}', 0, 3n), /at most 2 bytes \(the rest of the file\), got 3/],
  ['a header length of 2^63', fileOf('{}', 0, 2n ** 63n), /at most 2 bytes .* got 9223372036854776000/],
  ['a header that is a list', fileOf('[]'), /'\{' at character 0, got "\[\]"/],
  ['a header that is null', fileOf('null'), /'\{' at character 0/],
  ['an empty header', fileOf(''), /'\{' at character 0, got its end/],
  ['a blank before the header', fileOf(' {}'), /'\{' at character 0/],
  ['a byte order mark', fileOf('\ufeff{}'), /'\{' at character 0/],
  ['a second value after the header', fileOf('{}{}'), /only blanks at character 2/],
  ['a NUL after the header', fileOf('{}\0'), /only blanks/],
  ['bytes that are not UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d)), /UTF-8/],
  ['half a surrogate pair', fileOf(`{"\\ud800":${info('U8', '[0]', 0, 0)}}`), /well-formed Unicode/],
  ['a name that does not end', fileOf('{"a'), /JSON string/],
  ['a name that ends in a backslash', fileOf('{"a\\'), /JSON string/],
  ['a raw line feed in a name', fileOf(`{"a\nb":${info('U8', '[0]', 0, 0)}}`), /JSON string/],
  ['a missing colon', fileOf('{"a" {}}'), /':' at character 5/],
  ['a comma too many', fileOf(`{"a":${info('U8', '[0]', 0, 0)},}`), /a tensor in quotes/],
  ['a tensor that is a number', fileOf('{"a":1}'), /'\{' at character 5, in tensor "a"/],
  ['a tensor without a dtype', fileOf('{"a":{"shape":[],"data_offsets":[0,0]}}'), /a dtype, in tensor "a", got none/],
  ['a tensor without a shape', fileOf('{"a":{"dtype":"U8","data_offsets":[0,0]}}'), /a shape, in tensor "a", got none/],
  ['one offset', fileOf('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}'), /two data_offsets.* got 1/],
  [
    'an unknown field',
    fileOf('{"a":{"type":"U8"}}'),
    /the fields dtype, shape and data_offsets, in tensor "a", got "type"/,
  ],
  ['a dtype that is not one', fileOf(`{"a":${info('F33', '[0]', 0, 0)}}`), /dtype of tensor "a" .* got "F33"/],
  ['a dtype from the prototype', fileOf(`{"a":${info('toString', '[0]', 0, 0)}}`), /got "toString"/],
  ['a negative size', fileOf(`{"a":${info('U8', '[-1]', 0, 1)}}`, 1), /a size \(a whole number/],
  ['a fraction', fileOf(`{"a":${info('U8', '[1.5]', 0, 1)}}`, 1), /'\]' at character/],
  ['an exponent', fileOf(`{"a":${info('U8', '[1e0]', 0, 1)}}`, 1), /'\]' at character/],
  ['a leading zero', fileOf(`{"a":${info('U8', '[01]', 0, 1)}}`, 1), /a size/],
  ['a size of 2^53', fileOf(`{"a":${info('U8', '[9007199254740992]', 0, 1)}}`, 1), /a size/],
  ['a size of 400 digits', fileOf(`{"a":${info('U8', `[${'9'.repeat(400)}]`, 0, 1)}}`, 1), /a size/],
  [
    'a product that overflows',
    fileOf(`{"a":${info('U8', '[4294967296,4294967296]', 0, 0)}}`),
    /tensor "a".*below 2\^53/,
  ],
  ['an overflow hidden by a zero', fileOf(`{"a":${info('F32', '[4294967296,4294967296,0]', 0, 0)}}`), /below 2\^53/],
  ['bytes that overflow', fileOf(`{"a":${info('F64', '[9007199254740991]', 0, 8)}}`, 8), /below 2\^53/],
  ['elements that end inside a byte', fileOf(`{"a":${info('F4', '[3]', 0, 2)}}`, 2), /whole number of bytes/],
  [
    'too few bytes for the shape',
    fileOf(`{"a":${info('F32', '[2,2]', 0, 12)}}`, 12),
    /"a", F32 \[2, 2\], to have 16 bytes, got 12/,
  ],
  [
    'an end before the beginning',
    fileOf(`{"a":${info('U8', '[1]', 0, 1)},"b":${info('U8', '[0]', 1, 0)}}`, 1),
    /tensor "b" to begin at byte 1.* got bytes 1 to 0/,
  ],
  [
    'a hole at the beginning',
    fileOf(`{"a":${info('U8', '[1]', 1, 2)}}`, 2),
    /tensor "a" to begin at byte 0.* got bytes 1 to 2/,
  ],
  [
    'a hole between tensors',
    fileOf(`{"a":${info('U8', '[1]', 0, 1)},"b":${info('U8', '[1]', 2, 3)}}`, 3),
    /tensor "b" to begin at byte 1.* got bytes 2 to 3/,
  ],
  [
    'tensors that overlap',
    fileOf(`{"a":${info('U8', '[2]', 0, 2)},"b":${info('U8', '[2]', 1, 3)}}`, 3),
    /tensor "b" to begin at byte 2.* got bytes 1 to 3/,
  ],
  [
    'two tensors on the same bytes',
    fileOf(`{"a":${info('U8', '[1]', 0, 1)},"b":${info('U8', '[1]', 0, 1)}}`, 1),
    /tensor "b"/,
  ],
  [
    'data beyond the file',
    fileOf(`{"a":${info('U8', '[9]', 0, 9)}}`, 8),
    /with 9 bytes of data \(up to tensor "a"\), got 8/,
  ],
  ['a tensor of a terabyte', fileOf(`{"a":${info('U8', '[1099511627776]', 0, 1099511627776)}}`), /got 0/],
  ['data that no tensor has', fileOf('{}', 1), /with 0 bytes of data \(for no tensor\), got 1/],
  [
    'a name that comes twice',
    fileOf(`{"a":${info('U8', '[0]', 0, 0)},"a":${info('U8', '[0]', 0, 0)}}`),
    /got "a" twice/,
  ],
  [
    'a name twice, once escaped',
    fileOf(`{"a":${info('U8', '[0]', 0, 0)},"\\u0061":${info('U8', '[0]', 0, 0)}}`),
    /twice/,
  ],
  ['a field that comes twice', fileOf('{"a":{"dtype":"U8","dtype":"U8"}}'), /in tensor "a", got "dtype" twice/],
  ['metadata that comes twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), /got "__metadata__" twice/],
  ['a metadata key that comes twice', fileOf('{"__metadata__":{"k":"1","k":"2"}}'), /got "k" twice/],
  ['a metadata value that is a number', fileOf('{"__metadata__":{"k":1}}'), /metadata entry in quotes/],
  ['metadata that is null', fileOf('{"__metadata__":null}'), /'\{' at character 16/],
];

for (const [title, file, message] of refused) {
  test(`${title} is refused`, t => {
    t.throws(() => readSafetensors(file), { instanceOf: CheckpointError, code: 'EDDY_CHECKPOINT', message });
  });
}

test('a header above the limit is refused by its length, also where the file has room for it', t => {
  const file = new Uint8Array(maxHeaderBytes + 16);
  new DataView(file.buffer).setUint32(0, maxHeaderBytes + 1, true);
  t.throws(() => readSafetensors(file), {
    instanceOf: CheckpointError,
    message: /at most 100000000 bytes \(the limit\)/,
  });
});

test('nesting of any depth is refused as any other wrong character', t => {
  for (const open of ['{"a":', '[']) {
    const file = fileOf(`{"a":{"shape":${open.repeat(1_000_000)}`);
    t.throws(() => readSafetensors(file), { instanceOf: CheckpointError });
  }
});

test('a name of a megabyte does not flood the message', t => {
  const error = t.throws(() => readSafetensors(fileOf(`{"${'n'.repeat(1_000_000)}":1}`)), {
    instanceOf: CheckpointError,
  });
  t.true(error.message.length < 300);
});

test('names of the object prototype are names like any other', t => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const tensors = new Map(names.map((name, i) => [name, tensorOf(Float32Array.of(i))]));
  const metadata: Record<string, string> = Object.create(null);
  for (const name of names) metadata[name] = `value of ${name}`;
  const back = readSafetensors(writeSafetensors(tensors, metadata));
  t.deepEqual([...back.tensors.keys()].sort(), [...names].sort());
  t.deepEqual(Object.entries(back.metadata).sort(), Object.entries(metadata).sort());
  t.is(Object.getPrototypeOf(back.metadata), null);
  t.is(({} as Record<string, unknown>).value, undefined);
});

test('the writer refuses what the reader would', t => {
  const says = (tensors: [string, Tensor][], metadata: Record<string, string>, message: RegExp) =>
    t.throws(() => writeSafetensors(new Map(tensors), metadata), { instanceOf: CheckpointError, message });
  const one = tensorOf(Float32Array.of(1));
  says([['__metadata__', one]], {}, /reserved/);
  says([['\ud800', one]], {}, /well-formed/);
  says([], { '\udc00': '' }, /well-formed/);
  says([], { k: '\udc00' }, /well-formed/);
  says([['a', { ...one, shape: [2] }]], {}, /"a", F32 \[2\], to have 8 bytes, got 4/);
  says([['a', { ...one, shape: [-1] }]], {}, /"a"/);
  says([['a', { ...one, shape: [0.5, 2] }]], {}, /"a"/);
});

const name = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
  fc.constantFrom('__proto__', 'constructor', '"', '\\', '\u2028', '\0', 'layer.0.weight'),
);
const tensor: fc.Arbitrary<Tensor> = fc.oneof(
  fc.float32Array({ maxLength: 12 }).map(values => tensorOf(values)),
  fc.float64Array({ maxLength: 3 }).map(values => tensorOf(values, [1, values.length])),
  fc.uint8Array({ maxLength: 9 }).map(values => tensorOf(values)),
  fc.int32Array({ minLength: 6, maxLength: 6 }).map(values => tensorOf(values, [3, 2])),
  fc.bigInt64Array({ minLength: 1, maxLength: 1 }).map(values => tensorOf(values, [])),
);
const contents = fc.record({
  tensors: fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map(entries => new Map(entries)),
  metadata: fc.array(fc.tuple(name, fc.string({ unit: 'grapheme' })), { maxLength: 3 }),
});

const plain = (tensors: ReadonlyMap<string, Tensor>) =>
  [...tensors]
    .map(([key, { dtype, shape, data }]) => ({ key, dtype, shape: [...shape], data: [...data] }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));

test('what is written is read back, and written again it is the same bytes', t => {
  fc.assert(
    fc.property(contents, ({ tensors, metadata }) => {
      const file = writeSafetensors(tensors, Object.fromEntries(metadata));
      const back = readSafetensors(file);
      t.deepEqual(plain(back.tensors), plain(tensors));
      t.deepEqual(Object.entries(back.metadata).sort(), Object.entries(Object.fromEntries(metadata)).sort());
      t.deepEqual(writeSafetensors(back.tensors, back.metadata), file);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('a damaged file is read or is a checkpoint error, and nothing else', t => {
  let read = 0;
  let errors = 0;
  const damage = fc.record({
    edits: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    cut: fc.option(fc.nat(), { freq: 3 }),
  });
  fc.assert(
    fc.property(contents, damage, ({ tensors, metadata }, { edits, cut }) => {
      const whole = writeSafetensors(tensors, Object.fromEntries(metadata));
      const file = whole.slice(0, cut === null ? undefined : cut % (whole.length + 1));
      // Half of the edits fall on the first bytes, where the lengths are.
      for (const [at, value] of edits)
        if (file.length > 0) file[at % 2 ? at % file.length : at % Math.min(16, file.length)] = value;
      try {
        readSafetensors(file);
        read += 1;
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        errors += 1;
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
  t.log(`${read} read, ${errors} refused`);
  t.true(read > 100 && errors > 1000);
});

test('any text as a header is read or is a checkpoint error, and nothing else', t => {
  const pieces = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"', '\\', ' ', '0', '1', '-', 'e', 'true', 'null', '"a"', '"dtype"', '"F32"'],
    ...['"shape"', '"data_offsets"', '[0,0]', '"__metadata__"', '"__proto__"', '{"a":', '\\u0061', 'é', '\0'],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), parts => {
      try {
        readSafetensors(fileOf(`{${parts.join('')}`));
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
  t.pass();
});
