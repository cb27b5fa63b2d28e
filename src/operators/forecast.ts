import { Observable, type OperatorFunction } from 'rxjs';
import {
  createReadings,
  type Reading,
  type ReadingsEncoder,
  type ReadingsState,
  type Scale,
} from '../encoders/readings.js';
import { ConfigError, expect, expectOptions, InputError } from '../errors.js';
import type { Step } from '../model/transfer.js';
import type { Rollback } from '../training/guard.js';
import type { Metrics } from '../training/judge.js';
import { createMetrics } from '../training/metrics.js';
import { checkState, type StreamState } from '../training/stream.js';
import { checkTrainer, type Trainer, type Update } from '../training/trainer.js';
import { follow } from './follow.js';
import type { Learned } from './learned.js';
import { createLearner, trackMoment } from './tbptt.js';

export interface ForecastOptions {
  /** Names of the numbers of a row, in their order where rows are lists. A missing number is told to the network as such. */
  readonly columns: readonly string[];
  /** The columns that are foretold, one for each of the model's outputs. Default all. */
  readonly targets?: readonly string[];
  /** Rows ahead. Default 1. */
  readonly horizon?: number;
  /** Deviations from the mean beyond which a value is brought in, before it moves the statistics. Default 6. */
  readonly clamp?: number;
  /** Rows that the statistics look back on: older ones fade exponentially. Default all, with equal weight (Welford 1962). */
  readonly span?: number;
  /** Rows after which the stream repeats itself: what came then is one more trivial predictor. */
  readonly season?: number;
  /** To go on from, as an emitted `state()` gave it. */
  readonly state?: ForecastState;
}

/** Mean and unit of inputs and targets: plain data. */
export interface ForecastScales {
  readonly inputs: ReadingsState;
  readonly targets: ReadingsState;
}

/** The scale of a forecast, and the newest row that had all targets then, in the units of the data: what persistence says. Left out before there was one. */
export interface OpenForecast extends Scale {
  readonly newest?: readonly number[];
}

/** Everything that a forecasting stream remembers, but for its metrics, which begin anew. */
export interface ForecastState extends ForecastScales {
  readonly stream: StreamState;
  /** Forecasts whose rows have not come, the oldest first. */
  readonly open: readonly OpenForecast[];
  /** With a guard: what it would go back to, and what has yet to prove itself. */
  readonly marks?: readonly [ForecastScales, ForecastScales];
}

/** Numbers for each target, in the units of the data. */
export interface Foretold {
  readonly values: Float64Array;
  /** Standard deviations, where the outputs are `gaussian`. */
  readonly deviations?: Float64Array;
}

export type Forecast =
  /** What the row `horizon` after row `number` will be. */
  | ({ readonly kind: 'forecast'; readonly number: number; readonly step: Step; state(): ForecastState } & Foretold)
  /** That row came: what was foretold at row `number`, what is true, and how well things went so far, beside the trivial predictors. */
  | ({
      readonly kind: 'scored';
      readonly number: number;
      readonly actual: Float64Array;
      /** In nats, of standardised numbers. */
      readonly loss: number;
      readonly metrics: Metrics;
    } & Foretold)
  | { readonly kind: 'update'; readonly update: Update }
  /** Learner, stream and statistics went back to the last good snapshot. */
  | { readonly kind: 'rollback'; readonly number: number; readonly to: number; readonly rollback: Rollback };

/**
 * Foretells rows of numbers, and learns from each as it comes.
 *
 * It's like `tbptt` between two units: inputs and targets are standardised by running statistics that know the rows so far and no other,
 * each value clamped before it moves them, so that one spike does not ruin them; a forecast is read, and its target is standardised and
 * scored, with the statistics as of the moment when it was made; what comes out is in the units of the data.
 *
 * The target of a forecast is a late target: the trainer needs a `lateness` of horizon − 1. Where a target is missing, nothing is learned
 * from it. Errors with `InputError` at a row that is wrong.
 *
 * @param trainer of a model with 2 · columns features (numbers, then which are missing) and `values` or `gaussian` outputs
 * @throws ConfigError, at once, if the options and the model do not fit, or the state is of other columns or a longer horizon
 *
 * @example
 * rows.pipe(forecast(trainer, { columns: ['load'] })).subscribe(event => event.kind === 'forecast' && console.log(event.values[0]));
 */
export function forecast(trainer: Trainer, options: ForecastOptions): OperatorFunction<Reading, Forecast> {
  checkTrainer(trainer);
  expectOptions(options, ['columns', 'targets', 'horizon', 'clamp', 'span', 'season', 'state']);
  const { columns, targets = columns, horizon = 1, clamp, span, season, state: from } = options;
  for (const [name, list] of Object.entries({ columns, targets }))
    expect(Array.isArray(list), name, 'a list of names', list);
  const create = (names: readonly string[]) =>
    createReadings({
      kind: 'readings',
      columns: names.map(name => ({ name, nullable: true })),
      ...(clamp === undefined ? {} : { clamp }),
      ...(span === undefined ? {} : { span }),
    });
  const [encoder, aims] = [create(columns), create(targets)];
  const { input, output } = trainer.model.config;
  const places = targets.map(name => columns.indexOf(name));
  expect(!places.includes(-1), 'targets', `some of the columns (${columns.join(', ')})`, targets.join(', '));
  expect(Number.isInteger(horizon) && horizon >= 1, 'horizon', 'an integer from 1', horizon);
  const banded = output.kind === 'gaussian';
  expect(output.kind === 'values' || banded, 'the output of the model', "'values' or 'gaussian'", output.kind);
  expect(output.size === targets.length, 'output.size', `${targets.length}, one for each target`, output.size);
  const fits = input.kind === 'features' && input.size === encoder.input.size;
  expect(fits, 'input', `${encoder.input.size} features, two for each column`, `${input.size} ${input.kind}`);
  const { lateness, guard } = trainer.options;
  expect(lateness >= horizon - 1, 'lateness', `at least ${horizon - 1}, for a horizon of ${horizon}`, lateness);
  createMetrics({ season });

  if (from !== undefined) checkForecastState(from, trainer, encoder, aims, horizon);

  /** The targets of a row; NaN where one is missing. */
  const aimOf = (row: Reading): number[] => {
    if (typeof row !== 'object' || row === null)
      throw new InputError(`Expected a row of numbers, got ${row === null ? 'null' : typeof row}`);
    const list = row as ArrayLike<number | null | undefined> & Record<string, number | null | undefined>;
    const isList = Array.isArray(row) || ArrayBuffer.isView(row);
    return targets.map((name, i) => (isList ? list[places[i]] : list[name]) ?? Number.NaN);
  };

  /** Standardised numbers of the model in the units of the data. */
  const inUnits = (scale: Scale, said: ArrayLike<number>): Foretold => ({
    values: aims.unscale(scale, said),
    ...(banded && { deviations: Float64Array.from(targets, (_, i) => scale.units[i] * said[targets.length + i]) }),
  });

  return source =>
    new Observable(subscriber => {
      let scales: ForecastScales = from ?? { inputs: encoder.initial(), targets: aims.initial() };
      let marks = guard && (from?.marks ?? ([scales, scales] as const));
      const open: OpenForecast[] = [...(from?.open ?? [])];
      let newest = open.at(-1)?.newest;
      let steps = from?.stream.steps ?? 0;
      const track = trackMoment();
      let scored: Scale | undefined;
      const metrics = createMetrics({
        ...(season === undefined ? {} : { season }),
        kind: output.kind,
        unscale: values => aims.unscale(scored!, values),
      });

      const stateOf = (stream: () => StreamState): (() => ForecastState) =>
        track(() => ({ stream: stream(), ...scales, open: [...open], ...(marks ? { marks } : {}) }));

      const heed = (event: Learned): void => {
        if (event.kind === 'step') {
          const { number, step, state } = event;
          metrics.predicted(number);
          subscriber.next({
            kind: 'forecast',
            number,
            step,
            ...inUnits(open.at(-1)!, step.prediction),
            state: stateOf(state),
          });
        } else if (event.kind === 'late') {
          const { number, prediction, target, loss } = event;
          const found = metrics.scored(number, prediction, target, loss);
          if (found === undefined) return;
          const actual = aims.unscale(scored!, target as Float32Array);
          subscriber.next({
            kind: 'scored',
            number,
            ...inUnits(scored!, prediction),
            actual,
            loss: loss!,
            metrics: found,
          });
        } else if (event.kind === 'expired') metrics.dropped(event.number);
        else if (event.kind === 'update') {
          if (marks && event.update.good) marks = [marks[1], scales];
          subscriber.next({ kind: 'update', update: event.update });
        } else if (event.kind === 'rollback') {
          if (marks) {
            marks = [marks[0], marks[0]];
            scales = marks[0];
          }
          const { number, to, rollback } = event;
          subscriber.next({ kind: 'rollback', number, to, rollback });
        }
      };

      // The trivial predictors are judged on the very forecasts that the network is.
      for (const [i, forecast] of open.entries()) {
        const number = steps - open.length + 1 + i;
        scored = forecast;
        if (forecast.newest) metrics.known(number - horizon, aims.standardize(forecast, forecast.newest)!);
        metrics.predicted(number);
      }
      const learner = createLearner(trainer, heed, from?.stream, () => subscriber.closed);
      follow(source, subscriber, {
        next(row) {
          // States that were told of are outdated from here on.
          track(() => undefined);
          const aim = aimOf(row);
          const answers = open.length === horizon;
          if (answers) {
            scored = open.shift()!;
            learner.next({ forStep: steps - horizon + 1, target: aims.standardize(scored, aim) });
            if (subscriber.closed) return;
          }
          const inputs = encoder.encode(scales.inputs, row);
          scales = { inputs: inputs.state, targets: aims.encode(scales.targets, aim).state };
          const scale = aims.scale(scales.targets);
          if (aims.standardize(scale, aim)) newest = aim.map(Number);
          open.push(newest ? { ...scale, newest } : scale);
          steps++;
          // Persistence knows what the network knows, also of rows that answer no forecast.
          const known = answers ? null : aims.standardize(scale, aim);
          if (known) {
            scored = scale;
            metrics.known(steps - horizon, known);
          }
          learner.next({ input: inputs.inputs[0] });
        },
        complete: learner.finish,
      });
    });
}

/** @throws ConfigError if the state is of other columns, or a longer horizon */
function checkForecastState(
  from: ForecastState,
  trainer: Trainer,
  encoder: ReadingsEncoder,
  aims: ReadingsEncoder,
  horizon: number,
): void {
  const count = aims.config.columns.length;
  expect(typeof from === 'object' && from !== null, 'state', 'what an emitted state() gave', from);
  checkState(trainer, from.stream);
  for (const { inputs, targets: known } of [from, ...(from.marks ?? [])]) {
    try {
      encoder.restore(inputs);
      aims.restore(known);
    } catch (cause) {
      throw new ConfigError(`Expected state to be of these columns and targets. ${(cause as Error).message}`, {
        cause,
      });
    }
  }
  const { open } = from;
  expect(
    Array.isArray(open) && open.length <= horizon,
    'state.open',
    `at most ${horizon} scales, as many as the horizon`,
    open?.length,
  );
  const isRow = (row: readonly number[]): boolean => row?.length === count && row.every(Number.isFinite);
  const bad = open.findIndex(
    scale => !(isRow(scale?.means) && isRow(scale.units) && isRow(scale.newest ?? scale.means)),
  );
  expect(bad < 0, `state.open[${bad}]`, `means, units and newest of ${count}`, JSON.stringify(open[bad]));
}
