import { type ImportedLayer, type ImportedReadout, stack } from '../../src/interchange/imported.js';
import { transpose } from '../../src/interchange/layout.js';
import type { OutputKind } from '../../src/model/config.js';
import { conformanceTests, readVectors, stackBare } from '../helpers/conformance.js';
import type { Case, Golden } from '../helpers/golden.js';
import { identity } from '../helpers/weights.js';

interface Flat {
  data: number[];
  shape: number[];
}
interface Vector {
  input: Flat;
  weights: Flat[];
  expected: Flat;
}

// The files have six decimals.
const tolerance = 1e-6;

const rows = ({ data, shape }: Flat): number[][] => {
  const width = shape[shape.length - 1];
  return Array.from({ length: data.length / width }, (_, r) => data.slice(r * width, (r + 1) * width));
};

/** An Elman layer without recurrence. */
function plain(cell: 'rnn_tanh' | 'rnn_relu', inputs: number, size: number, weight: Float32Array): ImportedLayer {
  const [hh, ih, bias] = [size * size, size, size].map(n => new Float32Array(n));
  return { cell, inputs, size, weight_ih: weight, weight_hh: hh, bias_ih: ih, bias_hh: bias };
}

/** ReLU lets Wx through as its positive and its negative part, (2n, inputs) ... */
function split(weight: Float32Array, inputs: number, n: number): ImportedLayer {
  return plain('rnn_relu', inputs, 2 * n, Float32Array.of(...weight, ...weight.map(w => -w)));
}

/** ... and this readout puts the two together again. */
function joined(kind: OutputKind, n: number): ImportedReadout {
  const eye = identity(n);
  const weight = transpose(Float32Array.of(...eye, ...eye.map(w => -w)), 2 * n, n);
  return { kind, inputs: 2 * n, size: n, weight, bias: new Float32Array(n) };
}

const kinds: Readonly<Record<string, OutputKind>> = { linear: 'values', sigmoid: 'labels', softmax: 'classes' };

function activationCase(name: string, { input, expected }: Vector): Case {
  const activation = name.split('.')[1];
  const n = input.shape[input.shape.length - 1];
  const streams = rows(input).map((row, r) => ({
    steps: [{ input: Float32Array.from(row), expected: rows(expected)[r] }],
  }));
  // Cases 3 and 4 of relu have a maximum and a slope of their own.
  if (name === 'activations.relu.3' || name === 'activations.relu.4') return { name, skipped: 'relu with options' };
  if (activation === 'tanh' || activation === 'relu') {
    return { name, ...stackBare([plain(`rnn_${activation}`, n, n, identity(n))]), streams, tolerance };
  }
  if (!Object.hasOwn(kinds, activation)) return { name, skipped: activation };
  return { name, ...stack([split(identity(n), n, n)], joined(kinds[activation], n)), streams, tolerance };
}

function embeddingCase(name: string, { input, weights: [table], expected }: Vector): Golden {
  const [words, n] = table.shape;
  const imported = stack([split(transpose(Float32Array.from(table.data), words, n), words, n)], joined('values', n));
  return {
    name,
    config: { ...imported.config, input: { kind: 'token', size: words } },
    weights: imported.weights,
    streams: [{ steps: input.data.map((token, t) => ({ input: token, expected: rows(expected)[t] })) }],
    tolerance: 1e-7,
  };
}

const vectorsOf = (file: string) => Object.entries(readVectors(`keras-js/${file}.json`) as Record<string, Vector>);

conformanceTests({
  source: 'keras-js activation',
  files: ['keras-js/activations.json'],
  cases: () => vectorsOf('activations').map(([name, vector]) => activationCase(name, vector)),
  expect: {
    run: 15,
    numbers: 144,
    skipped: { elu: 4, selu: 3, softplus: 3, softsign: 3, hard_sigmoid: 3, 'relu with options': 2 },
  },
});

conformanceTests({
  source: 'keras-js embedding',
  files: ['keras-js/Embedding.json'],
  cases: () => vectorsOf('Embedding').map(([name, vector]) => embeddingCase(name, vector)),
  expect: { run: 3, numbers: 81, skipped: {} },
});
