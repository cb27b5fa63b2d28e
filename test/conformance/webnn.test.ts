import type { ImportedLayer } from '../../src/interchange/imported.js';
import { reorderGates } from '../../src/interchange/layout.js';
import { conformanceTests, readVectors, stackBare } from '../helpers/conformance.js';
import type { Case, GoldenStream } from '../helpers/golden.js';

interface Operand {
  shape: number[];
  data: number[];
}
interface Vector {
  name: string;
  op: 'gru' | 'gruCell' | 'lstm' | 'lstmCell';
  input: Operand;
  weight: Operand;
  recurrentWeight: Operand;
  hiddenState?: Operand;
  steps?: number;
  hiddenSize: number;
  options: {
    bias?: Operand;
    recurrentBias?: Operand;
    initialHiddenState?: Operand;
    peepholeWeight?: Operand;
    resetAfter?: boolean;
    layout?: string;
    direction?: 'forward' | 'backward' | 'both';
    returnSequence?: boolean;
    activations?: string[];
  };
  outputs: Record<string, Operand>;
}

const known = [
  ...['bias', 'recurrentBias', 'initialHiddenState', 'initialCellState', 'peepholeWeight', 'resetAfter', 'layout'],
  ...['direction', 'returnSequence', 'activations'],
];

function reasonToSkip({ op, options }: Vector): string | undefined {
  const activations = options.activations?.join(', ');
  if (options.peepholeWeight !== undefined) return `${op} with peepholes and ${activations}`;
  if (activations !== undefined) return `${op} with ${activations}`;
  if (options.resetAfter === false) return `${op} with the reset before`;
  if (op !== 'gru' && op !== 'gruCell') throw new Error(`this test does not know how to run ${op}`);
  return undefined;
}

const part = ({ data }: Operand, i: number, parts: number): number[] => {
  const size = data.length / parts;
  return data.slice(i * size, (i + 1) * size);
};

/** The networks of one case: one for each direction. */
function casesOf(vector: Vector): Case[] {
  const { name, input, hiddenSize: size, options, outputs, steps = 1 } = vector;
  const unknown = Object.keys(options).filter(key => !known.includes(key));
  if (unknown.length > 0) throw new Error(`the vectors have options that this test does not know: ${unknown}`);
  const skipped = reasonToSkip(vector);
  if (skipped !== undefined) return [{ name, skipped }];
  const { layout = 'zrn', direction = 'forward' } = options;
  const directions = direction === 'both' ? (['forward', 'backward'] as const) : [direction];
  const [batch, inputs] = input.shape.slice(-2);
  const initial = vector.hiddenState ?? options.initialHiddenState;

  return directions.map((way, d) => {
    const gates = (operand: Operand | undefined): Float32Array => {
      if (operand === undefined) return new Float32Array(3 * size);
      return reorderGates(Float32Array.from(part(operand, d, directions.length)), layout, 'rzn');
    };
    const layer: ImportedLayer = {
      cell: 'gru',
      inputs,
      size,
      weight_ih: gates(vector.weight),
      weight_hh: gates(vector.recurrentWeight),
      bias_ih: gates(options.bias),
      bias_hh: gates(options.recurrentBias),
    };
    const streams = Array.from({ length: batch }, (_, b): GoldenStream => {
      const row = ({ data }: Operand, i: number, width: number) =>
        data.slice((i * batch + b) * width, (i * batch + b + 1) * width);
      const rows = Array.from({ length: steps }, (_, t) => Float32Array.from(row(input, t, inputs)));
      if (way === 'backward') rows.reverse();
      const last = row(outputs[0], d, size);
      return {
        ...(initial && { h: [row(initial, d, size)] }),
        steps: rows.map((values, t) => ({ input: values, expected: t === steps - 1 ? last : null })),
      };
    });
    const label = directions.length > 1 ? `${name} (${way})` : name;
    return { name: label, ...stackBare([layer]), streams, tolerance: 1e-6 };
  });
}

conformanceTests({
  source: 'WebNN',
  files: ['webnn/rnn_cases.json'],
  cases: () => (readVectors('webnn/rnn_cases.json') as { cases: Vector[] }).cases.flatMap(casesOf),
  // Eight networks are seven cases, one of them in both directions.
  expect: {
    run: 8,
    numbers: 102,
    skipped: {
      'gru with relu, relu': 1,
      'gruCell with the reset before': 1,
      'gruCell with tanh, sigmoid': 1,
      'lstm with peepholes and relu, relu, relu': 1,
      'lstmCell with peepholes and relu, relu, relu': 1,
    },
  },
});
