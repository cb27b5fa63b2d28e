import test from 'ava';
import fc from 'fast-check';
import { ConfigError } from '../../src/errors.js';
import { createRandom } from '../../src/random.js';
import { normalQuantile } from '../../src/training/band.js';
import type { Metrics } from '../../src/training/judge.js';
import { createKappa } from '../../src/training/kappa.js';
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

/** Numbers of a history in three forms, as their definitions say: all, the newest `width`, and fading weights. */
function forms(values: readonly number[], width: number, alpha: number) {
  const weights = values.map((_, i) => alpha ** (values.length - 1 - i));
  const total = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0);
  return {
    mean: total(values) / values.length,
    window: total(values.slice(-width)) / Math.min(width, values.length),
    fading: total(values.map((value, i) => value * weights[i])) / total(weights),
  };
}

const keys = ['mean', 'window', 'fading'] as const;
const [width, alpha] = [7, 0.9];

test('of classes, everything is what a look at the whole history says, with targets that come late', t => {
  const classes = fc.integer({ min: 0, max: 3 });
  const steps = fc.array(fc.tuple(classes, classes), { minLength: 2, maxLength: 40 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 3 }), (history, delay) => {
      const season = 4;
      const metrics = createMetrics({ window: width, fading: alpha, season });
      let last: Metrics | undefined;
      // Step i says history[i][0], and its target comes before step i + delay + 1.
      history.forEach((_, i) => {
        metrics.predicted(i + 1);
        if (i < delay) return;
        const [answer, target] = history[i - delay];
        const prediction = Float32Array.from({ length: 4 }, (_, j) => (j === answer ? 0.7 : 0.1));
        last = metrics.scored(i - delay + 1, prediction, target, 1);
      });
      const scored = history.slice(0, Math.max(0, history.length - delay));
      if (scored.length === 0) return;
      if (last?.kind !== 'classes') throw new Error('Expected classes');
      const right = scored.map(([answer, target]) => (answer === target ? 1 : 0));
      // At step i the targets of steps below i − delay have come.
      const known = (i: number) => scored.slice(0, Math.max(0, i - delay)).map(([, target]) => target);
      const places = scored.map((_, i) => i).filter(i => known(i).length > 0);
      const noChange = places.map(i => (known(i).at(-1) === scored[i][1] ? 1 : 0));
      const seasonal = places.filter(i => i >= season && i - season < i - delay);
      const expected = forms(right, width, alpha);
      const kappaOf = (pairs: readonly (readonly [number, number])[], weights: readonly number[]): number => {
        const total = weights.reduce((a, b) => a + b, 0);
        const share = (which: 0 | 1, one: number): number =>
          pairs.reduce((sum, pair, i) => sum + (pair[which] === one ? weights[i] : 0), 0) / total;
        const chance = [0, 1, 2, 3].reduce((sum, one) => sum + share(0, one) * share(1, one), 0);
        const agreed = pairs.reduce((sum, [a, b], i) => sum + (a === b ? weights[i] : 0), 0) / total;
        return (agreed - chance) / (1 - chance);
      };
      const newest = scored.slice(-width);
      const kappa = {
        mean: kappaOf(
          scored,
          scored.map(() => 1),
        ),
        window: kappaOf(
          newest,
          newest.map(() => 1),
        ),
        fading: kappaOf(
          scored,
          scored.map((_, i) => alpha ** (scored.length - 1 - i)),
        ),
      };
      const own = forms(
        places.map(i => right[i]),
        width,
        alpha,
      );
      const still = forms(noChange, width, alpha);
      for (const key of keys) {
        near(t, last.accuracy[key], expected[key]);
        if (Math.abs(kappa[key]) < 1e6) near(t, last.kappa[key], kappa[key]);
        near(t, last.noChange.accuracy[key], still[key]);
        if (Math.abs(1 - still[key]) > 1e-6)
          near(t, last.kappaTemporal[key], (own[key] - still[key]) / (1 - still[key]));
      }
      t.is(last.season?.count, seasonal.length);
      const same = seasonal.map(i => (scored[i - season][1] === scored[i][1] ? 1 : 0));
      for (const key of keys) near(t, last.season!.accuracy[key], forms(same, width, alpha)[key]);
    }),
  );
});

test('of forecasts with a band, everything is what a look at the whole history says', t => {
  const tenths = fc.integer({ min: -50, max: 50 }).map(n => n / 10);
  const steps = fc.array(
    fc.tuple(
      tenths,
      fc.integer({ min: 1, max: 30 }).map(n => n / 10),
      tenths,
    ),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, history => {
      // Twice the number and one more are the units of the data.
      const metrics = createMetrics({
        kind: 'gaussian',
        window: width,
        fading: alpha,
        level: 0.8,
        unscale: values => Array.from(values, value => 2 * value + 1),
      });
      let last: Metrics | undefined;
      history.forEach(([mean, deviation, target], i) => {
        metrics.predicted(i + 1);
        last = metrics.scored(i + 1, [mean, deviation], target, 1);
      });
      if (last?.kind !== 'gaussian') throw new Error('Expected a gaussian');
      const raw = history.map(([mean, deviation, target]) => ({
        mean: 2 * mean + 1,
        deviation: 2 * deviation,
        y: 2 * target + 1,
      }));
      // z of 0.9
      const edges = raw.map(({ mean, deviation, y }) => ({
        y,
        low: mean - 1.2815515655446004 * deviation,
        high: mean + 1.2815515655446004 * deviation,
      }));
      const pinball = (y: number, q: number, tau: number): number => Math.max(tau * (y - q), (tau - 1) * (y - q));
      const expected = {
        coverage: forms(
          edges.map(({ y, low, high }) => (y >= low && y <= high ? 1 : 0)),
          width,
          alpha,
        ),
        pinball: forms(
          edges.map(({ y, low, high }) => (pinball(y, low, 0.1) + pinball(y, high, 0.9)) / 2),
          width,
          alpha,
        ),
        width: forms(
          edges.map(({ low, high }) => high - low),
          width,
          alpha,
        ),
      };
      const absolute = forms(
        raw.map(({ mean, y }) => Math.abs(y - mean)),
        width,
        alpha,
      );
      const squares = forms(
        raw.map(({ mean, y }) => (y - mean) ** 2),
        width,
        alpha,
      );
      const sizes = forms(
        raw.map(({ y }) => Math.abs(y)),
        width,
        alpha,
      );
      for (const key of keys) {
        near(t, last.band.coverage[key], expected.coverage[key]);
        near(t, last.band.pinball[key], expected.pinball[key]);
        near(t, last.band.width[key], expected.width[key]);
        near(t, last.mae[key], absolute[key]);
        near(t, last.rmse[key] ** 2, squares[key]);
        if (sizes[key] > 1e-9) near(t, last.mape[key], absolute[key] / sizes[key]);
      }
    }),
  );
});

test('normal quantiles are those of the tables', t => {
  for (const [p, z] of [
    [0.5, 0],
    [0.75, 0.6744897501960817],
    [0.9, 1.2815515655446004],
    [0.975, 1.959963984540054],
    [0.9995, 3.2905267314918945],
  ])
    t.true(Math.abs(normalQuantile(p) - z) < 1e-12, `${p}`);
});

test('metrics of a million steps take the room of a thousand', t => {
  const kappa = createKappa(0.999, 50);
  for (let i = 0; i < 1_000_000; i++) kappa.add(i % 3, (i * i) % 3);
  const all = kappa.read();
  // 2/3 right; said 1/3 each, true 1/3, 2/3 and 0: chance is 1/3, and κ ½.
  for (const key of ['mean', 'fading'] as const) t.true(Math.abs(all[key] - 0.5) < 2e-3, `${key} ${all[key]}`);
});

test('streams that are scored together have averages in common, and trivial predictors of their own', t => {
  const metrics = createMetrics({ kind: 'values' });
  const score = (key: string, number: number, value: number) => {
    metrics.predicted(number, undefined, key);
    const found = metrics.scored(number, [0], Float32Array.of(value), null, key);
    if (found?.kind !== 'values') throw new Error('Expected values');
    return [found.count, found.mae.mean, found.persistence.count, found.persistence.mae.mean];
  };
  t.deepEqual(score('a', 1, 10), [1, 10, 0, Number.NaN]);
  t.deepEqual(score('b', 1, 2), [2, 6, 0, Number.NaN]);
  t.deepEqual(score('a', 2, 12), [3, 8, 1, 2]);
  t.deepEqual(score('b', 2, 8), [4, 8, 2, 4]);
});

test('what was known before the first prediction is what the trivial predictors say of it, and is not scored', t => {
  const metrics = createMetrics({ kind: 'values', season: 3 });
  metrics.known(-2, Float32Array.of(10));
  metrics.known(-1, Float32Array.of(4));
  metrics.predicted(1);
  const found = metrics.scored(1, [0], Float32Array.of(5), null);
  if (found?.kind !== 'values') throw new Error('Expected values');
  t.deepEqual([found.count, found.unscored, found.mae.mean], [1, 0, 5]);
  t.deepEqual([found.persistence.mae.mean, found.mean.mae.mean, found.season!.mae.mean], [1, 2, 5]);
  t.throws(() => createMetrics().known(0, 1), { instanceOf: ConfigError, message: /^Expected kind/ });
});

test('metrics that go on from their state, written as JSON, are those of a stream that never stopped', t => {
  const random = createRandom(3);
  const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.uniform());
  const target = { classes: () => random.integer(3), labels: () => draw(3).map(Math.round), gaussian: () => draw(3) };
  for (const kind of ['classes', 'labels', 'gaussian'] as const) {
    const options = { kind, season: 4, window: 5, fading: 0.9 };
    const straight = createMetrics(options);
    let stopped = createMetrics(options);
    for (let number = 1; number <= 30; number++) {
      // Every target comes two steps late, so that each state has predictions that wait for theirs.
      const [prediction, truth] = [draw(kind === 'gaussian' ? 6 : 3), target[kind]()];
      const loss = number % 7 === 0 ? Number.POSITIVE_INFINITY : number % 3 === 0 ? null : random.uniform();
      const [a, b] = [straight, stopped].map(metrics => {
        metrics.predicted(number, undefined, 'x');
        return number > 2 ? metrics.scored(number - 2, prediction, truth, number < 20 ? loss : 1, 'x') : undefined;
      });
      if (number < 7) t.deepEqual(b, a);
      else t.deepEqual({ ...b, loss: 0, bits: 0 }, { ...a, loss: 0, bits: 0 });
      stopped = createMetrics(options, JSON.parse(JSON.stringify(stopped.state())));
    }
    // A loss that was infinite is no number after: both are told, and leave the window.
    t.is(stopped.state().loss.sum, null);
    t.is(stopped.state().loss.windowSum, straight.state().loss.windowSum);
  }
});

test('metrics that go on before the first target has come know what the outputs are', t => {
  const logits = Float32Array.of(0.5, -1);
  for (const [kind, prediction, target] of [
    ['labels', Float32Array.of(0.6, 0.3), Float32Array.of(1, 0)],
    ['gaussian', Float32Array.of(0.5, 2), Float32Array.of(1)],
  ] as const) {
    const begun = createMetrics();
    begun.predicted(1, { logits, prediction });
    const found = createMetrics({}, JSON.parse(JSON.stringify(begun.state()))).scored(1, prediction, target, 1);
    t.is(found?.kind, kind);
  }
});
