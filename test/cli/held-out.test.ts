import test from 'ava';
import { holdOut } from '../../src/cli/held-out.js';
import type { Raw } from '../../src/cli/sequences.js';

const raw = (targets: readonly unknown[], more: Partial<Raw> = {}): Raw => ({
  from: 'a.csv:2',
  inputs: targets.map((_, t) => [t]),
  targets,
  named: false,
  ...more,
});

test('of one sequence the last steps are held out, and judged with the carry of those before', t => {
  const one = raw(Array.from({ length: 30 }, (_, t) => t));
  const { training, validation, steps } = holdOut([one], 0.1, 7);
  t.is(steps, 3);
  t.deepEqual(training, [{ ...one, inputs: one.inputs.slice(0, 27), targets: one.targets.slice(0, 27) }]);
  t.deepEqual(validation, [{ ...one, targets: [...new Array(27).fill(null), 27, 28, 29] }]);
  t.deepEqual(holdOut([one], 0, 7), { training: [one], validation: [] });
});

test('one sequence is learned whole where one of the parts would have no target', t => {
  for (const one of [
    raw([1]),
    raw([null, null, null, 1]),
    raw([1, 2, 3, null]),
    raw(['a'], { inputs: [], sound: { rate: 8000, samples: new Int16Array(9) } }),
  ])
    t.deepEqual(holdOut([one], 0.1, 0), { training: [one], validation: [], steps: 0 });
});

test('of more sequences whole ones are held out', t => {
  const some = Array.from({ length: 10 }, (_, i) => raw([i, i]));
  const { training, validation, steps } = holdOut(some, 0.2, 3);
  t.deepEqual([training.length, validation.length, steps], [8, 2, undefined]);
  t.true(some.every(one => training.includes(one) !== validation.includes(one)));
});
