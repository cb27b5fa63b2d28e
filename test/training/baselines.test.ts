import test from 'ava';
import { classBaselines, valueBaselines } from '../../src/training/baselines.js';

test('before the first target nothing is guessed', t => {
  t.is(classBaselines().guess(), undefined);
  t.is(valueBaselines().guess(), undefined);
});

test('no change is the class of the newest step, majority the most frequent one and the first of equals', t => {
  const baselines = classBaselines();
  const guesses = [
    [1, 3],
    [2, 5],
    [4, 5],
    [3, 3],
    [5, 0],
  ].map(([number, target]) => {
    baselines.learn(number, target);
    return baselines.guess();
  });
  t.deepEqual(guesses, [
    { noChange: 3, majority: 3 },
    { noChange: 5, majority: 3 },
    { noChange: 5, majority: 5 },
    // The target of step 3 came after that of step 4.
    { noChange: 5, majority: 5 },
    { noChange: 0, majority: 5 },
  ]);
});

test('persistence is the values of the newest step, and a guess stays as it was', t => {
  const baselines = valueBaselines();
  baselines.learn(2, [1, 10]);
  const before = baselines.guess()!;
  baselines.learn(1, [3, 30]);
  t.deepEqual(baselines.guess(), { persistence: [1, 10], mean: Float64Array.of(2, 20) });
  t.deepEqual(before, { persistence: [1, 10], mean: Float64Array.of(1, 10) });
});
