import { readFileSync } from 'node:fs';
import { type ImportedLayer, type ImportedReadout, stack } from '../../src/interchange/imported.js';
import { type KerasLayer, kerasLayer, kerasReadout } from '../../src/interchange/keras.js';
import { fromPyTorch } from '../../src/interchange/pytorch.js';
import type { Tensor } from '../../src/model/tensor.js';
import { conformanceTests, failsWith, readVectors } from '../helpers/conformance.js';
import type { Golden, GoldenStream } from '../helpers/golden.js';
import { biasesSwapped, biasLost, gatesPermuted, matricesTransposed } from '../helpers/mutations.js';
import { sharedPath, sharedTest } from '../helpers/shared.js';
import { tensorOfNested } from '../helpers/weights.js';

type Nested = number | readonly Nested[];
interface Layer {
  type: 'time-distributed-dense' | 'dense' | 'gru' | 'lstm';
  activation: string;
  weights: Nested[];
}

function column(path: string): number[] {
  const text = readFileSync(sharedPath(`conformance/rtneural/${path}`), 'utf8');
  return text.trim().split('\n').map(Number);
}

function stream(name: string): GoldenStream {
  const expected = column(`${name}_y_python.csv`);
  return {
    steps: column(`${name}_x_python.csv`).map((x, t) => ({ input: Float32Array.of(x), expected: [expected[t]] })),
  };
}

const kerasLayers = (path: string): KerasLayer[] =>
  (readVectors(path) as { layers: Layer[] }).layers.map(({ type, activation, weights }) => ({
    type: type === 'gru' ? 'GRU' : type === 'lstm' ? 'LSTM' : 'Dense',
    activation: activation === '' ? 'linear' : activation,
    weights: weights.map(tensorOfNested),
  }));

/** A Dense layer with tanh is an Elman layer that forgets. */
function denseTanh(dense: KerasLayer): ImportedLayer {
  const { inputs, size, weight, bias } = kerasReadout({ ...dense, activation: 'linear' });
  return {
    cell: 'rnn_tanh',
    inputs,
    size,
    weight_ih: weight,
    weight_hh: new Float32Array(size * size),
    bias_ih: bias,
    bias_hh: new Float32Array(size),
  };
}

const half = (values: Float32Array) => values.map(value => value / 2);

/** A Dense layer with sigmoid and the readout after it, by σ(x) = (1 + tanh(x / 2)) / 2; halves are exact. */
function denseSigmoid(dense: KerasLayer, readout: ImportedReadout): [ImportedLayer, ImportedReadout] {
  const layer = denseTanh(dense);
  const weight = half(readout.weight);
  const bias = readout.bias.map((b, row) =>
    weight.subarray(row * layer.size, (row + 1) * layer.size).reduce((sum, w) => sum + w, b),
  );
  return [
    { ...layer, weight_ih: half(layer.weight_ih), bias_ih: half(layer.bias_ih) },
    { ...readout, weight, bias },
  ];
}

function rtneuralCases(): Golden[] {
  const [lstmIn, lstm, lstmOut] = kerasLayers('rtneural/lstm.json');
  const [gruIn, gru, gruDense, gruOut] = kerasLayers('rtneural/gru.json');
  const [sigmoidLayer, gruReadout] = denseSigmoid(gruDense, kerasReadout(gruOut));
  const state = Object.entries(readVectors('rtneural/gru_torch.json') as Record<string, Nested>);
  const tensors = new Map<string, Tensor>(state.map(([name, values]) => [name, tensorOfNested(values)]));
  return [
    {
      name: 'lstm.json: dense tanh, lstm, dense',
      ...stack([denseTanh(lstmIn), kerasLayer(lstm)], kerasReadout(lstmOut)),
      streams: [stream('lstm')],
      tolerance: 1e-6,
    },
    {
      name: 'gru.json: dense tanh, gru, dense sigmoid, dense',
      ...stack([denseTanh(gruIn), kerasLayer(gru), sigmoidLayer], gruReadout),
      streams: [stream('gru')],
      tolerance: 1e-6,
    },
    {
      name: 'gru_torch.json: gru, gru of three layers, linear',
      ...fromPyTorch(tensors, { output: 'values', recurrent: ['gru', 'gru2'] }),
      streams: [stream('gru_torch')],
      tolerance: 1e-6,
    },
  ];
}

const files = ['lstm', 'gru', 'gru_torch'].flatMap(name => [
  `rtneural/${name}.json`,
  `rtneural/${name}_x_python.csv`,
  `rtneural/${name}_y_python.csv`,
]);

conformanceTests({
  source: 'RTNeural',
  files,
  cases: () => [...rtneuralCases(), { name: 'dense.json', skipped: 'no recurrence, with elu and softmax inside' }],
  expect: { run: 3, numbers: 1200, skipped: { 'no recurrence, with elu and softmax inside': 1 } },
});

const needs = files.map(file => `conformance/${file}`);
/** Layers of the goldens that are GRU or LSTM, not Dense. */
const recurrent = ({ config }: Golden) =>
  config.layers.flatMap(({ cell }, l) => (cell === 'gru' || cell === 'lstm' ? [l] : []));

sharedTest('the RTNeural vectors fail with gates in any other order', needs, async t => {
  await failsWith(
    t,
    rtneuralCases().flatMap(golden => recurrent(golden).flatMap(l => gatesPermuted(golden, l))),
  );
});

sharedTest('the RTNeural vectors fail with a matrix transposed', needs, async t => {
  await failsWith(
    t,
    rtneuralCases().flatMap(golden => recurrent(golden).flatMap(l => matricesTransposed(golden, l))),
  );
});

sharedTest('the RTNeural vectors fail with the biases of a GRU swapped, and with a bias lost', needs, async t => {
  const [lstm, gru, torch] = rtneuralCases();
  await failsWith(t, [
    biasLost(lstm, 1, 'bias_ih'),
    biasesSwapped(gru, 1),
    biasLost(gru, 1, 'bias_ih'),
    biasLost(gru, 1, 'bias_hh'),
    ...recurrent(torch).map(l => biasesSwapped(torch, l)),
  ]);
});
