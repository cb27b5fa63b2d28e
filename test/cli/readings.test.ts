import test from 'ava';
import { withNulls } from '../../src/cli/numbers.js';
import { createReadingsTask } from '../../src/cli/readings.js';
import type { Step } from '../../src/model/transfer.js';
import { timeOfRows } from '../helpers/pace.js';

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

test('persistence is measured over the same steps as the network, which here says the same', t => {
  for (const horizon of [1, 3]) {
    const measured = { ...options, horizon, measured: true };
    const task = createReadingsTask(measured);
    // A row that is missing at the beginning is foretold by nobody.
    const rows = [Number.NaN, 1, 5, 2, 9, 3, 8, 8, 0, 4];
    const run = (one: typeof task, key: string): void => {
      for (const value of rows) {
        one.items(reading(key, value));
        one.answer(still);
      }
    };
    for (const key of ['x', 'y']) run(task, key);
    const found = task.metrics?.();
    if (found?.kind !== 'values') throw new Error('Expected values');
    t.is(found.count, 2 * (rows.length - 1 - horizon));
    t.is(found.persistence.count, found.count);
    t.deepEqual(found.persistence.mae, found.mae);
    t.deepEqual(found.persistence.rmse, found.rmse);

    // Also where a run that goes on is the first that is measured.
    const plain = createReadingsTask({ ...options, horizon });
    run(plain, 'x');
    const saved = JSON.parse(JSON.stringify(withNulls(plain.save())));
    const states = new Map([['x', { carry: numbers, steps: rows.length, updated: rows.length, entries: [] }]]);
    const again = createReadingsTask({ ...measured, resumed: { states, saved } });
    for (const value of [7, 6, 1, 2]) {
      again.items(reading('x', value));
      again.answer(still);
    }
    const later = again.metrics?.();
    if (later?.kind !== 'values') throw new Error('Expected values');
    t.is(later.count, 4);
    t.is(later.persistence.count, 4);
    t.deepEqual(later.persistence.mae, later.mae);
  }
});

test('a row costs the same whatever the horizon', t => {
  const timeAt = (horizon: number): number => {
    const task = createReadingsTask({ ...options, horizon });
    return timeOfRows(i => {
      task.items(reading('x', i % 7));
      task.answer(still);
    }, horizon);
  };
  timeAt(10);
  const [near, far] = [timeAt(10), timeAt(20_000)];
  t.log(`${near} ms, ${far} ms`);
  t.true(far < 8 * near, `${near} ms, ${far} ms`);
});
