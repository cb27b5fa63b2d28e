import test from 'ava';
import { from, lastValueFrom, map, toArray } from 'rxjs';
import type { OutputKind } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import type { Example, Learned } from '../../src/operators/learned.js';
import { next } from '../../src/operators/next.js';
import { prequential } from '../../src/operators/prequential.js';
import { tbptt } from '../../src/operators/tbptt.js';
import type { Metrics } from '../../src/training/judge.js';
import type { Target } from '../../src/training/loss.js';
import { createMetrics } from '../../src/training/metrics.js';
import { createTrainer } from '../../src/training/trainer.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { config } from '../helpers/models.js';

const row = (...values: number[]): Float32Array => Float32Array.from(values);

function stepped(number: number, answer: number, target: number | null | undefined, loss: number | null): Learned {
  const step = { logits: row(answer), prediction: row(answer), carry: row() };
  const values = typeof target === 'number' ? row(target) : target;
  return { kind: 'step', number, step, target: values, loss, state: () => ({}) as never };
}

function late(number: number, answer: number, target: number | null, loss: number | null): Learned {
  const values = target === null ? null : row(target);
  return { kind: 'late', number, prediction: row(answer), target: values, loss, state: () => ({}) as never };
}

keepsContract<Learned, Metrics>('prequential', {
  make: async () => prequential({ fading: 0.9 }),
  items: [stepped(1, 0, 1, 0.5), stepped(2, 1, 3, 2), stepped(3, 2, 2, 0), stepped(4, 2, 5, 4.5)],
  expected: async items => {
    const metrics = createMetrics({ fading: 0.9 });
    return (items as Extract<Learned, { kind: 'step' }>[]).map(({ number, step, target, loss }) => {
      metrics.predicted(number, step);
      return metrics.scored(number, step.prediction, target!, loss!);
    });
  },
  show: output => output,
  wrongArguments: [
    { what: 'a fading factor of 0', call: () => prequential({ fading: 0 }), code: 'EDDY_CONFIG' },
    { what: 'an option that it does not have', call: () => prequential({ fade: 0.9 } as object), code: 'EDDY_CONFIG' },
    { what: 'an unscale that is none', call: () => prequential({ unscale: 1 as never }), code: 'EDDY_CONFIG' },
  ],
});

test('each scored step gives metrics, when its target comes; updates, steps without a target and expired ones give none', t => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  abcdefghi|', {
      a: stepped(1, 0, 2, 2),
      b: stepped(2, 0, undefined, null),
      c: stepped(3, 0, null, null),
      d: stepped(4, 0, undefined, null),
      e: { kind: 'expired', number: 2 },
      f: { kind: 'update', update: {} as never, state: () => ({}) as never },
      g: late(4, 0, 6, 18),
      h: late(2, 0, 6, 18),
      i: { kind: 'duplicate', number: 4 },
    } satisfies Record<string, Learned>);
    const subscribed = '   ^--------!';
    const expected = '     a-----g--|';
    const summary = source.pipe(
      prequential(),
      map(metrics => [
        metrics.number,
        metrics.count,
        metrics.loss.mean,
        metrics.kind === 'values' && metrics.persistence,
      ]),
    );
    const form = (value: number) => ({ mean: value, window: value, fading: value });
    const [none, four] = [form(Number.NaN), form(4)];
    expectObservable(summary).toBe(expected, {
      a: [1, 1, 2, { count: 0, mae: none, rmse: none, mape: none }],
      g: [4, 2, 10, { count: 1, mae: four, rmse: four, mape: form(4 / 6) }],
    });
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('a sine is learned far better than persistence forecasts it', async t => {
  const series = Array.from({ length: 1200 }, (_, i) => row(Math.sin(i / 5)));
  const model = await createModel(config('gru', [12], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }));
  const horizon = 3;
  const trainer = createTrainer(model, { optimizer: { kind: 'adam', rate: 0.001 }, k1: 1, k2: 8, lateness: horizon });
  const all = await lastValueFrom(
    from(series).pipe(next({ horizon }), tbptt(trainer), prequential({ fading: 0.99 }), toArray()),
  );
  const last = all.at(-1)!;
  if (last.kind !== 'values') throw new Error('Expected values');
  t.is(all.length, series.length - horizon);
  t.true(last.mae.fading < 0.1 * last.persistence.mae.fading, `${last.mae.fading}, ${last.persistence.mae.fading}`);
  // |sin(x + a) − sin(x)| has the mean 2 sin(a / 2) · 2 / π.
  t.true(Math.abs(last.persistence.mae.mean - 2 * Math.sin(0.3) * (2 / Math.PI)) < 0.01);
});

test('what kind of output it is follows from the first step, targets in time or late', async t => {
  const kinds: [OutputKind, Target][] = [
    ['classes', 1],
    ['labels', row(1, 0)],
    ['values', row(0.5, 2)],
    ['gaussian', row(0.5, 2)],
  ];
  for (const [kind, target] of kinds) {
    for (const late of [false, true]) {
      const model = await createModel(config('gru', [4], { kind: 'features', size: 1 }, { kind, size: 2 }));
      const input = row(1);
      const items = late ? [{ input }, { forStep: 1, target }] : [{ input, target }];
      const found = await lastValueFrom(
        from(items as Example[]).pipe(tbptt(createTrainer(model, { lateness: 1 })), prequential()),
      );
      t.is(found.kind, kind, `${kind} ${late ? 'late' : 'in time'}`);
    }
  }
});

test('a step without a loss of its own has no part in the mean loss, and is scored else', async t => {
  const losses = async (...events: Learned[]): Promise<[number, number, number][]> => {
    const scored = await lastValueFrom(from(events).pipe(prequential(), toArray()));
    return scored.map(metrics => [metrics.count, metrics.loss.mean, metrics.kind === 'values' ? metrics.mae.mean : -1]);
  };
  t.deepEqual(await losses(stepped(1, 0, 2, null), stepped(2, 0, 4, 8), stepped(3, 0, 6, null)), [
    [1, Number.NaN, 2],
    [2, 8, 3],
    [3, 8, 4],
  ]);
});
