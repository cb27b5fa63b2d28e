import test from 'ava';
import { InputError } from '../../src/errors.js';
import { watchGates } from '../../src/model/gates.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';

const random = createRandom(5);
const rows = Array.from({ length: 20 }, () => Float32Array.from({ length: 3 }, () => random.normal()));

async function stack() {
  return createModel(
    {
      input: { kind: 'features', size: 3 },
      layers: [
        { cell: 'gru', size: 6 },
        { cell: 'lstm', size: 5 },
        { cell: 'rnn_tanh', size: 4 },
      ],
      output: { kind: 'values', size: 2 },
    },
    { seed: 3 },
  );
}

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

test('the gates of a step make the state that it leaves', async t => {
  const model = await stack();
  const watch = watchGates(model);
  const part = (carry: Float32Array, name: string): Float32Array => {
    const { offset, length } = model.carryLayout.parts.find(one => one.name === name)!;
    return carry.subarray(offset, offset + length);
  };
  let carry = model.zeroCarry();
  for (const row of rows) {
    const [gru, lstm, elman] = watch(carry, row);
    const after = model.step(carry, row).carry;
    const [h, c] = [part(after, 'layers.0.h'), part(after, 'layers.1.c')];
    const [h0, c0] = [part(carry, 'layers.0.h'), part(carry, 'layers.1.c')];
    t.true(gru.update.every((z, i) => near(h[i], (1 - z) * gru.candidate[i] + z * h0[i])));
    t.true(gru.reset.every(r => r > 0 && r < 1));
    t.true(lstm.forget.every((f, i) => near(c[i], f * c0[i] + lstm.input[i] * lstm.candidate[i])));
    const h1 = part(after, 'layers.1.h');
    t.true(lstm.output.every((o, i) => near(h1[i], o * Math.tanh(c[i]))));
    t.deepEqual(elman, {});
    carry = after;
  }
  t.deepEqual(Object.keys(watch(carry, rows[0])[0]), ['reset', 'update', 'candidate']);
});

test('looking moves nothing, what was shown stays, and wrong inputs are refused', async t => {
  const [model, other] = await Promise.all([stack(), stack()]);
  const watch = watchGates(model);
  const zero = model.zeroCarry();
  const [first] = watch(zero, rows[0]);
  const kept = first.update.slice();
  watch(model.step(zero, rows[1]).carry, rows[2]);
  t.deepEqual(first.update, kept);
  t.deepEqual(model.step(zero, rows[3]), other.step(zero, rows[3]));
  t.throws(() => watch(zero, 3), { instanceOf: InputError });
  t.throws(() => watch(new Float32Array(2), rows[0]), { instanceOf: InputError });
});
