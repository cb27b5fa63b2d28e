import test from 'ava';
import { withNulls } from '../../src/cli/numbers.js';
import { createReadingsTask } from '../../src/cli/readings.js';
import type { Step } from '../../src/model/transfer.js';

const options = {
  columns: { key: 'key', inputs: ['a'], targets: ['a'] },
  horizon: 1,
  forecast: 'change',
  maxKeys: 4,
} as const;

const numbers = Float32Array.of(0);
const still: Step = { logits: numbers, prediction: numbers, carry: numbers };
const reading = (key: string, value: number) => {
  const row = Float64Array.of(value);
  return { key, inputs: row, targets: row };
};

test('a step that failed is not in what is saved, and its stream begins again with the statistics that it knows', t => {
  const task = createReadingsTask(options);
  for (const value of [1, 5, 9]) {
    for (const key of ['x', 'y']) {
      task.items(reading(key, value));
      task.answer(still);
    }
  }
  const before = withNulls(task.save());
  task.items(reading('y', 100));
  task.items(reading('z', 1));
  t.deepEqual(withNulls(task.save()), before);

  const saved = JSON.parse(JSON.stringify(before));
  const states = new Map([['x', { carry: numbers, steps: 3, updated: 3, entries: [] }]]);
  const again = createReadingsTask({ ...options, resumed: { states, saved } });
  for (const [key, step, targets] of [
    ['x', 4, 1],
    ['y', 1, 0],
  ] as const) {
    const items = again.items(reading(key, 13));
    t.is(items.filter(item => 'forStep' in item).length, targets);
    // Of 1, 5, 9, 13 the last is 6 above the mean, in deviations of √20.
    const { input } = items.at(-1) as { input: Float32Array };
    t.true(Math.abs(input[0] - 6 / Math.sqrt(20)) < 1e-6);
    t.like(again.answer(still), { key, step });
  }
});
