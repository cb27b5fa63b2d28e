import { type KerasLayer, kerasLayer } from '../../src/interchange/keras.js';
import { tensorOf } from '../../src/model/tensor.js';
import { attempt, conformanceTests, readVectors, stackBare } from '../helpers/conformance.js';
import type { Case, GoldenStep, GoldenStream } from '../helpers/golden.js';

type Rows = number[][];
interface Call {
  op: 'call' | 'reset_state';
  sequence: Rows[];
  mask?: boolean[][];
  initial_state?: Rows[];
}
interface Vector {
  test: string;
  layer: 'SimpleRNN' | 'GRU' | 'LSTM';
  config: Record<string, number | boolean>;
  calls: Call[];
  output_index: number | null;
  expected: Rows | Rows[];
  atol: number;
}

const gates = { SimpleRNN: 1, GRU: 3, LSTM: 4 };
const known = [
  ...[
    'kernel_initializer',
    'recurrent_initializer',
    'bias_initializer',
    'units',
    'use_bias',
    'reset_after',
    'stateful',
  ],
  ...['return_sequences', 'go_backwards', 'zero_output_for_mask'],
  // These two choose how Keras computes, not what.
  ...['unroll', 'implementation'],
];

function layerOf({ layer, config }: Vector, inputs: number): KerasLayer {
  const unknown = Object.keys(config).filter(key => !known.includes(key));
  if (unknown.length > 0) throw new Error(`the vectors have settings that this test does not know: ${unknown}`);
  const units = Number(config.units);
  const columns = units * gates[layer];
  const full = (value: unknown, ...shape: number[]) =>
    tensorOf(new Float32Array(shape.reduce((a, b) => a * b)).fill(Number(value)), shape);
  const resetAfter = config.reset_after !== false;
  const bias =
    layer === 'GRU' && resetAfter ? full(config.bias_initializer, 2, columns) : full(config.bias_initializer, columns);
  // unit_forget_bias: the forget gate, the second, begins at 1 whatever the initialiser says.
  if (layer === 'LSTM') bias.data.set(full(1, units).data, units * 4);
  const weights = [
    full(config.kernel_initializer, inputs, columns),
    full(config.recurrent_initializer, units, columns),
  ];
  return { type: layer, resetAfter, weights: config.use_bias === false ? weights : [...weights, bias] };
}

/** The stream of one element of the batch: all calls that its state runs through, and what the last one must answer. */
function streamOf({ config, calls, output_index: only, expected }: Vector, b: number): GoldenStream {
  let steps: GoldenStep[] = [];
  for (const { op, sequence, mask } of calls) {
    if (op === 'reset_state' || !config.stateful) steps = [];
    if (op === 'reset_state') continue;
    const masks = mask?.[b] ?? sequence[b].map(() => true);
    const inputs = sequence[b].map((row, t) => (masks[t] ? Float32Array.from(row) : null));
    steps.push(...(config.go_backwards ? inputs.reverse() : inputs).map(input => ({ input, expected: null })));
  }
  const element = only === null ? expected[b] : b === only ? expected : null;
  if (element === null) return { steps };
  const answers = (config.return_sequences ? element : [element]) as Rows;
  const first = steps.length - answers.length;
  steps = steps.map(({ input }, t) => {
    const answer = answers[t - first] ?? null;
    if (input !== null || answer === null || !config.zero_output_for_mask) return { input, expected: answer };
    // A masked step answers zeros by convention, not by the network.
    if (answer.some(value => value !== 0)) throw new Error('expected zeros where the input is masked');
    return { input, expected: null };
  });
  const [h, c] = calls[calls.length - 1].initial_state ?? [];
  return { steps, ...(h && { h: [h[b]] }), ...(c && { c: [c[b]] }) };
}

function kerasCases(): Case[] {
  const { cases } = readVectors('keras/rnn_cases.json') as { cases: Vector[] };
  return cases.map((vector, i) =>
    attempt(`${i} ${vector.test}`, () => ({
      ...stackBare([kerasLayer(layerOf(vector, vector.calls[0].sequence[0][0].length))]),
      streams: vector.calls[0].sequence.map((_, b) => streamOf(vector, b)),
      tolerance: Math.min(vector.atol, 1e-6),
    })),
  );
}

conformanceTests({
  source: 'Keras',
  files: ['keras/rnn_cases.json'],
  cases: kerasCases,
  expect: {
    run: 21,
    numbers: 146,
    skipped: { 'Expected a Keras GRU with reset_after=True, got reset_after=False, which is another cell': 1 },
  },
});
