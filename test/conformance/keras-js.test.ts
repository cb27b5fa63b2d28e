import { type KerasLayer, kerasLayer } from '../../src/interchange/keras.js';
import { tensorOf } from '../../src/model/tensor.js';
import { attempt, conformanceTests, readVectors, stackBare } from '../helpers/conformance.js';
import type { Case, GoldenStep } from '../helpers/golden.js';

interface Flat {
  data: number[];
  shape: number[];
}
interface Vector {
  input: Flat;
  weights: Flat[];
  expected: Flat;
  attrs: {
    units: number;
    activation: string;
    recurrent_activation?: string;
    use_bias: boolean;
    return_sequences: boolean;
    go_backwards: boolean;
    stateful: boolean;
  };
}

// The files have six decimals, the weights too.
const tolerance = 5e-6;

const rows = ({ data, shape }: Flat): number[][] => {
  const width = shape[shape.length - 1];
  return Array.from({ length: data.length / width }, (_, r) => data.slice(r * width, (r + 1) * width));
};

function recurrentCase(
  type: 'SimpleRNN' | 'GRU' | 'LSTM',
  name: string,
  { input, weights, expected, attrs }: Vector,
): Case {
  return attempt(name, () => {
    const layer: KerasLayer = {
      type,
      activation: attrs.activation,
      recurrentActivation: attrs.recurrent_activation,
      resetAfter: false,
      weights: weights.map(({ data, shape }) => tensorOf(Float32Array.from(data), shape)),
    };
    const inputs = rows(input).map(row => Float32Array.from(row));
    if (attrs.go_backwards) inputs.reverse();
    const answers = rows(expected);
    // A stateful case holds the second of two equal predictions.
    const first = (attrs.stateful ? 2 : 1) * inputs.length - answers.length;
    const steps: GoldenStep[] = (attrs.stateful ? [...inputs, ...inputs] : inputs).map((row, t) => ({
      input: row,
      expected: answers[t - first] ?? null,
    }));
    return { ...stackBare([kerasLayer(layer)]), streams: [{ steps }], tolerance };
  });
}

const types = ['SimpleRNN', 'GRU', 'LSTM'] as const;

conformanceTests({
  source: 'keras-js recurrent',
  files: types.map(type => `keras-js/${type}.json`),
  cases: () =>
    types.flatMap(type =>
      Object.entries(readVectors(`keras-js/${type}.json`) as Record<string, Vector>).map(([name, vector]) =>
        recurrentCase(type, name, vector),
      ),
    ),
  expect: {
    run: 5,
    numbers: 116,
    skipped: {
      'Expected the recurrent activation of a Keras GRU to be sigmoid, got hard_sigmoid': 5,
      'Expected the recurrent activation of a Keras LSTM to be sigmoid, got hard_sigmoid': 5,
    },
  },
});
