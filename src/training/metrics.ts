import { ConfigError, expectOptions } from '../errors.js';
import type { OutputKind } from '../model/output.js';
import { outputs } from '../model/outputs.js';
import type { Step } from '../model/transfer.js';
import { type AverageState, combine, createAverage } from './average.js';
import { type Baselines, type BaselinesState, type Guess, plain } from './baselines.js';
import { createJudge, type Judge, type JudgeState, type Metrics, type Scores } from './judge.js';
import type { Target } from './loss.js';

export interface MetricsOptions {
  /** α of the fading averages: 0.999 looks back some 1,000 steps. Default 0.999. */
  readonly fading?: number;
  /** Steps of the sliding averages. Default 1,000. */
  readonly window?: number;
  /** Steps after which the stream repeats itself, such as a day of readings: what was then is one more trivial predictor. */
  readonly season?: number;
  /** Of forecasts with a band: the share of values that should lie within. Default 0.9. */
  readonly level?: number;
  /** What the outputs are. Default: as the first step that is scored looks (its o and its ŷ, and its target). */
  readonly kind?: OutputKind;
  /**
   * Targets and predictions of values in units of the data; `number` is the step whose forecast it is, so that both are read
   * with the scale of the time of prediction. Default: as they are. `forecast` sees to it by itself.
   */
  readonly unscale?: (values: ArrayLike<number>, number: number) => ArrayLike<number>;
  /** Steps of a stream whose target may still come, at most; the oldest is given up, and counted as `unscored`. Default 10,000. */
  readonly maxPending?: number;
}

/**
 * Prequential metrics, in memory that is bounded for each stream. Several streams, told apart by `key`, are scored together: averages are over the steps of all, as they
 * come, and the trivial predictors of each stream know its own targets.
 */
export interface RunningMetrics {
  /** Step `number` was predicted; its target may come. The step itself says what kind of output it is, where that is not given. */
  predicted(number: number, step?: Pick<Step, 'logits' | 'prediction'>, key?: string): void;
  /**
   * The target of step `number` came. Undefined where its prediction is not known any more; null targets score nothing.
   *
   * @param loss in nats; null of a loss that only whole windows have
   */
  scored(
    number: number,
    prediction: ArrayLike<number>,
    target: Target,
    loss: number | null,
    key?: string,
  ): Metrics | undefined;
  /**
   * What step `number`, which nobody is scored by, should have said: the trivial predictors know it from now on, as a network knows the
   * rows before its first forecast. Numbers of those are 0 and less. Needs `kind`.
   */
  known(number: number, target: Exclude<Target, null>, key?: string): void;
  /** The target of step `number` will not count. */
  dropped(number: number, key?: string): void;
  state(): MetricsState;
}

/** Where metrics go on from, with the same options: plain data. */
export interface MetricsState {
  readonly count: number;
  readonly unscored: number;
  readonly loss: AverageState;
  /** Once a step was scored: what the outputs are. */
  readonly kind?: OutputKind;
  /** Before that: what was made of o. */
  readonly form?: Form;
  readonly judge?: JudgeState;
  readonly streams: readonly ScoredStream[];
}

interface ScoredStream {
  readonly key: string;
  /** Steps whose target may still come, and what the trivial predictors said. */
  readonly open: readonly (readonly [number, Guess?])[];
  readonly baselines?: BaselinesState;
}

/**
 * @param from to go on from
 * @throws ConfigError naming the option that is wrong
 */
export function createMetrics(options: MetricsOptions = {}, from?: MetricsState): RunningMetrics {
  expectOptions(options, ['fading', 'window', 'season', 'unscale', 'level', 'kind', 'maxPending']);
  const { fading = 0.999, window = 1000, season, level = 0.9, kind, maxPending = 10_000 } = options;
  const { unscale = (values: ArrayLike<number>) => values } = options;
  if (!(fading > 0 && fading <= 1)) throw new ConfigError(`Expected fading to be above 0 and at most 1, got ${fading}`);
  const expectCount = (name: string, value: number): void => {
    if (!(Number.isInteger(value) && value >= 1 && value <= 1e6))
      throw new ConfigError(`Expected ${name} to be an integer from 1 to 1000000, got ${value}`);
  };
  expectCount('window', window);
  if (season !== undefined) expectCount('season', season);
  if (!(level > 0 && level < 1)) throw new ConfigError(`Expected level to be above 0 and below 1, got ${level}`);
  if (!(maxPending >= 1)) throw new ConfigError(`Expected maxPending to be at least 1, got ${maxPending}`);
  if (kind !== undefined && !Object.hasOwn(outputs, kind))
    throw new ConfigError(`Expected kind to be one of ${Object.keys(outputs).join(', ')}, got ${String(kind)}`);
  if (typeof unscale !== 'function') throw new ConfigError(`Expected unscale to be a function, got ${typeof unscale}`);

  const create = (known: OutputKind, state?: JudgeState): Judge =>
    createJudge(known, { fading, window, season, level, unscale }, state);
  const loss = createAverage(fading, window, from?.loss);
  let known = from?.kind ?? kind;
  let judge = from?.judge && known ? create(known, from.judge) : undefined;
  let form = from?.form;
  let count = from?.count ?? 0;
  let unscored = from?.unscored ?? 0;
  const streams = new Map<string, Stream>();
  for (const { key, open, baselines } of from?.streams ?? []) {
    const pending = new Map(open.map(([number, guess]) => [number, guess]));
    streams.set(key, { pending, newest: undefined, baselines: baselines && judge?.baselines(baselines) });
  }

  const streamOf = (key: string): Stream => {
    let stream = streams.get(key);
    if (stream === undefined) {
      stream = { pending: new Map(), newest: undefined, baselines: undefined };
      streams.set(key, stream);
    }
    return stream;
  };

  const learn = (stream: Stream, number: number, target: Exclude<Target, null>, by: Judge): void => {
    stream.baselines ??= by.baselines();
    stream.baselines.learn(number, target);
  };

  return {
    predicted(number, step, key = '') {
      if (kind === undefined && judge === undefined && step) form = formOf(step);
      const stream = streamOf(key);
      const { pending, newest } = stream;
      if (newest) pending.set(newest.number, newest.guess);
      stream.newest = { number, guess: stream.baselines?.guess(number) };
      if (pending.size < maxPending) return;
      const [oldest] = pending.keys();
      pending.delete(oldest);
    },

    scored(number, prediction, target, stepLoss, key = '') {
      const stream = streamOf(key);
      const said = take(stream, number);
      if (target === null) return undefined;
      if (said === undefined) {
        unscored++;
        return undefined;
      }
      known ??= kindOf(form, prediction, target);
      judge ??= create(known);
      count++;
      if (stepLoss !== null) loss.add(stepLoss);
      const nats = loss.read();
      const bits = combine(nats, nats, value => value * Math.LOG2E);
      const scores: Scores = { number, count, loss: nats, bits, unscored };
      const metrics = judge.score(scores, prediction, target, said.guess);
      learn(stream, number, target, judge);
      return metrics;
    },

    known(number, target, key = '') {
      if (kind === undefined) throw new ConfigError('Expected kind where targets are known before any is scored');
      known ??= kind;
      judge ??= create(known);
      learn(streamOf(key), number, target, judge);
    },

    dropped: (number, key = '') => {
      take(streamOf(key), number);
    },

    state: () => ({
      count,
      unscored,
      loss: loss.state(),
      ...(judge ? { kind: known, judge: judge.state() } : form && { form }),
      streams: [...streams].map(([key, stream]) => ({ key, ...stateOf(stream) })),
    }),
  };
}

function stateOf({ pending, newest, baselines }: Stream): Omit<ScoredStream, 'key'> {
  const open = [...pending, ...(newest ? [[newest.number, newest.guess] as const] : [])];
  const plainly = (guess: Guess): Guess =>
    Object.fromEntries(Object.entries(guess).map(([name, said]) => [name, plain(said)]));
  return {
    open: open.map(([number, guess]) => (guess ? [number, plainly(guess)] : [number])),
    ...(baselines && { baselines: baselines.state() }),
  };
}

/** What is known of one stream. */
interface Stream {
  /** What the trivial predictors said at each step whose target may still come; the newest step apart, which most often is next. */
  readonly pending: Map<number, Guess | undefined>;
  newest: Guessed | undefined;
  /** Undefined before its first target. */
  baselines: Baselines<Exclude<Target, null>, Guess> | undefined;
}

interface Guessed {
  readonly number: number;
  readonly guess: Guess | undefined;
}

/** What was said at that step, which is not kept any longer; undefined where it is not known. */
function take(stream: Stream, number: number): Guessed | undefined {
  const { pending, newest } = stream;
  if (newest?.number === number) {
    stream.newest = undefined;
    return newest;
  }
  if (!pending.has(number)) return undefined;
  const guess = pending.get(number);
  pending.delete(number);
  return { number, guess };
}

/** What is made of o: nothing, all of it, or the second half alone. */
type Form = 'itself' | 'other' | 'half';

function formOf({ logits, prediction }: Pick<Step, 'logits' | 'prediction'>): Form {
  let same = 0;
  while (same < logits.length && Object.is(logits[same], prediction[same])) same++;
  if (same === logits.length) return 'itself';
  return logits.length % 2 === 0 && same >= logits.length / 2 ? 'half' : 'other';
}

/** A kind of output is known by what it makes of o; of an answer alone, classes and values are told apart. */
function kindOf(form: Form | undefined, prediction: ArrayLike<number>, target: Exclude<Target, null>): OutputKind {
  if (form === 'half') return 'gaussian';
  if (form === 'itself') return 'values';
  if (typeof target === 'number') return form === 'other' || prediction.length > 1 ? 'classes' : 'values';
  if (form !== 'other') return 'values';
  // A label has a probability of its own; the numbers of a density are more than those of its target.
  return target.length === prediction.length ? 'labels' : 'mixture';
}
