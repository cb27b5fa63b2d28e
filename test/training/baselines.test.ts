import test from 'ava';
import { classBaselines, valueBaselines } from '../../src/training/baselines.js';

test('before the first target nothing is guessed', t => {
  t.is(classBaselines().guess(9), undefined);
  t.is(valueBaselines().guess(9), undefined);
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
    return baselines.guess(9);
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
  const before = baselines.guess(9)!;
  baselines.learn(1, [3, 30]);
  t.deepEqual(baselines.guess(9), { persistence: [1, 10], mean: Float64Array.of(2, 20) });
  t.deepEqual(before, { persistence: [1, 10], mean: Float64Array.of(1, 10) });
});

test('a season before is the target of so many steps before, if it has come, and no more is remembered', t => {
  const baselines = valueBaselines(3);
  for (let number = 1; number <= 6; number++) {
    const said = baselines.guess(number)?.season;
    t.deepEqual(said, number > 3 ? [10 * (number - 3)] : undefined);
    baselines.learn(number, [10 * number]);
  }
  // Of a forecast two steps ahead the newest targets have not come.
  const late = classBaselines(3);
  late.learn(1, 7);
  t.is(late.guess(4)?.season, 7);
  t.is(late.guess(5)?.season, undefined);
  late.learn(3, 8);
  t.is(late.guess(6)?.season, 8);
  t.is(classBaselines().guess(5), undefined);
});

test('a stream that is looked at late costs no more than its season, and forgets as one that was followed', t => {
  const step = 2 ** 40;
  const late = valueBaselines(3);
  for (const number of [step, step + 2]) late.learn(number, [number - step]);
  // One by one from the first step, this would take hours.
  t.deepEqual(late.guess(step + 3)?.season, [0]);
  t.is(late.guess(step + 4)?.season, undefined);
  t.deepEqual(late.guess(step + 5)?.season, [2]);
  t.deepEqual(
    late.state().season.known.map(([number]) => number),
    [step + 2],
  );
});
