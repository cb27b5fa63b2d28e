import type { Imported } from '../../src/interchange/imported.js';
import { fromPyTorch } from '../../src/interchange/pytorch.js';
import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import { conformanceTests, readVectors } from '../helpers/conformance.js';
import type { Golden } from '../helpers/golden.js';
import { identity } from '../helpers/weights.js';

interface Vectors {
  steps: number[];
  lstm: { bias_ih_l0: number[]; final_h: number[]; final_c: number[] };
  gru: { bias_ih_l0: number[]; final_h: number[] };
}

/** The weights that the file gives as formulas: cos(k), sin(k) and cos of the input bias. */
function weightsByFormula(gates: number, biasIh: number[]): Imported {
  const rows = 3 * gates;
  const tensors = new Map<string, Tensor>([
    [
      'weight_ih_l0',
      tensorOf(
        Float32Array.from({ length: rows * 2 }, (_, k) => Math.cos(k)),
        [rows, 2],
      ),
    ],
    [
      'weight_hh_l0',
      tensorOf(
        Float32Array.from({ length: rows * 3 }, (_, k) => Math.sin(k)),
        [rows, 3],
      ),
    ],
    ['bias_ih_l0', tensorOf(Float32Array.from(biasIh))],
    ['bias_hh_l0', tensorOf(Float32Array.from(biasIh, Math.cos))],
    ['fc.weight', tensorOf(identity(3), [3, 3])],
  ]);
  return fromPyTorch(tensors, { output: 'values' });
}

export function pytorchCases(): Golden[] {
  const { steps, lstm, gru } = readVectors('pytorch/candle_lstm_gru.json') as Vectors;
  const inputs = steps.map(v => Float32Array.of(v, 0.5 * v));
  const endingIn = (expected: number[]) =>
    inputs.map((input, t) => ({ input, expected: t === inputs.length - 1 ? expected : null }));
  // The file has four decimals.
  const tolerance = 5.1e-5;
  return [
    {
      name: 'nn.LSTM',
      ...weightsByFormula(4, lstm.bias_ih_l0),
      streams: [{ steps: endingIn(lstm.final_h), finalC: lstm.final_c }],
      tolerance,
    },
    { name: 'nn.GRU', ...weightsByFormula(3, gru.bias_ih_l0), streams: [{ steps: endingIn(gru.final_h) }], tolerance },
  ];
}

conformanceTests({
  source: 'PyTorch',
  files: ['pytorch/candle_lstm_gru.json'],
  cases: pytorchCases,
  expect: { run: 2, skipped: {} },
});
