import type { Imported } from '../../src/interchange/imported.js';
import { fromPyTorch } from '../../src/interchange/pytorch.js';
import { createKernels } from '../../src/kernels/wasm.js';
import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import { conformanceTests, failsWith, readVectors } from '../helpers/conformance.js';
import { type Golden, measure, modelStepper } from '../helpers/golden.js';
import { biasesSwapped, biasLost, gatesPermuted, matricesTransposed } from '../helpers/mutations.js';
import { sharedTest } from '../helpers/shared.js';
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

function pytorchCases(): Golden[] {
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
  expect: { run: 2, numbers: 9, skipped: {} },
});

const needs = ['conformance/pytorch/candle_lstm_gru.json'];

sharedTest('the PyTorch vectors fail with gates in any other order, and with a matrix transposed', needs, async t => {
  await failsWith(
    t,
    pytorchCases().flatMap(golden => [...gatesPermuted(golden, 0), ...matricesTransposed(golden, 0)]),
  );
});

sharedTest(
  'the PyTorch vectors fail with the biases of a GRU swapped; for an LSTM they are one sum',
  needs,
  async t => {
    const [lstm, gru] = pytorchCases();
    await failsWith(t, [biasesSwapped(gru, 0), biasLost(lstm, 0, 'bias_ih'), biasLost(lstm, 0, 'bias_hh')]);
    const swapped = biasesSwapped(lstm, 0).golden;
    t.true(measure(swapped, modelStepper(swapped, await createKernels(), 'step')).error <= lstm.tolerance);
  },
);
