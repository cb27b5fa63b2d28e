import test from 'ava';
import { CheckpointError } from '../../src/errors.js';
import { fromKeras, type KerasLayer, kerasLayer } from '../../src/interchange/keras.js';
import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import { uniform } from '../helpers/weights.js';

const matrix = (rows: number, columns: number, seed = 1): Tensor =>
  tensorOf(uniform(rows * columns, seed), [rows, columns]);
const vector = (n: number): Tensor => tensorOf(uniform(n, 2));
/** A (rows, columns) matrix whose entry says where it stands: row · 100 + column. */
const places = (rows: number, columns: number): Tensor =>
  tensorOf(
    Float32Array.from({ length: rows * columns }, (_, i) => Math.floor(i / columns) * 100 + (i % columns)),
    [rows, columns],
  );

test('a Keras GRU has its gates z r h turned into r z n, and its two bias rows parted', t => {
  // H = 2, I = 3: columns 0, 1 are z, 2, 3 are r, 4, 5 are h.
  const layer = kerasLayer({ type: 'GRU', weights: [places(3, 6), places(2, 6), places(2, 6)] });
  t.deepEqual([layer.cell, layer.inputs, layer.size], ['gru', 3, 2]);
  t.deepEqual(
    [...layer.weight_ih],
    [2, 3, 0, 1, 4, 5].flatMap(c => [c, 100 + c, 200 + c]),
  );
  t.deepEqual(
    [...layer.weight_hh],
    [2, 3, 0, 1, 4, 5].flatMap(c => [c, 100 + c]),
  );
  t.deepEqual([...layer.bias_ih], [2, 3, 0, 1, 4, 5]);
  t.deepEqual([...layer.bias_hh], [102, 103, 100, 101, 104, 105]);
});

test('a Keras LSTM keeps its gates i f c o, and its one bias is the input bias', t => {
  const layer = kerasLayer({
    type: 'LSTM',
    weights: [places(2, 4), places(1, 4), tensorOf(Float32Array.of(1, 2, 3, 4))],
  });
  t.is(layer.cell, 'lstm');
  t.deepEqual([...layer.weight_ih], [0, 100, 1, 101, 2, 102, 3, 103]);
  t.deepEqual([...layer.weight_hh], [0, 1, 2, 3]);
  t.deepEqual([...layer.bias_ih], [1, 2, 3, 4]);
  t.deepEqual([...layer.bias_hh], [0, 0, 0, 0]);
});

test('a Keras SimpleRNN is transposed: its matrices have rows as from and columns as to', t => {
  const layer = kerasLayer({ type: 'SimpleRNN', activation: 'relu', weights: [places(1, 2), places(2, 2)] });
  t.is(layer.cell, 'rnn_relu');
  t.deepEqual([...layer.weight_ih], [0, 1]);
  t.deepEqual([...layer.weight_hh], [0, 100, 1, 101]);
  t.deepEqual([...layer.bias_ih], [0, 0]);
});

test('a sequential Keras model becomes a configuration and weights by name', t => {
  const { config, weights } = fromKeras([
    { type: 'LSTM', weights: [matrix(3, 16), matrix(4, 16), vector(16)] },
    { type: 'SimpleRNN', weights: [matrix(4, 2), matrix(2, 2), vector(2)] },
    { type: 'Dense', activation: 'softmax', weights: [places(2, 5), vector(5)] },
  ]);
  t.deepEqual(config, {
    input: { kind: 'features', size: 3 },
    layers: [
      { cell: 'lstm', size: 4 },
      { cell: 'rnn_tanh', size: 2 },
    ],
    output: { kind: 'classes', size: 5 },
  });
  t.deepEqual(Object.keys(weights).sort(), [
    'bias_hh_l0',
    'bias_hh_l1',
    'bias_ih_l0',
    'bias_ih_l1',
    'readout.bias',
    'readout.weight',
    'weight_hh_l0',
    'weight_hh_l1',
    'weight_ih_l0',
    'weight_ih_l1',
  ]);
  t.deepEqual([...weights['readout.weight']], [0, 100, 1, 101, 2, 102, 3, 103, 4, 104]);
});

test('the activation of the last Dense says the kind of output', t => {
  const kindOf = (activation?: string) =>
    fromKeras([
      { type: 'SimpleRNN', weights: [matrix(1, 2), matrix(2, 2)] },
      { type: 'Dense', activation, weights: [matrix(2, 1)] },
    ]).config.output.kind;
  t.deepEqual(
    [kindOf(), kindOf('linear'), kindOf('sigmoid'), kindOf('softmax')],
    ['values', 'values', 'labels', 'classes'],
  );
});

const gru = [matrix(3, 12), matrix(4, 12), matrix(2, 12)];
const lstm = [matrix(3, 16), matrix(4, 16), vector(16)];
const dense: KerasLayer = { type: 'Dense', weights: [matrix(4, 1)] };
const refused: [string, KerasLayer[], RegExp][] = [
  ['a GRU with reset before', [{ type: 'GRU', resetAfter: false, weights: gru }, dense], /reset_after=True/],
  [
    'a GRU with hard_sigmoid',
    [{ type: 'GRU', recurrentActivation: 'hard_sigmoid', weights: gru }, dense],
    /got hard_sigmoid/,
  ],
  ['an LSTM with relu', [{ type: 'LSTM', activation: 'relu', weights: lstm }, dense], /LSTM to be tanh, got relu/],
  [
    'a linear SimpleRNN',
    [{ type: 'SimpleRNN', activation: 'linear', weights: gru }, dense],
    /tanh or relu, got linear/,
  ],
  [
    'a GRU with one bias row',
    [{ type: 'GRU', weights: [gru[0], gru[1], vector(12)] }, dense],
    /"bias".*F32 \[2, 12\], got F32 \[12\]/,
  ],
  [
    'an LSTM whose kernel is a GRU kernel',
    [{ type: 'LSTM', weights: gru }, dense],
    /"kernel".*F32 \[3, 16\], got F32 \[3, 12\]/,
  ],
  [
    'a recurrent kernel that is missing',
    [{ type: 'LSTM', weights: [lstm[0]] }, dense],
    /"recurrent_kernel".*no such tensor/,
  ],
  [
    'an array too many',
    [{ type: 'LSTM', weights: [...lstm, vector(4)] }, dense],
    /LSTM to have at most 3 arrays, got 4/,
  ],
  [
    'an array too many of a Dense',
    [
      { type: 'GRU', weights: gru },
      { ...dense, weights: [matrix(4, 1), vector(1), vector(1)] },
    ],
    /Dense to have at most 2 arrays, got 3/,
  ],
  [
    'a layer of another type',
    [{ type: 'Bidirectional' as 'GRU', weights: gru }, dense],
    /SimpleRNN, GRU, LSTM or Dense, got Bidirectional/,
  ],
  ['a Dense in the middle', [dense, dense], /Dense, which can only come last/],
  ['no Dense at the end', [{ type: 'GRU', weights: gru }], /last Keras layer to be Dense, got GRU/],
  [
    'a last Dense with tanh',
    [
      { type: 'GRU', weights: gru },
      { ...dense, activation: 'tanh' },
    ],
    /got tanh/,
  ],
  [
    'a last Dense with a prototype name',
    [
      { type: 'GRU', weights: gru },
      { ...dense, activation: 'toString' },
    ],
    /got toString/,
  ],
  [
    'a Dense of another width',
    [
      { type: 'GRU', weights: gru },
      { type: 'Dense', weights: [matrix(5, 1)] },
    ],
    /4 outputs.*got 5/,
  ],
  [
    'a layer of another width',
    [{ type: 'GRU', weights: gru }, { type: 'LSTM', weights: lstm }, dense],
    /layer 1 to take the 4 outputs of layer 0, got 3/,
  ],
  ['nothing', [], /at least two Keras layers/],
  ['a Dense alone', [dense], /at least one recurrent layer/],
];

for (const [title, layers, message] of refused) {
  test(`${title} is refused`, t => {
    t.throws(() => fromKeras(layers), { instanceOf: CheckpointError, message });
  });
}

test('what is wrong with a layer is told with its place', t => {
  const good = { type: 'GRU' as const, weights: gru };
  const wrong = (layer: object, ...rest: KerasLayer[]) => [good, layer as KerasLayer, ...rest];
  const fails = (layers: readonly KerasLayer[], message: string) =>
    t.throws(() => fromKeras(layers), { instanceOf: CheckpointError, message });
  fails(
    wrong({ type: 'GRU', weights: gru.slice(0, 1) }, dense),
    'Expected tensor "recurrent_kernel" to be a matrix, got no such tensor, in layer 1',
  );
  fails(
    wrong({ ...good, activation: 'relu' }, dense),
    'Expected the activation of a Keras GRU to be tanh, got relu, in layer 1',
  );
  fails(
    wrong({ type: 'LSTM' }, dense),
    'Expected weights of a Keras LSTM to be a list of tensors, got undefined, in layer 1',
  );
  fails(
    wrong({ type: 'Dense', weights: [new Float32Array(4)] }),
    'Expected tensor "kernel" to be { dtype, shape, data }, got Float32Array, in layer 1',
  );
});
