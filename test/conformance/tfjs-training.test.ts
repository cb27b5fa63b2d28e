import { type Imported, stack } from '../../src/interchange/imported.js';
import { kerasLayer, kerasReadout } from '../../src/interchange/keras.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { createReference } from '../../src/kernels/reference.js';
import { createKernels } from '../../src/kernels/wasm.js';
import type { Carry } from '../../src/model/carry.js';
import { buildModel } from '../../src/model/model.js';
import { type Tensor, tensorOf } from '../../src/model/tensor.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import type { Window } from '../../src/training/window.js';
import { readVectors } from '../helpers/conformance.js';
import { sharedTest } from '../helpers/shared.js';

interface Vectors {
  training: {
    id: string;
    y?: number[];
    expected_epoch_loss?: number;
    expected?: { kernel_fill_4x1: number; recurrent: number; dense: number };
  }[];
}

/** Steps of every sequence. */
const length = 3;

const file = 'conformance/tfjs/rnn_golden.json';
const vectorOf = (id: string) =>
  (readVectors('tfjs/rnn_golden.json') as Vectors).training.find(vector => vector.id === id)!;

const full = (value: number, ...shape: number[]): Tensor =>
  tensorOf(new Float32Array(shape.reduce((a, b) => a * b)).fill(value), shape);

/** A SimpleRNN of ones and a Dense without a bias. */
function network(inputs: number, units: number, dense: number): Imported {
  return stack(
    [kerasLayer({ type: 'SimpleRNN', weights: [full(1, inputs, units), full(1, units, units)] })],
    kerasReadout({ type: 'Dense', weights: [full(dense, units, 1)] }),
  );
}

/** Plain gradient descent on whole sequences. Keras's squared error has no half, so its rate is half of ours. */
function createDescent(imported: Imported, kernels: Kernels, rate: number, learned: readonly string[]) {
  const model = buildModel(kernels, imported.config, null);
  model.setWeights(imported.weights);
  return createTrainer(model, {
    optimizer: { kind: 'sgd', rate: 2 * rate },
    k1: length,
    k2: length,
    maxGradientNorm: Number.POSITIVE_INFINITY,
    freeze: Object.keys(imported.weights).filter(name => !learned.includes(name)),
  });
}

/** A sequence of ones whose end has a target. */
function windowOf({ model }: Trainer, carry: Carry, target: number): Window {
  const inputs = Array.from({ length }, () => new Float32Array(model.config.input.size).fill(1));
  return { carry, inputs, targets: inputs.map((_, t) => (t === length - 1 ? target : null)) };
}

const relativeError = (found: readonly number[], expected: readonly number[]) =>
  Math.max(...expected.map((e, i) => Math.abs(found[i] - e) / Math.max(1, Math.abs(e))));

sharedTest('two of the three tfjs training vectors are run; the third is of another cell', file, t => {
  const { training } = readVectors('tfjs/rnn_golden.json') as Vectors;
  t.log('2 run, 1 skipped: gru_bptt has hard_sigmoid gates and the reset before');
  t.deepEqual(
    training.map(({ id }) => id),
    ['simplernn_stateful_bptt', 'simplernn_bptt', 'gru_bptt'],
  );
});

sharedTest('two epochs of BPTT and gradient descent give the weights of tfjs', file, async t => {
  const { kernel_fill_4x1: kernel, recurrent, dense } = vectorOf('simplernn_bptt').expected!;
  const expected = [kernel, kernel, kernel, kernel, recurrent, dense];
  const learned = ['weight_ih_l0', 'weight_hh_l0', 'readout.weight'];
  const run = (kernels: Kernels, epochs = 2, names = learned) => {
    const trainer = createDescent(network(4, 1, 1), kernels, 5, names);
    const { model } = trainer;
    const batch = Array.from({ length: 5 }, () => windowOf(trainer, model.zeroCarry(), 0));
    for (let epoch = 0; epoch < epochs; epoch++) trainer.learnMany(batch);
    const weights = model.weights();
    return relativeError([...weights.weight_ih_l0, ...weights.weight_hh_l0, ...weights['readout.weight']], expected);
  };
  const error = run(await createKernels());
  const exact = run(createReference('float64'));
  t.log(`largest relative error ${error.toExponential(1)}; in float64 ${exact.toExponential(1)}`);
  // tanh is so near to 1 that its last bit in float32, 6e-8, moves 1 - h² by a thousandth, and these weights by 1e-4.
  t.true(error <= 2e-4);
  t.true(exact <= 5e-5);
  const wrong = [run(await createKernels(), 1), run(await createKernels(), 2, ['weight_ih_l0', 'readout.weight'])];
  t.log(`one epoch: ${wrong[0].toExponential(1)}; the recurrence frozen: ${wrong[1].toExponential(1)}`);
  t.true(Math.min(...wrong) > 1e-2);
});

sharedTest('two batches that hand on their state give the loss of tfjs', file, async t => {
  const { y, expected_epoch_loss: expected } = vectorOf('simplernn_stateful_bptt');
  const run = async (rate: number) => {
    const learned = ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'readout.weight'];
    const trainer = createDescent(network(2, 5, 0), await createKernels(), rate, learned);
    let carries = Array.from({ length: 4 }, () => trainer.model.zeroCarry());
    const losses = [y!.slice(0, 4), y!.slice(4)].map(targets => {
      const windows = targets.map((target, b) => windowOf(trainer, carries[b], target));
      carries = windows.map(({ carry, inputs }) =>
        inputs.reduce<Carry>((c, x) => trainer.model.step(c, x).carry, carry),
      );
      return 2 * trainer.learnMany(windows).loss;
    });
    return (losses[0] + losses[1]) / 2;
  };
  const found = await run(0.01);
  t.log(`loss ${found}, tfjs ${expected}`);
  // On paper: h = tanh(7) = h' but for 2e-6, so the second batch answers -0.05hh' and the mean loss is 1.5262499.
  t.true(Math.abs(found - 1.5262499) <= 1e-7);
  t.true(Math.abs(found - expected!) <= 3e-6);
  t.is(await run(0), 1.5);
});
