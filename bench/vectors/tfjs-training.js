// What TensorFlow.js learns with the cells that eddy shares with it (SimpleRNN, LSTM; its GRU resets before the product, ours after):
// weights after some updates of whole sequences, for test/conformance/tfjs-vectors.test.ts. Its CPU backend, float32.
//
//   npm install --prefix bench && node bench/vectors/tfjs-training.js > test/golden/tfjs-training.json
import { createRequire } from 'node:module';

const tf = createRequire(import.meta.url)('@tensorflow/tfjs');

/** Numbers by formula, so that the file has only what was learned. `c` tells tensors apart. */
const numbers = (length, c, size) => Array.from({ length }, (_, i) => size * Math.sin(1.7 * i + c));

const [batch, steps, features, outputs] = [3, 5, 2, 2];

const optimizers = {
  sgd: () => tf.train.sgd(0.2),
  momentum: () => tf.train.momentum(0.1, 0.9),
  adam: () => tf.train.adam(0.02, 0.8, 0.99, 1e-7),
  rmsprop: () => tf.train.rmsprop(0.01, 0.9, 0, 1e-12),
  adagrad: () => tf.train.adagrad(0.1, 0.1),
};

/** Layers, whether the answers are classes, the optimizer, updates. */
const cases = [
  ['lstm, sgd', [['LSTM', 4]], false, 'sgd'],
  ['lstm, momentum', [['LSTM', 3]], true, 'momentum'],
  [
    'two lstm, adam',
    [
      ['LSTM', 4],
      ['LSTM', 3],
    ],
    true,
    'adam',
  ],
  ['tanh, rmsprop', [['SimpleRNN', 5, 'tanh']], false, 'rmsprop'],
  ['relu, adagrad', [['SimpleRNN', 4, 'relu']], false, 'adagrad'],
  [
    'tanh under lstm, sgd',
    [
      ['SimpleRNN', 3, 'tanh'],
      ['LSTM', 4],
    ],
    false,
    'sgd',
  ],
];

const updates = 8;

async function learn([name, layers, classes, optimizer]) {
  const model = tf.sequential();
  layers.forEach(([type, units, activation], i) => {
    const settings = { units, returnSequences: true, ...(i === 0 ? { inputShape: [steps, features] } : {}) };
    if (type === 'LSTM')
      model.add(tf.layers.lstm({ ...settings, recurrentActivation: 'sigmoid', unitForgetBias: false }));
    else model.add(tf.layers.simpleRNN({ ...settings, activation }));
  });
  model.add(tf.layers.dense({ units: outputs, activation: classes ? 'softmax' : 'linear' }));
  model.compile({
    optimizer: optimizers[optimizer](),
    loss: classes ? 'categoricalCrossentropy' : 'meanSquaredError',
  });
  model.setWeights(model.getWeights().map(({ shape, size }, i) => tf.tensor(numbers(size, i, 0.5), shape)));
  const x = tf.tensor(numbers(batch * steps * features, 20, 1), [batch, steps, features]);
  const answers = numbers(batch * steps * outputs, 30, 1);
  const y = tf.tensor(
    classes ? answers.map((v, i) => Number(i % 2 === 0 ? v >= answers[i + 1] : v > answers[i - 1])) : answers,
    [batch, steps, outputs],
  );
  const losses = [];
  for (let i = 0; i < updates; i++) losses.push(await model.trainOnBatch(x, y));
  const weights = model.getWeights().map(tensor => ({
    shape: tensor.shape,
    values: Array.from(tensor.dataSync(), value => Number(value.toPrecision(9))),
  }));
  return {
    name,
    layers,
    classes,
    optimizer,
    updates,
    losses: losses.map(loss => Number(loss.toPrecision(9))),
    weights,
  };
}

await tf.setBackend('cpu');
const vectors = [];
for (const one of cases) vectors.push(await learn(one));
process.stdout.write(`${JSON.stringify({ tfjs: tf.version.tfjs, vectors })}\n`);
