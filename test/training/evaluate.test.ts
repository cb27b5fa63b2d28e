import test from 'ava';
import { ConfigError, TargetError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { argmax } from '../../src/model/sample.js';
import { createRandom } from '../../src/random.js';
import { evaluate, type Labelled, type Sequence } from '../../src/training/evaluate.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';

/** More sequences than are stepped at once, of 1 to 9 steps, with gaps in the targets. */
function draw(count: number): Sequence[] {
  const random = createRandom(6);
  return Array.from({ length: count }, () => {
    const inputs = Array.from({ length: 1 + random.integer(9) }, () => random.integer(4));
    return { inputs, targets: inputs.map(() => (random.uniform() < 0.3 ? null : random.integer(3))) };
  });
}

async function learner(): Promise<Trainer> {
  const model = await createModel(
    { input: { kind: 'token', size: 4 }, layers: [{ cell: 'lstm', size: 5 }], output: { kind: 'classes', size: 3 } },
    { seed: 1 },
  );
  return createTrainer(model);
}

test('an evaluation is the fold of step over each sequence, bit for bit', async t => {
  const trainer = await learner();
  const { model } = trainer;
  const sequences = draw(150);
  const seen: Labelled[] = [];
  const { loss, labelled, accuracy } = evaluate(trainer, sequences, one => seen.push(one));
  const place = ({ sequence, time }: Labelled): number => sequence * 100 + time;
  seen.sort((a, b) => place(a) - place(b));

  let [at, right, sum] = [0, 0, 0];
  sequences.forEach(({ inputs, targets }, sequence) => {
    let carry = model.zeroCarry();
    inputs.forEach((input, time) => {
      const step = model.step(carry, input);
      carry = step.carry;
      const target = targets[time];
      if (target === null) return;
      const found = seen[at++];
      t.deepEqual([found.sequence, found.time, found.target], [sequence, time, target]);
      t.deepEqual(found.step.logits, step.logits);
      t.is(found.loss, trainer.loss(step.logits, target));
      sum += found.loss!;
      if (argmax(step.logits) === target) right++;
    });
  });
  t.is(labelled, at);
  t.is(seen.length, at);
  t.is(accuracy, right / at);
  t.true(Math.abs(loss - sum / at) < 1e-12);
  t.is(trainer.count, 0);
});

test('a sequence whose carry grows beyond float32 has an infinite loss, and the others are judged as if alone', async t => {
  const model = await createModel({
    input: { kind: 'features', size: 1 },
    layers: [{ cell: 'rnn_relu', size: 2 }],
    output: { kind: 'classes', size: 2 },
  });
  const weights = model.weights();
  model.setWeights({
    weight_ih_l0: weights.weight_ih_l0.fill(1),
    weight_hh_l0: Float32Array.of(10, 0, 0, 0.5),
  });
  const trainer = createTrainer(model);
  const sequence = (length: number, input: number, known: readonly number[]): Sequence => ({
    inputs: Array.from({ length }, () => Float32Array.of(input)),
    targets: Array.from({ length }, (_, i) => (known.includes(i) ? 0 : null)),
  });
  const [fine, long, late] = [sequence(5, 1, [0, 4]), sequence(60, 1, [1, 50, 59]), sequence(60, 1, [2])];
  const seen: Labelled[] = [];
  const all = evaluate(trainer, [long, fine, late], one => seen.push(one));
  const alone = evaluate(trainer, [fine]);
  t.false('overflown' in alone);
  t.like(all, { loss: Number.POSITIVE_INFINITY, labelled: 6, overflown: 2 });
  t.is(seen.length, 6, 'each labelled step is shown, also those that cannot be made');
  const own = seen.filter(one => one.sequence === 1).map(one => one.loss!);
  t.is((own[0] + own[1]) / 2, alone.loss);
  for (const { time, loss, step } of seen.filter(one => one.time >= 50)) {
    t.is(loss, Number.POSITIVE_INFINITY, `${time}`);
    t.true(step.prediction.every(Number.isNaN));
  }
  t.is(evaluate(trainer, [late]).loss, Number.POSITIVE_INFINITY, 'also after its last target');
});

test('what cannot be judged is told', async t => {
  const trainer = await learner();
  t.throws(() => evaluate(trainer, []), { instanceOf: ConfigError, message: /one step with a target/ });
  t.throws(() => evaluate(trainer, [{ inputs: [0], targets: [null] }]), { instanceOf: ConfigError });
  t.throws(() => evaluate(trainer, [{ inputs: [0], targets: [3] }]), { instanceOf: TargetError });
});

test('of unaligned labels it counts those that are missing, wrong or too many', async t => {
  const model = await createModel({
    input: { kind: 'token', size: 3 },
    layers: [{ cell: 'gru', size: 4 }],
    output: { kind: 'classes', size: 3 },
  });
  const weights = model.weights();
  // Every step says class 0, whatever it sees.
  model.setWeights({
    'readout.weight': weights['readout.weight'].map(() => 0),
    'readout.bias': Float32Array.of(5, 0, 0),
  });
  const trainer = createTrainer(model, { loss: { kind: 'ctc' } });
  const sequences = [
    { inputs: [0, 1, 2, 0], targets: [0, null, null, null] },
    { inputs: [0, 1, 2], targets: [1, 0, null] },
    { inputs: [1, 1], targets: [null, 2] },
  ];
  const { labelErrors, accuracy, labelled, loss } = evaluate(trainer, sequences);
  t.is(labelled, 4);
  t.is(accuracy, undefined);
  // None, one that is missing, and one too many.
  t.is(labelErrors, 2 / 3);
  const losses = sequences.map(({ inputs, targets }) =>
    trainer.windowLoss!(
      inputs.map(() => Float32Array.of(5, 0, 0)),
      targets,
    ),
  );
  t.true(Math.abs(loss - losses.reduce((sum, one) => sum + one, 0) / 4) < 1e-12);
});
