import test from 'ava';
import { from, Subject, Subscription } from 'rxjs';
import { createReadings, type Reading } from '../../src/encoders/readings.js';
import { ConfigError, StaleStateError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { type Forecast, type ForecastOptions, type ForecastState, forecast } from '../../src/operators/forecast.js';
import type { Example, LateTarget } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createTrainer, type TrainerOptions } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { config } from '../helpers/models.js';

type Kind = 'values' | 'gaussian';
const columns = ['load', 'heat'];

/** A daily wave of some thousands, and another column; a tenth of the rows lacks its second number. */
function rows(count: number, seed = 1): [number, number | null][] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => [
    5000 + 800 * Math.sin(i / 4) + 40 * random.normal(),
    random.uniform() < 0.1 ? null : 20 + Math.cos(i / 4),
  ]);
}

async function learner(kind: Kind, options: TrainerOptions = {}, targets = 1) {
  const model = await createModel(config('gru', [12], { kind: 'features', size: 4 }, { kind, size: targets }), {
    seed: 2,
  });
  return createTrainer(model, { k1: 2, k2: 8, optimizer: { kind: 'adam', rate: 0.005 }, ...options });
}

function run(
  trainer: Parameters<typeof forecast>[0],
  given: readonly Reading[],
  options: Partial<ForecastOptions> = {},
) {
  const events: Forecast[] = [];
  from(given)
    .pipe(forecast(trainer, { columns, targets: ['load'], ...options }))
    .subscribe({ next: event => events.push(event), error: error => events.push({ kind: 'error', error } as never) });
  return events;
}

const say = (events: readonly Forecast[]) =>
  events.map(event =>
    event.kind === 'forecast' || event.kind === 'scored' ? [event.kind, event.number, ...event.values] : event.kind,
  );

for (const horizon of [1, 3]) {
  test(`forecasts ${horizon} ahead are tbptt between two units, by hand`, async t => {
    const given = rows(60);
    const [trainer, other] = [await learner('values', { lateness: 2 }), await learner('values', { lateness: 2 })];
    const events = run(trainer, given, { horizon });
    const nullable = (names: string[]) => names.map(name => ({ name, nullable: true }));
    const inputs = createReadings({ kind: 'readings', columns: nullable(columns) });
    const targets = createReadings({ kind: 'readings', columns: nullable(['load']) });
    let [a, b] = [inputs.initial(), targets.initial()];
    const scales: ReturnType<typeof targets.scale>[] = [];
    const items: (Example | LateTarget)[] = [];
    given.forEach((row, i) => {
      if (i >= horizon)
        items.push({ forStep: i - horizon + 1, target: targets.standardize(scales[i - horizon], [row[0]]) });
      const encoded = inputs.encode(a, row);
      a = encoded.state;
      b = targets.encode(b, [row[0]]).state;
      scales.push(targets.scale(b));
      items.push({ input: encoded.inputs[0] });
    });
    const expected: unknown[] = [];
    from(items)
      .pipe(tbptt(other))
      .subscribe(event => {
        if (event.kind === 'step')
          expected.push([
            'forecast',
            event.number,
            ...targets.unscale(scales[event.number - 1], event.step.prediction),
          ]);
        else if (event.kind === 'late')
          expected.push(['scored', event.number, ...targets.unscale(scales[event.number - 1], event.prediction)]);
        else expected.push(event.kind);
      });
    t.deepEqual(say(events), expected);
    const [x, y] = [trainer.model.weights(), other.model.weights()];
    for (const name of Object.keys(x)) t.is(firstDifference(x[name], y[name]), -1, name);
    for (const event of events)
      if (event.kind === 'scored') t.true(Math.abs(event.actual[0] - given[event.number - 1 + horizon][0]) < 1e-3);
  });
}

test('a stream left after any row, also in the middle of a window, goes on with the same bits', async t => {
  for (const kind of ['values', 'gaussian'] as const) {
    const options: TrainerOptions = {
      k1: 3,
      lateness: 2,
      replay: { windows: 1, capacity: 20 },
      readout: { optimizer: { kind: 'sgd', rate: 0.05 } },
      guard: { every: 4 },
    };
    const given = rows(50);
    const straight = await learner(kind, options);
    const whole = say(run(straight, given, { horizon: 2 }));
    for (const cut of [1, 2, 7, 23, 50]) {
      const trainer = await learner(kind, options);
      const source = new Subject<Reading>();
      const told: Forecast[] = [];
      let state: ForecastState | undefined;
      const subscription = new Subscription();
      subscription.add(
        source.pipe(forecast(trainer, { columns, targets: ['load'], horizon: 2 })).subscribe(event => {
          told.push(event);
          if (event.kind !== 'forecast' || event.number !== cut) return;
          state = structuredClone(event.state());
          subscription.unsubscribe();
        }),
      );
      for (const row of given.slice(0, cut)) source.next(row);
      told.push(...run(trainer, given.slice(cut), { horizon: 2, state }));
      t.deepEqual(say(told), whole, `${kind}, left after ${cut}`);
      const [x, y] = [straight.model.weights(), trainer.model.weights()];
      for (const name of Object.keys(x)) t.is(firstDifference(x[name], y[name]), -1, `${kind} ${cut} ${name}`);
      // Scales that begin anew are seen.
      if (cut !== 23) continue;
      const broken = run(await learner(kind, options), given.slice(cut), { horizon: 2 });
      t.notDeepEqual(say(broken), whole.slice(-broken.length));
    }
  }
});

test('a state that was told of is stale once the next row is taken', async t => {
  const source = new Subject<Reading>();
  const events: Forecast[] = [];
  source.pipe(forecast(await learner('values'), { columns, targets: ['load'] })).subscribe(event => events.push(event));
  source.next([1, 2]);
  source.next([2, 3]);
  const [first] = events.filter(event => event.kind === 'forecast');
  t.throws(() => first.state(), { instanceOf: StaleStateError });
});

test('a network that learns beats persistence and the last season; bands hold what they should', async t => {
  const trainer = await learner('gaussian', { k1: 1, k2: 16, replay: { windows: 1, capacity: 200 } });
  const scored = run(trainer, rows(1500), { season: 25 }).filter(event => event.kind === 'scored');
  const last = scored.at(-1)!;
  const { metrics } = last;
  if (metrics.kind !== 'gaussian') throw new Error('Expected a gaussian');
  t.log(
    ...[metrics.mae, metrics.persistence.mae, metrics.season!.mae].map(average => average.window.toFixed(1)),
    metrics.band.coverage.window.toFixed(3),
  );
  t.true(metrics.mae.window < 0.7 * metrics.persistence.mae.window);
  t.true(metrics.mae.window < metrics.season!.mae.window);
  t.true(metrics.mae.window < 70, 'in the units of the data, where the noise is 40');
  t.true(Math.abs(metrics.band.coverage.window - 0.9) < 0.05);
});

test('persistence is measured over the same steps as the network, and right in the units of the data', async t => {
  for (const horizon of [1, 3]) {
    const given = rows(30).map(([load]) => [Math.round(load), 0]);
    const scored = run(await learner('values', { lateness: 2 }), given, { horizon }).flatMap(event =>
      event.kind === 'scored' ? [event.metrics] : [],
    );
    const last = scored.at(-1);
    if (last?.kind !== 'values') throw new Error('Expected values');
    t.is(last.count, given.length - horizon);
    t.is(last.persistence.count, last.count);
    t.is(last.mean.count, last.count);
    const errors = given.slice(horizon).map(([load], i) => Math.abs(load - given[i][0]));
    const expected = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    t.true(Math.abs(last.persistence.mae.mean / expected - 1) < 1e-5, `${last.persistence.mae.mean}, ${expected}`);
  }
});

test('persistence is measured over the same steps as the network from where a stream goes on, too', async t => {
  for (const horizon of [1, 3]) {
    const given = rows(30).map(([load], i): [number | null, number] => [i === 19 ? null : Math.round(load), 0]);
    const trainer = await learner('values', { lateness: 2 });
    for (const cut of [12, 20]) {
      let state: ForecastState | undefined;
      const subscription = new Subscription();
      const source = new Subject<Reading>();
      subscription.add(
        source.pipe(forecast(trainer, { columns, targets: ['load'], horizon })).subscribe(event => {
          if (event.kind !== 'forecast' || event.number !== cut) return;
          state = { ...event.state(), open: JSON.parse(JSON.stringify(event.state().open)) };
          subscription.unsubscribe();
        }),
      );
      for (const row of given.slice(0, cut)) source.next(row);
      const scored = run(trainer, given.slice(cut), { horizon, state }).flatMap(event =>
        event.kind === 'scored' ? [event] : [],
      );
      const errors = scored.map(({ number, actual }) => {
        const known = given
          .slice(0, number)
          .filter(([load]) => load !== null)
          .at(-1)!;
        return Math.abs(actual[0] - known[0]!);
      });
      for (const [i, { number, metrics }] of scored.entries()) {
        if (metrics.kind !== 'values') throw new Error('Expected values');
        t.is(metrics.count, i + 1);
        t.is(metrics.persistence.count, metrics.count, `${horizon} ahead, cut after ${cut}, row ${number}`);
        t.is(metrics.mean.count, metrics.count);
        const expected = errors.slice(0, i + 1).reduce((sum, error) => sum + error, 0) / (i + 1);
        t.true(Math.abs(metrics.persistence.mae.mean - expected) < 1e-3 * expected);
      }
      t.is(scored[0].number, cut - horizon + 1);
    }
  }
});

test('a spike of a million deviations moves the statistics a little, and forecasts soon are what they were', async t => {
  const given = rows(1200);
  const spiked = given.map((row, i): (typeof given)[number] => (i === 400 ? [5000 + 800 * 1e6, 20 * 1e6] : row));
  const errors = async (some: typeof given, options: Partial<ForecastOptions> = {}) => {
    const trainer = await learner('values', { loss: { kind: 'huber' } });
    let state: ForecastState | undefined;
    const events: Forecast[] = [];
    from(some)
      .pipe(forecast(trainer, { columns, targets: ['load'], ...options }))
      .subscribe(event => {
        events.push(event);
        if (event.kind === 'forecast' && event.number === some.length) state = event.state();
      });
    const late = events.filter(event => event.kind === 'scored' && event.number > 700);
    const forecasts = events.filter(event => event.kind === 'forecast');
    const [scale] = state!.targets.columns;
    const sum = late.reduce(
      (total, event) => (event.kind === 'scored' ? total + Math.abs(event.actual[0] - event.values[0]) : total),
      0,
    );
    return { mae: sum / late.length, scale, forecasts };
  };
  for (const span of [undefined, 300]) {
    const [calm, disturbed] = [await errors(given, { span }), await errors(spiked, { span })];
    t.log(`error ${calm.mae.toFixed(1)}, after a spike ${disturbed.mae.toFixed(1)}`);
    t.true(disturbed.mae < 1.15 * calm.mae);
    t.true(Math.abs(disturbed.scale.mean / calm.scale.mean - 1) < 0.01);
    t.true(Math.abs(disturbed.scale.variance / calm.scale.variance - 1) < 0.1);
    t.true(disturbed.forecasts.every(event => event.kind === 'forecast' && Number.isFinite(event.values[0])));
    // Up to the spike nothing of it is known: the same bits.
    t.deepEqual(say(disturbed.forecasts.slice(0, 400)), say(calm.forecasts.slice(0, 400)));
  }
  // Statistics that take it as it is are ruined.
  const open = await errors(spiked, { clamp: 1e9 });
  t.true(open.scale.variance > 1e6 * 800 ** 2);
});

test('rows may be records, and a missing target teaches nothing', async t => {
  const trainer = await learner('values', { k1: 1 });
  const events = run(trainer, [{ load: 1, heat: 2 }, { load: null, heat: 3 }, { load: 4 }]);
  t.deepEqual(
    events.map(event => event.kind),
    ['forecast', 'forecast', 'scored', 'update', 'forecast'],
  );
  for (const row of [null, undefined, 'x'] as never[]) {
    const [event] = run(trainer, [row]) as unknown as { error: Error }[];
    t.like(event.error, {
      code: 'EDDY_INPUT',
      message: `Expected a row of numbers, got ${row === null ? 'null' : typeof row}`,
    });
  }
});

test('a state that does not fit is refused at once', async t => {
  const trainer = await learner('values', { lateness: 2 });
  let state: ForecastState | undefined;
  from(rows(20))
    .pipe(forecast(trainer, { columns, targets: ['load'], horizon: 3 }))
    .subscribe(event => {
      if (event.kind === 'forecast') state = event.state();
    });
  const resumed = (part: object | null, horizon = 3) =>
    forecast(trainer, {
      columns,
      targets: ['load'],
      horizon,
      state: part && ({ ...state!, ...part } as ForecastState),
    } as ForecastOptions);
  const refused = (message: RegExp, ...given: Parameters<typeof resumed>) =>
    t.throws(() => resumed(...given), { instanceOf: ConfigError, message });
  t.notThrows(() => resumed({}));
  refused(/state to be what an emitted state\(\) gave, got null/, null);
  refused(/state\.open to be at most 1 scales, as many as the horizon, got 3/, {}, 1);
  refused(/state\.open to be at most 3 scales, .*got undefined/, { open: undefined });
  refused(/state\.open\[0\] to be means, units and newest of 1/, { open: [{ means: [1], units: [] }] });
  refused(/state\.open\[0\] to be means, units and newest of 1/, {
    open: [{ means: [1], units: [1], newest: [null] }],
  });
  refused(/state\.carry/, { stream: {} });
  refused(/state to be of these columns and targets/, { inputs: state!.targets });
  refused(/state to be of these columns and targets/, { targets: undefined });
});

test('what does not fit is refused at once', async t => {
  const trainer = await learner('values');
  const refused = (options: Partial<ForecastOptions>, message: RegExp) =>
    t.throws(() => forecast(trainer, { columns, targets: ['load'], ...options }), { instanceOf: ConfigError, message });
  refused({ horizon: 0 }, /horizon to be an integer from 1, got 0/);
  refused({ horizon: 3 }, /lateness to be at least 2, for a horizon of 3, got 0/);
  refused({ targets: ['cold'] }, /targets to be some of the columns/);
  refused({ targets: ['load', 'heat'] }, /output\.size to be 2, one for each target, got 1/);
  refused({ columns: ['load'] }, /input to be 2 features, two for each column, got 4 features/);
  refused({ columns: 'ab' as never }, /columns to be a list of names, got ab/);
  refused({ horizn: 2 } as object, /option to be one of columns, .*got horizn/);
  refused({ clamp: -1 }, /clamp/);
  refused({ season: 0 }, /season/);
  const classes = createTrainer(
    await createModel(config('gru', [3], { kind: 'features', size: 4 }, { kind: 'classes', size: 2 })),
  );
  t.throws(() => forecast(classes, { columns, targets: ['load'] }), { message: /'values' or 'gaussian', got classes/ });
});
