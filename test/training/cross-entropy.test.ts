import test from 'ava';
import { ConfigError, TargetError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createTrainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { config, randomWindows } from '../helpers/models.js';

const classes = config('gru', [3], { kind: 'token', size: 4 }, { kind: 'classes', size: 3 });

test('class weights weigh what is learned: the mean over steps of weight · loss; a step tells its loss without them', async t => {
  const model = await createModel(classes);
  const classWeights = [0.25, 1, 4];
  const weighed = createTrainer(model, { loss: { kind: 'cross-entropy', classWeights } });
  const plain = createTrainer(model);
  const carry = model.zeroCarry();
  const lossOf = (target: number): number => plain.loss(model.step(carry, 1).logits, target)!;
  for (const target of [0, 1, 2]) {
    t.is(weighed.loss(model.step(carry, 1).logits, target), lossOf(target));
    t.is(weighed.gradients([{ carry, inputs: [1], targets: [target] }]).loss, classWeights[target] * lossOf(target));
  }
});

test('a class weight is the weight of each of its steps, bit for bit', async t => {
  const model = await createModel(classes);
  const classWeights = [0.25, 1, 4];
  const windows = randomWindows(model, [9, 4], 3);
  const byClass = createTrainer(model, { loss: { kind: 'cross-entropy', classWeights } }).gradients(windows);
  const bySample = createTrainer(model).gradients(
    windows.map(one => ({
      ...one,
      weights: one.targets.map(target => (target === null ? 1 : classWeights[Number(target)])),
    })),
  );
  t.is(byClass.loss, bySample.loss);
  for (const [name, values] of Object.entries(byClass.weights))
    t.is(firstDifference(values, bySample.weights[name]), -1, name);
  const unweighed = createTrainer(model).gradients(windows);
  t.not(unweighed.loss, byClass.loss);
});

test('a weight of 2 is the same step learned twice', async t => {
  const model = await createModel(classes);
  const trainer = createTrainer(model, { k2: 4 });
  const [window] = randomWindows(model, [4], 3, 0);
  const twice = trainer.gradients([window, window]);
  const weighed = trainer.gradients([{ ...window, weights: [2, 2, 2, 2] }]);
  t.is(weighed.loss, 2 * twice.loss);
  for (const [name, values] of Object.entries(twice.weights))
    values.forEach((value, i) => {
      t.true(Math.abs(2 * value - weighed.weights[name][i]) < 1e-6, name);
    });
});

test('weights that are none are refused', async t => {
  const model = await createModel(classes);
  for (const classWeights of [[1, 2], [1, 2, -1], [1, 2, Number.NaN], 3, [1, 2, Infinity]] as number[][])
    t.throws(() => createTrainer(model, { loss: { kind: 'cross-entropy', classWeights } }), {
      instanceOf: ConfigError,
      message: /loss\.classWeights to be 3 numbers from 0, one for each class/,
    });
  const trainer = createTrainer(model);
  const window = { carry: model.zeroCarry(), inputs: [1], targets: [0] };
  t.throws(() => trainer.learn({ ...window, weights: [1, 1] }), {
    instanceOf: ConfigError,
    message: /as many weights/,
  });
  t.throws(() => trainer.learn({ ...window, weights: [-1] }), {
    instanceOf: TargetError,
    message: /weight to be a finite number from 0, got -1/,
  });
  t.is(trainer.count, 0);
});
