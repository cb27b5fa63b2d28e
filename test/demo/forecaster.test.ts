import test from 'ava';
import { demoModule } from '../helpers/demo-modules.js';

const loads = Array.from({ length: 40 }, (_, t) => ({
  time: 250 * t,
  cpu: 0.4 + 0.3 * Math.sin(t),
  memory: 0.5,
  delay: t % 5 === 0 ? 9 : 1 + 0.1 * t,
}));

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
  const { createForecaster, together } = await demoModule(t, 'sense/forecaster.ts');
  const forecaster = createForecaster();
  let scored: { error: number; persistence: number; moves: boolean }[] = [];
  loads.forEach((load, i) => {
    for (const item of forecaster.items(load)) {
      if ('forStep' in item) {
        t.is(item.forStep, i);
        scored = forecaster.score(i);
      } else {
        t.is(item.input.length, 3);
      }
    }
    const said: number[] = [...forecaster.forecast(i + 1, new Float32Array(3))];
    t.true([load.cpu, load.memory, load.delay].every((value, c) => Math.abs(said[c] - value) < 1e-12));
  });
  const changes = loads.slice(1).map((load, i) => load.delay - loads[i].delay);
  t.true(Math.abs(scored[2].error - fadingMean(changes)) < 1e-12);
  t.is(scored[1].error, 0, 'what does not move is foretold to stay');
  for (const { error, persistence } of scored) t.true(Math.abs(error - persistence) < 1e-12);
  t.deepEqual(
    scored.map(({ moves }) => moves),
    [true, false, true],
  );
  const { error, persistence } = together(scored);
  t.true(Math.abs(error - persistence) < 1e-12);
  t.true(error > 0.5 && error < 1.5, 'in usual changes, over the columns that move');
});

test('what was learned would have been right: the target is the change, in the unit of its moment', async t => {
  const { createForecaster } = await demoModule(t, 'sense/forecaster.ts');
  const [oracle, forecaster] = [createForecaster(), createForecaster()];
  const targets: Float32Array[] = [];
  for (const load of loads) {
    for (const item of oracle.items(load)) if ('target' in item) targets.push(item.target);
  }
  t.true(
    targets.every(target => target.every(value => Math.abs(value) <= 1.5)),
    'a leap is bounded',
  );
  let scored: { error: number; persistence: number }[] = [];
  loads.forEach((load, i) => {
    if (forecaster.items(load).length === 2) scored = forecaster.score(i);
    if (i < targets.length) forecaster.forecast(i + 1, targets[i]);
  });
  t.true(scored[0].error < 0.2 * scored[0].persistence);
});

test('a forecast that came too late scores nothing', async t => {
  const { createForecaster } = await demoModule(t, 'sense/forecaster.ts');
  const forecaster = createForecaster();
  forecaster.items(loads[0]);
  forecaster.items(loads[1]);
  t.is(forecaster.score(1), undefined, 'it has not come yet');
  for (let i = 0; i < 100; i++) forecaster.items(loads[i % 40]);
  t.is(forecaster.forecast(1, new Float32Array(3)), undefined);
});
