import fc from 'fast-check';
import { createReference } from '../../src/kernels/reference.js';
import type { Carry } from '../../src/model/carry.js';
import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { buildModel, copyModel, createModel, type TrainableModel } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import { createRandom } from '../../src/random.js';
import { anyInput, networks, seeds, shuffled } from '../helpers/arbitraries.js';
import { firstDifference } from '../helpers/bits.js';
import { law, type Verdict } from '../helpers/laws.js';

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly streams: number;
  readonly steps: number;
}

/** Changes a model before it runs. */
type Change = (model: TrainableModel) => void;

interface Sequence {
  readonly first: Carry;
  readonly inputs: readonly (Input | null)[];
}

/** A sequence as the fold of `step`. */
function fold(model: TrainableModel, { first, inputs }: Sequence): Step[] {
  let carry = first;
  return inputs.map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return step;
  });
}

/** The sequences in batches: drawn streams in a drawn order each time, until all are done. */
function inBatches(model: TrainableModel, sequences: readonly Sequence[], seed: number): Step[][] {
  const random = createRandom(seed);
  const done: Step[][] = sequences.map(() => []);
  const carries = sequences.map(({ first }) => first);
  for (;;) {
    const open = shuffled(random, sequences.length).filter(s => done[s].length < sequences[s].inputs.length);
    if (open.length === 0) return done;
    const chosen = open.slice(0, 1 + random.integer(open.length));
    const steps = model.stepMany(
      chosen.map(s => carries[s]),
      chosen.map(s => sequences[s].inputs[done[s].length]),
    );
    chosen.forEach((s, i) => {
      done[s].push(steps[i]);
      carries[s] = steps[i].carry;
    });
  }
}

function difference(what: string, expected: readonly Step[], found: readonly Step[]): Verdict {
  for (let t = 0; t < expected.length; t++) {
    for (const part of ['logits', 'prediction', 'carry'] as const) {
      const at = firstDifference(expected[t][part], found[t]?.[part] ?? []);
      if (at >= 0)
        return `${what}: ${part}[${at}] of step ${t + 1} is ${found[t]?.[part][at]}, not ${expected[t][part][at]}`;
    }
  }
  return undefined;
}

async function sameBits(change: Change, { config, seed, streams, steps }: Value): Promise<Verdict> {
  const simd = await createModel(config, { seed });
  if (simd.network.kernels.name !== 'simd') throw new Error('Expected SIMD to run here');
  const reference = buildModel(createReference('float32'), config, seed);
  // What a stream resumes on is another instance, as another machine would be.
  const other = await copyModel(simd);
  for (const model of [simd, reference, other]) change(model);

  const random = createRandom(seed);
  const sequences = Array.from(
    { length: streams },
    (): Sequence => ({
      first: random.integer(2) === 0 ? simd.zeroCarry() : simd.zeroCarry().map(() => random.normal()),
      inputs: Array.from({ length: 1 + random.integer(steps) }, () => anyInput(random, simd)),
    }),
  );
  const alone = sequences.map(sequence => fold(simd, sequence));
  const batched = inBatches(simd, sequences, seed);
  const referenceBatched = inBatches(reference, sequences, seed + 1);
  for (let s = 0; s < streams; s++) {
    const sequence = sequences[s];
    const cut = random.integer(sequence.inputs.length + 1);
    const saved = cut === 0 ? sequence.first : alone[s][cut - 1].carry;
    const carry = new Float32Array(Uint8Array.from(new Uint8Array(saved.slice().buffer)).buffer);
    const resumed = fold(other, { first: carry, inputs: sequence.inputs.slice(cut) });
    const verdict =
      difference(`stream ${s} in a batch`, alone[s], batched[s]) ??
      difference(`stream ${s} on the reference`, alone[s], fold(reference, sequence)) ??
      difference(`stream ${s} in a batch on the reference`, alone[s], referenceBatched[s]) ??
      difference(`stream ${s} resumed after ${cut}`, alone[s].slice(cut), resumed);
    if (verdict) return verdict;
  }
  return undefined;
}

/** Replaces the product of every model it is given. */
const multiplying =
  (make: (k: TrainableModel['network']['kernels']) => TrainableModel['network']['kernels']['multiply']): Change =>
  model => {
    const { kernels } = model.network;
    kernels.multiply = make({ ...kernels });
  };

law('a stream has the same bits alone, in any batch, cut anywhere and resumed, with SIMD and without', {
  values: fc.record({
    config: fc.oneof({ weight: 4, arbitrary: networks(9) }, { weight: 1, arbitrary: networks(40) }),
    seed: seeds,
    streams: fc.integer({ min: 1, max: 6 }),
    steps: fc.integer({ min: 1, max: 8 }),
  }),
  holds: sameBits,
  right: () => {},
  runs: 250,
  broken: {
    'a batch that adds its products to the bias, not one after the other': multiplying(
      k => (x, xStride, w, y, yStride, rows, inputs, n) => {
        if (rows === 1) return k.multiply(x, xStride, w, y, yStride, rows, inputs, n);
        const m = k.arena.floats;
        for (let row = 0; row < rows; row++) {
          const [from, to] = [y + row * yStride, y + row * yStride + n];
          const before = m.slice(from, to);
          m.fill(0, from, to);
          k.multiply(x + row * xStride, xStride, w, from, yStride, 1, inputs, n);
          for (let j = 0; j < n; j++) m[from + j] += before[j];
        }
      },
    ),
    'a fused multiply-add in the reference': multiplying(k => {
      if (k.name === 'simd') return k.multiply;
      return (x, xStride, w, y, yStride, rows, inputs, n) => {
        // One input at a time, each sum in float64 and rounded once, as a fused operation would.
        const m = k.arena.floats;
        const exact = Float64Array.from(m.subarray(y, y + n));
        if (rows === 1) {
          const scratch = new Float64Array(n);
          const xs = Float64Array.from(m.subarray(x, x + inputs));
          const before = m.slice(y, y + n);
          for (let i = 0; i < inputs; i++) {
            m.fill(0, x, x + inputs);
            m[x + i] = 1;
            m.fill(0, y, y + n);
            k.multiply(x, xStride, w, y, yStride, 1, inputs, n);
            for (let j = 0; j < n; j++) scratch[j] = Math.fround((i === 0 ? exact[j] : scratch[j]) + xs[i] * m[y + j]);
          }
          m.set(xs, x);
          m.set(inputs > 0 ? scratch : before, y);
        } else k.multiply(x, xStride, w, y, yStride, rows, inputs, n);
      };
    }),
    'a carry of the neighbour that leaks': model => {
      const { stepMany } = model;
      model.stepMany = (carries, inputs) => stepMany([carries[carries.length - 1], ...carries.slice(1)], inputs);
    },
    'a carry that loses its last bit when it is saved': model => {
      const { step } = model;
      model.step = (carry, input) =>
        step(
          carry.map((c, i) => (i === 0 && carry.byteOffset === 0 ? Math.fround(c * (1 + 2 ** -23)) : c)),
          input,
        );
    },
  },
});
