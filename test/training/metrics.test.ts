import test from 'ava';
import fc from 'fast-check';
import { ConfigError } from '../../src/errors.js';
import type { Metrics } from '../../src/training/judge.js';
import { createMetrics } from '../../src/training/metrics.js';

const near = (t: { true(value: boolean, message?: string): void }, found: number, expected: number): void =>
  t.true(Math.abs(found - expected) < 1e-9 || Object.is(found, expected), `${found}, expected ${expected}`);

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Predictions of one value that all are 0, of the series h steps ahead. */
function forecasts(series: readonly number[], horizon: number, options = {}): Metrics[] {
  const metrics = createMetrics(options);
  const found: Metrics[] = [];
  series.forEach((value, i) => {
    if (i >= horizon) {
      const one = metrics.scored(i - horizon + 1, Float32Array.of(0), Float32Array.of(value), 0.5 * value * value);
      if (one) found.push(one);
    }
    metrics.predicted(i + 1);
  });
  return found;
}

test('persistence and mean are those of the targets that were known at the prediction, at any horizon', t => {
  const integers = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(integers, fc.integer({ min: 1, max: 6 }), (series, horizon) => {
      const found = forecasts(series, horizon).at(-1);
      if (series.length <= horizon) {
        t.is(found, undefined);
        return;
      }
      if (found?.kind !== 'values') throw new Error('Expected values');
      // At t the newest value is known, if it was a target, and it is the persistence forecast of t + horizon.
      const steps = series.map((_, i) => i).filter(i => i + horizon < series.length);
      const told = steps.filter(i => i >= horizon);
      const known = (i: number): number[] => series.slice(horizon, i + 1);
      near(t, found.mae.mean, mean(steps.map(i => Math.abs(series[i + horizon]))));
      near(t, found.rmse.mean, Math.sqrt(mean(steps.map(i => series[i + horizon] ** 2))));
      t.is(found.count, steps.length);
      t.is(found.persistence.count, told.length);
      near(t, found.persistence.mae.mean, mean(told.map(i => Math.abs(series[i] - series[i + horizon]))));
      near(t, found.persistence.rmse.mean, Math.sqrt(mean(told.map(i => (series[i] - series[i + horizon]) ** 2))));
      near(t, found.mean.mae.mean, mean(told.map(i => Math.abs(mean(known(i)) - series[i + horizon]))));
    }),
  );
});

test('classes have bits and accuracy, beside no change and majority', t => {
  const metrics = createMetrics({ fading: 0.5 });
  const targets = [0, 0, 1, 1, 1, 2];
  const answers = [0, 1, 1, 2, 1, 0];
  const found = targets.map((target, i) => {
    metrics.predicted(i + 1);
    const prediction = Float32Array.from({ length: 3 }, (_, j) => (j === answers[i] ? 0.5 : 0.25));
    return metrics.scored(i + 1, prediction, target, -Math.log(prediction[target]))!;
  });
  const last = found.at(-1)!;
  if (last.kind !== 'classes') throw new Error('Expected classes');
  t.is(last.count, 6);
  near(t, last.bits.mean, (3 * 1 + 3 * 2) / 6);
  near(t, last.accuracy.mean, 3 / 6);
  near(t, last.accuracy.fading, (1 + 4 + 16) / 63);
  t.is(last.noChange.count, 5);
  near(t, last.noChange.accuracy.mean, 3 / 5);
  // Majority said 0 0 0 0 1 before steps 2 to 6, where 0 1 1 1 2 came.
  near(t, last.majority.accuracy.mean, 1 / 5);
});

test('labels are judged one by one', t => {
  const metrics = createMetrics({ kind: 'labels' });
  const rows = [
    [1, 0, 1, 0],
    [1, 1, 0, 0],
    [1, 1, 1, 0],
  ].map(row => Float32Array.from(row));
  const found = rows.map((row, i) => {
    metrics.predicted(i + 1);
    return metrics.scored(i + 1, Float32Array.of(0.9, 0.5, 0.1, 0.2), row, 1)!;
  });
  const last = found.at(-1)!;
  if (last.kind !== 'labels') throw new Error('Expected labels');
  near(t, last.accuracy.mean, (2 + 4 + 3) / 12);
  near(t, last.noChange.accuracy.mean, (2 + 3) / 8);
  // Of two targets that differ, ½ counts as yes.
  near(t, last.majority.accuracy.mean, (2 + 4) / 8);
});

test('errors are in the units of the data, with the scale of the step that forecast', t => {
  const found = forecasts([1, 2, 3, 5], 2, { unscale: (values: ArrayLike<number>, n: number) => [10 * n + values[0]] });
  const last = found.at(-1)!;
  if (last.kind !== 'values') throw new Error('Expected values');
  // Steps 1 and 2 said 0 where 3 and 5 came; persistence knew 13 (step 1's target) only from step 3 on.
  near(t, last.mae.mean, (3 + 5) / 2);
  t.is(last.persistence.count, 0);
  const further = forecasts([1, 2, 3, 5, 7], 2, {
    unscale: (values: ArrayLike<number>, n: number) => [10 * n + values[0]],
  });
  const one = further.at(-1)!;
  if (one.kind !== 'values') throw new Error('Expected values');
  near(t, one.persistence.mae.mean, 37 - 13);
});

test('steps whose targets never come take a bounded room, and what is given up is told', t => {
  const metrics = createMetrics({ maxPending: 3 });
  for (let number = 1; number <= 10; number++) metrics.predicted(number);
  t.is(metrics.scored(7, [0], 1, 1), undefined);
  t.is(metrics.scored(8, [0], null, 1), undefined);
  t.is(metrics.scored(8, [0], 1, 1), undefined);
  metrics.dropped(9);
  t.is(metrics.scored(9, [0], 1, 1), undefined);
  t.like(metrics.scored(10, [0], 1, 1), { kind: 'values', number: 10, count: 1, unscored: 3 });
});

test('options that are wrong are refused', t => {
  const refused = (options: object, message: RegExp) =>
    t.throws(() => createMetrics(options), { instanceOf: ConfigError, message });
  for (const fading of [0, 1.1, Number.NaN]) refused({ fading }, /Expected fading to be above 0 and at most 1, got/);
  refused({ maxPending: 0 }, /maxPending/);
  refused({ kind: 'tokens' }, /kind/);
  refused({ unscale: 3 }, /unscale/);
});

test('a prediction that is no number is wrong, also where class 0 is right', t => {
  const metrics = createMetrics();
  metrics.predicted(1);
  const broken = Float32Array.of(Number.NaN, Number.NaN);
  const found = metrics.scored(1, broken, 0, Number.NaN);
  if (found?.kind !== 'classes') throw new Error('Expected classes');
  t.is(found.accuracy.mean, 0);
});
