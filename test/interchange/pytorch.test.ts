import test from 'ava';
import { CheckpointError, ConfigError } from '../../src/errors.js';
import * as eddy from '../../src/index.js';
import { fromPyTorch, type PyTorchOptions } from '../../src/interchange/pytorch.js';
import { writeSafetensors } from '../../src/model/safetensors.js';
import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import { uniform } from '../helpers/weights.js';

type Shapes = Record<string, number[]>;

function tensorsOf(shapes: Shapes): Map<string, Tensor> {
  return new Map(
    Object.entries(shapes).map(([name, shape], i) => [
      name,
      tensorOf(
        uniform(
          shape.reduce((a, b) => a * b, 1),
          i,
        ),
        shape,
      ),
    ]),
  );
}

const gru = (module: string, inputs: number, size: number, layer = '_l0'): Shapes => ({
  [`${module}weight_ih${layer}`]: [3 * size, inputs],
  [`${module}weight_hh${layer}`]: [3 * size, size],
  [`${module}bias_ih${layer}`]: [3 * size],
  [`${module}bias_hh${layer}`]: [3 * size],
});
const fc: Shapes = { 'fc.weight': [2, 4], 'fc.bias': [2] };
const values: PyTorchOptions = { output: 'values' };

test('a state dictionary becomes a configuration, and its values pass as they are', t => {
  const tensors = tensorsOf({ ...gru('rnn.', 3, 4), ...gru('rnn.', 4, 4, '_l1'), ...fc });
  const { config, weights } = fromPyTorch(tensors, { output: 'classes' });
  t.deepEqual(config, {
    input: { kind: 'features', size: 3 },
    layers: [
      { cell: 'gru', size: 4 },
      { cell: 'gru', size: 4 },
    ],
    output: { kind: 'classes', size: 2 },
  });
  for (const [name, array] of Object.entries(weights)) {
    const theirs = tensors.get(name.startsWith('readout.') ? name.replace('readout', 'fc') : `rnn.${name}`)!;
    t.deepEqual(new Uint8Array(array.buffer), theirs.data, name);
  }
  t.is(Object.keys(weights).length, 10);
});

test('a safetensors file of PyTorch becomes a model with what the library exports', async t => {
  const file = writeSafetensors(tensorsOf({ ...gru('rnn.', 3, 4), ...fc }));
  const options: eddy.PyTorchOptions = { output: 'values' };
  const { config, weights } = eddy.fromPyTorch(eddy.readSafetensors(file).tensors, options);
  const model = await eddy.createModel(config);
  model.setWeights(weights);
  t.deepEqual(model.weights(), weights);
});

test('the cell follows from the shapes; of nn.RNN the nonlinearity must be said', t => {
  const cellOf = (rows: number, options = values) =>
    fromPyTorch(tensorsOf({ weight_ih_l0: [rows, 3], weight_hh_l0: [rows, 4], ...fc }), options).config.layers[0].cell;
  t.deepEqual([cellOf(4), cellOf(12), cellOf(16)], ['rnn_tanh', 'gru', 'lstm']);
  t.is(cellOf(4, { ...values, nonlinearity: 'relu' }), 'rnn_relu');
});

test('modules without biases get zeros', t => {
  const { weights } = fromPyTorch(
    tensorsOf({ weight_ih_l0: [16, 3], weight_hh_l0: [16, 4], 'fc.weight': [2, 4] }),
    values,
  );
  t.deepEqual(weights.bias_ih_l0, new Float32Array(16));
  t.deepEqual(weights.bias_hh_l0, new Float32Array(16));
  t.deepEqual(weights['readout.bias'], new Float32Array(2));
});

test('a cell module has no layer numbers', t => {
  const { config, weights } = fromPyTorch(tensorsOf({ ...gru('cell.', 3, 4, ''), ...fc }), values);
  t.deepEqual(config.layers, [{ cell: 'gru', size: 4 }]);
  t.is(weights.weight_ih_l0.length, 36);
});

test('several modules run in the order that is given', t => {
  const shapes = { ...gru('b.', 3, 5), ...gru('a.', 5, 4), ...fc };
  const { config, weights } = fromPyTorch(tensorsOf(shapes), { ...values, recurrent: ['b', 'a'] });
  t.deepEqual([config.input.size, ...config.layers.map(layer => layer.size)], [3, 5, 4]);
  t.is(weights.weight_ih_l1.length, 12 * 5);
});

test('the readout can be named, also inside another module', t => {
  const shapes = { ...gru('net.rnn.', 3, 4), 'net.head.weight': [2, 4] };
  t.is(fromPyTorch(tensorsOf(shapes), { ...values, readout: 'net.head' }).config.output.size, 2);
});

test('a readout of means and deviations, or of densities, has as many values as fit its rows', async t => {
  for (const [output, rows, size] of [
    ['gaussian', 6, 3],
    ['mixture', 13, 2],
  ] as const) {
    const tensors = tensorsOf({ ...gru('', 3, 4), 'fc.weight': [rows, 4], 'fc.bias': [rows] });
    const { config, weights } = fromPyTorch(tensors, { output });
    t.deepEqual(config.output, { kind: output, size });
    (await eddy.createModel(config)).setWeights(weights);
  }
});

const refused: [title: string, shapes: Shapes, message: RegExp, options?: Partial<PyTorchOptions>][] = [
  [
    'both directions',
    { ...gru('', 3, 4), ...gru('', 3, 4, '_l0_reverse'), ...fc },
    /forwards only, got tensor "weight_ih_l0_reverse"/,
  ],
  [
    'an LSTM with a projection',
    { ...gru('', 3, 4), weight_hr_l0: [2, 4], ...fc },
    /projection, got tensor "weight_hr_l0"/,
  ],
  [
    'several modules in no order',
    { ...gru('a.', 3, 4), ...gru('b.', 4, 4), ...fc },
    /one recurrent module.*got "a", "b"/,
  ],
  ['no recurrent module', fc, /one recurrent module.*got none/],
  ['a module that is not there', { ...gru('a.', 3, 4), ...fc }, /a recurrent module "b"/, { recurrent: ['b'] }],
  [
    'a module that is left out',
    { ...gru('a.', 3, 4), ...gru('b.', 3, 4), ...fc },
    /each tensor to have a place, got "b.weight_ih_l0"/,
    { recurrent: ['a'] },
  ],
  [
    'a layer number that is missing',
    { ...gru('', 3, 4, '_l1'), ...fc },
    /"weight_hh_l0" to be a matrix, got no such tensor/,
  ],
  ['no readout', gru('', 3, 4), /one Linear as readout.*got none/],
  [
    'several readouts',
    { ...gru('', 3, 4), ...fc, 'out.weight': [1, 4] },
    /one Linear as readout.*"fc.weight", "out.weight"/,
  ],
  [
    'a readout that is not there',
    { ...gru('', 3, 4), ...fc },
    /"out.weight" to be a matrix, got no such tensor/,
    { readout: 'out' },
  ],
  [
    'a tensor left over',
    { ...gru('', 3, 4), ...fc, scale: [1] },
    /each tensor to have a place, got "scale" without one/,
  ],
  ['a readout of another width', { ...gru('', 3, 4), 'fc.weight': [2, 5] }, /4 outputs of the last layer, got 5/],
  [
    'a bias of another width',
    { ...gru('', 3, 4), bias_hh_l0: [11], ...fc },
    /"bias_hh_l0" to be F32 \[12\], got F32 \[11\]/,
  ],
  [
    'one bias without the other',
    Object.fromEntries(Object.entries({ ...gru('', 3, 4), ...fc }).filter(([name]) => name !== 'bias_hh_l0')),
    /"bias_hh_l0" beside "bias_ih_l0", got no such tensor/,
  ],
  [
    'a readout of half a deviation',
    { ...gru('', 3, 4), 'fc.weight': [5, 4] },
    /kind gaussian to have 2, 4, 6, … rows, got 5/,
    { output: 'gaussian' },
  ],
  [
    'an input matrix of another height',
    { ...gru('', 3, 4), weight_ih_l0: [16, 3], ...fc },
    /"weight_ih_l0" to be F32 \[12, 3\], got F32 \[16, 3\]/,
  ],
  [
    'a recurrent matrix of two gates',
    { weight_ih_l0: [8, 3], weight_hh_l0: [8, 4], ...fc },
    /1, 3 or 4 times as many rows as columns/,
  ],
  [
    'a recurrent matrix that is a vector',
    { ...gru('', 3, 4), weight_hh_l0: [48], ...fc },
    /to be a matrix, got F32 \[48\]/,
  ],
];

for (const [title, shapes, message, options] of refused) {
  test(`${title} is refused`, t => {
    t.throws(() => fromPyTorch(tensorsOf(shapes), { ...values, ...options }), { instanceOf: CheckpointError, message });
  });
}

test('an output of no kind is refused', t => {
  const options = { output: 'class' } as unknown as PyTorchOptions;
  t.throws(() => fromPyTorch(tensorsOf({ ...gru('', 3, 4), ...fc }), options), {
    instanceOf: ConfigError,
    message: /output.kind/,
  });
});

test('what is no dictionary of tensors, and options that are none, are refused', t => {
  const tensors = tensorsOf({ ...gru('', 3, 4), ...fc });
  const fails = (given: unknown, options: unknown, message: RegExp) =>
    t.throws(() => fromPyTorch(given as never, options as never), { instanceOf: ConfigError, message });
  fails({ metadata: {}, tensors }, values, /^Expected tensors to be a Map by name, .*readSafetensors.*, got Object$/);
  fails(tensors, undefined, /output.kind/);
  const rnn = tensorsOf({ weight_ih_l0: [4, 3], weight_hh_l0: [4, 4], ...fc });
  fails(rnn, { ...values, nonlinearity: 'gelu' }, /^Expected nonlinearity to be 'tanh' or 'relu', got gelu$/);
  const bare = new Map([...tensors.keys()].map(name => [name, new Float32Array(1)]));
  t.throws(() => fromPyTorch(bare as never, values), {
    instanceOf: CheckpointError,
    message: 'Expected tensor "weight_hh_l0" to be { dtype, shape, data }, got Float32Array',
  });
});

test('weights in float64 are refused by name', t => {
  const tensors = tensorsOf({ ...gru('', 3, 4), ...fc });
  tensors.set('weight_hh_l0', tensorOf(new Float64Array(48), [12, 4]));
  t.throws(() => fromPyTorch(tensors, values), {
    instanceOf: CheckpointError,
    message: 'Expected tensor "weight_hh_l0" to be F32 [12, 4], got F64 [12, 4]',
  });
});
