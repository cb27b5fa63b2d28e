import test from 'ava';
import { from, lastValueFrom, toArray } from 'rxjs';
import { ConfigError, InputError } from '../../src/errors.js';
import type { ModelConfig } from '../../src/model/config.js';
import { copyModel, createModel } from '../../src/model/model.js';
import { stepMany } from '../../src/operators/index.js';
import { createRandom } from '../../src/random.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomInput, threeModels } from '../helpers/models.js';

test('every size of layer gives the same bits on SIMD and reference', async t => {
  for (const cell of cellKinds) {
    for (const size of [1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 33, 64, 70]) {
      const { simd, reference } = await threeModels(config(cell, [size, 3]), size);
      const random = createRandom(size);
      let [a, b] = [simd.zeroCarry(), reference.zeroCarry()];
      for (let i = 0; i < 5; i++) {
        const input = randomInput(random, simd);
        const [x, y] = [simd.step(a, input), reference.step(b, input)];
        t.is(firstDifference(x.carry, y.carry), -1, `${cell} ${size}`);
        t.is(firstDifference(x.logits, y.logits), -1, `${cell} ${size}`);
        [a, b] = [x.carry, y.carry];
      }
    }
  }
});

test('a token reads the row that its one-hot vector would select', async t => {
  const shape = { layers: [{ cell: 'gru', size: 6 }], output: { kind: 'classes', size: 3 } } as const;
  const tokens = await createModel({ input: { kind: 'token', size: 5 }, ...shape }, { seed: 3 });
  const features = await createModel({ input: { kind: 'features', size: 5 }, ...shape });
  features.setWeights(tokens.weights());
  let carry = tokens.zeroCarry();
  for (const token of [0, 4, 2, 2, 1]) {
    const a = tokens.step(carry, token);
    const b = features.step(
      carry,
      Float32Array.from({ length: 5 }, (_, i) => (i === token ? 1 : 0)),
    );
    t.is(firstDifference(a.logits, b.logits), -1);
    carry = a.carry;
  }
});

test('no input is a vector of zeros, or no row at all', async t => {
  const features = await createModel(config('lstm', [5]), { seed: 1 });
  const zeros = features.step(features.zeroCarry(), new Float32Array(3));
  t.is(firstDifference(features.step(features.zeroCarry(), null).logits, zeros.logits), -1);
  const tokens = await createModel(config('lstm', [5], { kind: 'token', size: 3 }), { seed: 1 });
  t.is(firstDifference(tokens.step(tokens.zeroCarry(), null).logits, zeros.logits), -1);
});

test('a carry names its parts', async t => {
  const model = await createModel(
    {
      input: { kind: 'token', size: 2 },
      layers: [
        { cell: 'lstm', size: 3 },
        { cell: 'gru', size: 5 },
      ],
      output: { kind: 'classes', size: 2 },
    },
    { seed: 1 },
  );
  t.is(model.carryLayout.size, 11);
  t.deepEqual(
    model.carryLayout.parts.map(({ name, offset, length }) => [name, offset, length]),
    [
      ['layers.0.h', 0, 3],
      ['layers.0.c', 3, 3],
      ['layers.1.h', 6, 5],
    ],
  );
});

test('wrong inputs and carries are named, and disturb nothing', async t => {
  const model = await createModel(config('gru', [4]), { seed: 1 });
  const carry = model.zeroCarry();
  const good = Float32Array.of(1, 2, 3);
  const before = model.step(carry, good);
  const wrong: [unknown, RegExp][] = [
    [3, /Float32Array of 3 features, got number/],
    [[1, 2, 3], /Float32Array of 3 features, got Array/],
    [undefined, /Float32Array of 3 features, got undefined/],
    [new Float32Array(2), /3 features, got 2/],
    [Float32Array.of(0, Number.NaN, 0), /input\[1\] to be a finite number, got NaN/],
    [Float32Array.of(0, 0, Number.NEGATIVE_INFINITY), /input\[2\] to be a finite number, got -Infinity/],
  ];
  for (const [input, message] of wrong) {
    t.throws(() => model.step(carry, input as Float32Array), { instanceOf: InputError, message });
    t.throws(() => model.checkInput(input as Float32Array), { instanceOf: InputError, message });
    t.throws(() => model.stepMany([carry, carry], [good, input as Float32Array]), { instanceOf: InputError, message });
  }
  t.is(t.throws(() => model.step(carry, Float32Array.of(1, 1, Infinity)), { instanceOf: InputError })?.index, 2);
  t.throws(() => model.step(new Float32Array(3), good), {
    instanceOf: InputError,
    message: /carry to have 4 numbers, got 3/,
  });
  t.throws(() => model.stepMany([carry], [good, good]), {
    instanceOf: InputError,
    message: /as many carries as inputs/,
  });
  t.deepEqual(model.step(carry, good), before);

  const tokens = await createModel(config('gru', [4], { kind: 'token', size: 3 }), { seed: 1 });
  for (const token of [-1, 3, 1.5, Number.NaN, '1', Float32Array.of(1)]) {
    t.throws(() => tokens.step(tokens.zeroCarry(), token as number), { instanceOf: InputError, message: /token/ });
  }
});

test('weights are copies by name, and are set by name', async t => {
  const model = await createModel(config('lstm', [5], undefined, undefined), { seed: 1 });
  const weights = model.weights();
  t.deepEqual(Object.keys(weights), [
    'weight_ih_l0',
    'weight_hh_l0',
    'bias_ih_l0',
    'bias_hh_l0',
    'readout.weight',
    'readout.bias',
  ]);
  t.is(weights.weight_ih_l0.length, 4 * 5 * 3);
  const numbered = Object.fromEntries(
    Object.entries(weights).map(([name, values]) => [name, values.map((_, i) => i + 1)]),
  );
  model.setWeights(numbered);
  t.deepEqual(model.weights(), numbered);
  t.throws(() => model.setWeights({ nothing: new Float32Array(1) }), {
    instanceOf: ConfigError,
    message: /got nothing/,
  });
  t.throws(() => model.setWeights({ 'readout.bias': Float32Array.of(0, Infinity) }), {
    instanceOf: ConfigError,
    message: /readout\.bias\[1\] to be a finite number, got Infinity/,
  });
  // A number of float64 that no float32 can be.
  t.throws(() => model.setWeights({ 'readout.bias': Float64Array.of(0, 1e300) as unknown as Float32Array }), {
    instanceOf: ConfigError,
    message: /readout\.bias\[1\] to be a finite number, got 1e\+300/,
  });
  t.throws(() => model.setWeights({ bias_ih_l0: new Float32Array(3) }), {
    instanceOf: ConfigError,
    message: /bias_ih_l0 to have 20 numbers \(20\), got 3/,
  });
});

test('tensors lie in runs of 16 numbers, as the optimizers take them', async t => {
  const { network } = await createModel(config('gru', [5, 3], undefined, undefined));
  for (const { name, offset, length } of network.parameters.tensors)
    t.deepEqual([offset % 16, length % 16], [0, 0], name);
});

test('a copy has the same bits and weights of its own', async t => {
  const model = await createModel(config('gru', [6, 3]), { seed: 9 });
  const copy = await copyModel(model);
  const input = Float32Array.of(1, -1, 0.5);
  t.deepEqual(copy.step(copy.zeroCarry(), input), model.step(model.zeroCarry(), input));
  copy.setWeights({ 'readout.bias': Float32Array.of(5, 5) });
  t.notDeepEqual(copy.step(copy.zeroCarry(), input).logits, model.step(model.zeroCarry(), input).logits);
});

test('a wrong configuration is refused with the name of the field', async t => {
  const good = config('gru', [4]);
  const wrong: [unknown, RegExp][] = [
    [null, /config to be an object/],
    [{ ...good, input: { kind: 'pixels', size: 3 } }, /input\.kind/],
    [{ ...good, input: { kind: 'token', size: 0 } }, /input\.size to be an integer from 1/],
    [{ ...good, layers: [] }, /layers to be 1 to 64 layers/],
    [{ ...good, layers: [{ cell: 'transformer', size: 3 }] }, /layers\[0\]\.cell/],
    [{ ...good, layers: [{ cell: 'gru', size: 1e9 }] }, /layers\[0\]\.size/],
    [{ ...good, output: { kind: 'values', size: Number.NaN } }, /output\.size/],
    [{ ...good, output: { kind: 'values', size: 2 }, labels: ['one'] }, /labels to be 2 strings/],
    [{ ...good, skip: 'yes' }, /skip/],
    [{ ...good, encoder: 'bytes' }, /encoder/],
    [{ ...good, layers: [{ cell: 'gru', size: 65536 }] }, /at most 2\^30 weights/],
  ];
  for (const [given, message] of wrong)
    await t.throwsAsync(createModel(given as ModelConfig), { instanceOf: ConfigError, message });
  await t.throwsAsync(createModel(good, { seed: -1 }), { instanceOf: ConfigError, message: /seed/ });
  await t.throwsAsync(createModel(good, { sed: 1 } as object), { instanceOf: ConfigError, message: /seed, got sed/ });
  await t.throwsAsync(createModel(good, 7 as never), {
    instanceOf: ConfigError,
    message: /options to be an object, got 7/,
  });
});

test('a state that grew beyond float32 ends its own stream, and no other', async t => {
  const model = await createModel(
    {
      input: { kind: 'features', size: 1 },
      layers: [{ cell: 'rnn_relu', size: 2 }],
      output: { kind: 'values', size: 1 },
    },
    { seed: 1 },
  );
  model.setWeights({ weight_hh_l0: Float32Array.of(1e30, 0, 0, 1e30), weight_ih_l0: Float32Array.of(1, 1) });
  const input = Float32Array.of(1);
  let carry = model.zeroCarry();
  const error = t.throws(
    () => {
      for (let i = 0; i < 10; i++) carry = model.step(carry, input).carry;
    },
    { instanceOf: InputError, message: /Expected carry\[0\] to be a finite number, got Infinity/ },
  );
  t.is(error?.index, 0);
  const fresh = { key: 'b', input };
  const outputs = await lastValueFrom(
    from([...Array.from({ length: 4 }, () => ({ key: 'a', input })), fresh]).pipe(stepMany(model), toArray()),
  );
  t.is(outputs.find(output => output.error)?.key, 'a');
  t.like(outputs.at(-1), { key: 'b', error: undefined });
});

test('a field that a configuration does not have is refused: it would change nothing', async t => {
  const base = config('gru', [3]);
  const wrong: [object, RegExp][] = [
    [
      { ...base, seed: 1 },
      /^Expected a field of config to be one of input, layers, output, skip, encoder, labels, got seed$/,
    ],
    [{ ...base, input: { ...base.input, width: 3 } }, /^Expected a field of input to be one of kind, size, got width$/],
    [
      { ...base, output: { ...base.output, activation: 'tanh' } },
      /^Expected a field of output to be one of kind, size, got activation$/,
    ],
    [
      { ...base, layers: [{ cell: 'gru', size: 3, bidirectional: true }] },
      /^Expected a field of layers\[0\] to be one of cell, size, initialization, got bidirectional$/,
    ],
  ];
  for (const [given, message] of wrong)
    await t.throwsAsync(createModel(given as never), { instanceOf: ConfigError, message });
  await t.notThrowsAsync(createModel({ ...base, skip: undefined, labels: undefined }));
});
