import { createHash } from 'node:crypto';
import test from 'ava';
import type { CellKind } from '../../src/cells/cell.js';
import { ConfigError } from '../../src/errors.js';
import { drawLayer, type Initialization, initializationsOf } from '../../src/model/initialization.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';

const draw = (cell: CellKind, initialization: Initialization, inputs = 5, size = 24, gates = 1, tokens = 0) =>
  drawLayer(createRandom(2), { cell, initialization, inputs, tokens, size, gates });

test('pytorch: uniform on ±1/√H, biases too', t => {
  const { weightInput, weightHidden, biasInput, biasHidden } = draw('lstm', 'pytorch', 30, 64, 4);
  for (const tensor of [weightInput, weightHidden, biasInput, biasHidden]) {
    const largest = Math.max(...tensor.map(Math.abs));
    t.true(largest <= 1 / 8 && largest > 0.11);
    t.true(Math.abs(tensor.reduce((sum, value) => sum + value, 0) / tensor.length) < 0.02);
  }
});

/** How far Q Qᵀ is from I, of a matrix (size × size). */
function fromOrthogonal(block: Float32Array, size: number): number {
  let furthest = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let dot = 0;
      for (let k = 0; k < size; k++) dot += block[i * size + k] * block[j * size + k];
      furthest = Math.max(furthest, Math.abs(dot - (i === j ? 1 : 0)));
    }
  }
  return furthest;
}

test('orthogonal: each block times its transpose is I, biases are 0, the forget bias is 1', t => {
  for (const size of [1, 2, 3, 4, 5, 6, 7, 24, 129]) {
    const { weightHidden, biasInput, biasHidden } = draw('lstm', 'orthogonal', 5, size, 4);
    for (let gate = 0; gate < 4; gate++) {
      const off = fromOrthogonal(weightHidden.subarray(gate * size * size, (gate + 1) * size * size), size);
      t.true(off < 1e-6, `size ${size}: ${off}`);
    }
    t.deepEqual(
      [...biasInput],
      Array.from({ length: 4 * size }, (_, i) => (i >= size && i < 2 * size ? 1 : 0)),
    );
    t.true(biasHidden.every(value => value === 0));
  }
});

test('orthogonal: all matrices are equally likely, turned and mirrored ones alike', t => {
  const [size, draws] = [3, 4000];
  const random = createRandom(5);
  const shape = { cell: 'rnn_tanh', initialization: 'orthogonal', inputs: 1, tokens: 0, size, gates: 1 } as const;
  const [sums, squares, fourths] = [new Float64Array(9), new Float64Array(9), new Float64Array(9)];
  let mirrored = 0;
  for (let n = 0; n < draws; n++) {
    const { weightHidden: q } = drawLayer(random, shape);
    q.forEach((value, i) => {
      sums[i] += value / draws;
      squares[i] += value ** 2 / draws;
      fourths[i] += value ** 4 / draws;
    });
    const determinant =
      q[0] * (q[4] * q[8] - q[5] * q[7]) - q[1] * (q[3] * q[8] - q[5] * q[6]) + q[2] * (q[3] * q[7] - q[4] * q[6]);
    if (determinant < 0) mirrored++;
  }
  // Each row is uniform on the sphere: the moments of one of its three numbers are 0, 1/3 and 1/5.
  for (let i = 0; i < 9; i++) {
    t.true(Math.abs(sums[i]) < 0.04, `mean ${sums[i]}`);
    t.true(Math.abs(squares[i] - 1 / 3) < 0.02, `square ${squares[i]}`);
    t.true(Math.abs(fourths[i] - 1 / 5) < 0.02, `fourth power ${fourths[i]}`);
  }
  t.true(Math.abs(mirrored / draws - 1 / 2) < 0.03, `mirrored ${mirrored}`);
});

test('rows of tokens are standard normal, the other inputs keep to the bound of Glorot and Bengio', t => {
  const [tokens, others, size] = [60, 20, 30];
  const { weightInput } = draw('gru', 'orthogonal', tokens + others, size, 3, tokens);
  const rows = Array.from({ length: 3 * size }, (_, i) =>
    weightInput.subarray(i * (tokens + others), (i + 1) * (tokens + others)),
  );
  const token = rows.flatMap(row => [...row.subarray(0, tokens)]);
  const variance = token.reduce((sum, value) => sum + value * value, 0) / token.length;
  t.true(Math.abs(variance - 1) < 0.06, `variance ${variance}`);
  const largest = Math.max(...rows.flatMap(row => [...row.subarray(tokens)]).map(Math.abs));
  const bound = Math.sqrt(6 / (others + 1 + size));
  t.true(largest <= bound && largest > 0.98 * bound);
});

test('irnn: W = I, biases 0, inputs normal with standard deviation 0.001', t => {
  const size = 40;
  const { weightInput, weightHidden, biasInput, biasHidden } = draw('rnn_relu', 'irnn', 50, size);
  t.true(weightHidden.every((value, i) => value === (i % (size + 1) === 0 ? 1 : 0)));
  t.true([...biasInput, ...biasHidden].every(value => value === 0));
  const deviation = Math.sqrt(weightInput.reduce((sum, value) => sum + value * value, 0) / weightInput.length);
  t.true(Math.abs(deviation - 0.001) < 5e-5);
});

test('np-rnn: W is symmetric and positive, its largest eigenvalue is 1, biases are 0', t => {
  const size = 24;
  const { weightHidden: w, biasInput, biasHidden } = draw('rnn_relu', 'np-rnn', 5, size);
  t.true([...biasInput, ...biasHidden].every(value => value === 0));
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) t.true(Math.abs(w[i * size + j] - w[j * size + i]) < 1e-7);
  let vector = Array.from({ length: size }, (_, i) => 1 + (i % 3));
  let growth = 0;
  for (let n = 0; n < 2000; n++) {
    const next = vector.map((_, i) => vector.reduce((sum, value, j) => sum + w[i * size + j] * value, 0));
    const length = Math.sqrt(next.reduce((sum, value) => sum + value * value, 0));
    growth = length / Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    vector = next.map(value => value / length);
  }
  t.true(Math.abs(growth - 1) < 1e-3, `largest eigenvalue ${growth}`);
});

test('irnn and np-rnn are for ReLU alone; the first allowed is the default', async t => {
  t.deepEqual(initializationsOf('rnn_relu')[0], 'np-rnn');
  for (const cell of ['rnn_tanh', 'gru', 'lstm'] as const) {
    t.is(initializationsOf(cell)[0], 'orthogonal');
    for (const initialization of ['irnn', 'np-rnn'] as const) {
      const config = {
        input: { kind: 'token' as const, size: 2 },
        layers: [{ cell, size: 3, initialization }],
        output: { kind: 'classes' as const, size: 2 },
      };
      await t.throwsAsync(createModel(config), { instanceOf: ConfigError, message: /initialization to be one of/ });
    }
  }
});

test('the same seed gives the same weights for ever', async t => {
  const hashes: string[] = [];
  for (const [cell, initialization] of [
    ['rnn_tanh', 'orthogonal'],
    ['rnn_relu', 'np-rnn'],
    ['rnn_relu', 'irnn'],
    ['gru', 'pytorch'],
    ['lstm', 'orthogonal'],
  ] as const) {
    const model = await createModel(
      {
        input: { kind: 'features', size: 3 },
        layers: [{ cell, size: 10, initialization }],
        output: { kind: 'values', size: 2 },
      },
      { seed: 2026 },
    );
    const hash = createHash('sha256');
    for (const [name, values] of Object.entries(model.weights()))
      hash.update(name).update(new Uint8Array(values.buffer));
    hashes.push(hash.digest('hex').slice(0, 16));
  }
  t.deepEqual(hashes, [
    '2abfc9194e415309',
    '0e2f12e87dc06937',
    '80c20f28e8c83dc8',
    '85ad4d05ef2c8c84',
    '5720d6ce8fc1f0f4',
  ]);
});
