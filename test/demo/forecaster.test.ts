import test from 'ava';
import { demoModule } from '../helpers/demo-modules.js';

interface Judged {
  readonly scored: readonly { error: number; persistence: number; mean: number; usual: number; moves: boolean }[];
  readonly surprise: number;
  readonly within: number;
}

const names = ['cpu', 'memory', 'delay'] as const;
const log = { see: (delay: number) => Math.log(delay + 0.5), tell: (seen: number) => Math.exp(seen) - 0.5 };
const source = {
  columns: [{ name: 'cpu', least: 0, most: 1 }, { name: 'memory' }, { name: 'delay', view: log }],
  others: [],
};
const loads = Array.from({ length: 40 }, (_, t) => ({
  cpu: 0.4 + 0.3 * Math.sin(t),
  memory: 0.5,
  delay: t % 5 === 0 ? 9 : 1 + 0.1 * t,
}));
/** No change, and a deviation of one usual change. */
const nothing = Float32Array.of(0, 0, 0, 1, 1, 1);

/** The fading mean of sizes, with α = 0.99. */
function fadingMean(errors: readonly number[]): number {
  let sum = 0;
  let count = 0;
  for (const error of errors) {
    sum = Math.abs(error) + 0.99 * sum;
    count = 1 + 0.99 * count;
  }
  return sum / count;
}

test('a network that says nothing is as good as “same as now”, and its errors are in units of the data', async t => {
  const { createForecaster, together } = await demoModule('sense/forecaster.ts');
  const forecaster = createForecaster(source);
  t.deepEqual(forecaster.config.output, { kind: 'gaussian', size: 3 });
  let judged: Judged | undefined;
  loads.forEach((load, i) => {
    for (const item of forecaster.items(load)) {
      if ('forStep' in item) {
        t.is(item.forStep, i);
        judged = forecaster.judge(i);
      } else {
        t.is(item.input.length, forecaster.config.input.size);
      }
    }
    const { values, low, high } = forecaster.forecast(i + 1, nothing);
    t.true(names.every((name, c) => Math.abs(values[c] - load[name]) < 1e-12));
    t.true(low.every((value: number, c: number) => value <= values[c] && values[c] <= high[c]));
    t.true(low[0] >= 0 && high[0] <= 1, 'no band is beyond what can be');
  });
  const { scored } = judged!;
  const changes = loads.slice(1).map((load, i) => load.delay - loads[i].delay);
  t.true(Math.abs(scored[2].error - fadingMean(changes)) < 1e-12);
  t.is(scored[1].error, 0, 'what does not move is foretold to stay');
  for (const { error, persistence } of scored) t.true(Math.abs(error - persistence) < 1e-12);
  t.true(scored[0].mean > 0);
  t.deepEqual(
    scored.map(({ moves }) => moves),
    [true, false, true],
  );
  const { error, persistence } = together(scored);
  t.true(Math.abs(error - persistence) < 1e-12);
  t.true(error > 0.5 && error < 1.5, 'in usual changes, over the columns that move');
});

test('what was learned would have been right: the target is the change, in the unit of its moment', async t => {
  const { createForecaster } = await demoModule('sense/forecaster.ts');
  const [oracle, forecaster] = [createForecaster(source), createForecaster(source)];
  const targets: Float32Array[] = [];
  for (const load of loads) {
    for (const item of oracle.items(load)) if ('target' in item) targets.push(item.target);
  }
  t.true(
    targets.every(target => target.every(value => Math.abs(value) <= 4)),
    'a leap is bounded',
  );
  const surprises: number[] = [];
  let judged: Judged | undefined;
  loads.forEach((load, i) => {
    if (forecaster.items(load).length === 2) judged = forecaster.judge(i);
    if (judged) surprises.push(judged.surprise);
    const sure = i % 2 === 0 ? 0.1 : 1;
    if (i < targets.length) forecaster.forecast(i + 1, Float32Array.of(...targets[i], sure, sure, sure));
  });
  t.true(judged!.scored[0].error < 0.2 * judged!.scored[0].persistence);
  t.true(judged!.within > 0.9);
  const [even, odd] = [0, 1].map(of => surprises.slice(20).filter((_, i) => i % 2 === of));
  t.true(Math.abs(even[4] - odd[4]) > 2, 'who is sure and right is surprised less');
});

test('a value that is missing is nothing to learn or to judge, and the forecast goes on from the last one', async t => {
  const { createForecaster } = await demoModule('sense/forecaster.ts');
  const forecaster = createForecaster(source);
  forecaster.items(loads[0]);
  forecaster.items(loads[1]);
  const [late] = forecaster.items({ ...loads[2], cpu: null });
  t.is(late.target, null);
  t.is(forecaster.forecast(3, nothing).values[0], loads[1].cpu);
  const [next] = forecaster.items(loads[3]);
  t.true(next.target[0] !== 0, 'the change since the last one that was there');
  t.true(Number.isFinite(forecaster.judge(3).surprise));
});

test('a forecast that came too late scores nothing', async t => {
  const { createForecaster } = await demoModule('sense/forecaster.ts');
  const forecaster = createForecaster(source);
  forecaster.items(loads[0]);
  forecaster.items(loads[1]);
  t.is(forecaster.judge(1), undefined, 'it has not come yet');
  for (let i = 0; i < 100; i++) forecaster.items(loads[i % 40]);
  t.is(forecaster.forecast(1, nothing), undefined);
});
