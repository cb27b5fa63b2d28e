import { DivergenceError } from '../errors.js';
import type { Floats } from '../kernels/memory.js';
import type { Input } from '../model/input.js';
import type { Network } from '../model/network.js';
import type { GuardOptions } from './guard-options.js';
import type { Optimizer } from './optimizer.js';
import { createPace } from './pace.js';
import { createReach } from './reach.js';
import { spectralNorm } from './spectral-norm.js';
import type { Window } from './window.js';

/** A learner went back to its last good snapshot. */
export interface Rollback {
  /** It leapt above the loss of the snapshot; the loss or the gradient was not finite; a ReLU layer's recurrent matrix and its state grew. */
  readonly reason: 'leap' | 'not finite' | 'norm';
  /** Updates that were undone, the newest included. */
  readonly lost: number;
  /** The factor on the learning rate from now on. */
  readonly rate: number;
  /** Rollbacks since the last snapshot, this one included. */
  readonly inRow: number;
}

/** What the guard made of an update. */
export interface Verdict {
  /** The update was much longer than usual for its gradient, and was shortened. */
  readonly shortened?: true;
  /** A snapshot was taken, and the one before it is now the last good one; streams mark where they stand likewise. */
  readonly good?: true;
  /** The weights are again the last good snapshot; streams go back to their marks, and step again from there. */
  readonly rollback?: Rollback;
}

/** What a guard needs to know of an update. */
export interface Judged {
  readonly loss: number;
  readonly skipped: boolean;
  /** Norm of the gradient as it was followed. */
  readonly gradient: number;
}

export interface Guard {
  /** Before each step: the input, brought down where it is far larger than inputs usually are. */
  limit(input: Input | null): Input | null;
  /** Before each update; before the first one, the first snapshot is what the weights begin with. */
  begin(): void;
  /**
   * Judges an update that was made, and shortens it or rolls it back if it must.
   *
   * @throws DivergenceError after `maxRollbacks` in a row
   */
  judge(update: Judged, windows: readonly Window[]): Verdict;
  /** For checkpoints: the last good snapshot by name, laid out as the weights. */
  readonly snapshot: Readonly<Record<string, Floats>>;
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

/** What a guard watches: the weights, and what moves them. */
export interface Guarded {
  readonly network: Network;
  readonly optimizer: Optimizer;
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
  /** The mean loss of windows with the weights as they are. */
  evaluate(windows: readonly Window[]): number;
}

/** α of the average of the loss and of its mean deviation, some 1,000 updates. */
const alpha = 0.999;
/** Losses that count as they are. */
const settling = 10;
/** Mean deviations above the average that one loss counts as at most: an outlier moves the average, and does not rule it. */
const mostOfLoss = 30;
/** The same where learner and snapshot are compared: outliers say nothing of either. */
const mostCompared = 3;
/** Updates from one comparison to the next while nothing is in doubt. */
const calmStride = 4;
/** Share of the evidence from which on each update is compared, and no snapshot is taken. */
const doubt = 0.25;
/** Mean deviations that the learner may do worse by for ever: it carries the noise of what it learned last. */
const allowance = 0.15;
/** A learning rate below this factor makes little noise: the allowance is a third then, and the evidence that it takes two fifths. */
const low = { rate: 0.25, allowance: 1 / 3, leap: 2 / 5 };
/** A snapshot that could not be compared, since all losses are much higher than they were, is given up after so many times `every`. */
const longestWait = 10;
/** The state of a ReLU layer has grown when it is this many times larger than at the snapshot. */
const growth = 10;
const prefix = 'guard.';

/**
 * Keeps a learner alive. What it was some hundred updates ago, its last good snapshot, answers beside it at every fourth update, and at each
 * one while in doubt; the differences of the losses are summed up, less an allowance, and never below 0 (Page 1954). Where the sum
 * says that the learner has become worse, weights, moments and counters go back to the snapshot, and the learning rate is
 * lowered, to recover slowly. What is hard for both says nothing: so a stream that has changed is learned on. What is not finite
 * goes back at once. An update much longer than usual for its gradient is shortened before it does harm, and an
 * input far larger is brought down.
 *
 * Losses are judged in units of their fading mean deviation, so that those below 0 and near 0 are judged alike. Follows from the
 * order of updates alone.
 */
export function createGuard(guarded: Guarded, options: Required<GuardOptions>): Guard {
  const { network, optimizer } = guarded;
  const { kernels, parameters, config } = network;
  const { longest, largest, leap, every, lower, recover, least, maxNorm, maxRollbacks } = options;
  const recurrent = config.layers.flatMap((layer, i) => {
    const places = parameters.tensors.find(({ name }) => name === `weight_hh_l${i}`)!.places;
    return layer.cell === 'rnn_relu' ? [{ places, size: layer.size }] : [];
  });
  const create = (n: number): Floats => (kernels.name === 'float64' ? new Float64Array(n) : new Float32Array(n));
  const snapshot: Record<string, Floats> = { weights: create(parameters.size) };
  for (const [name, region] of Object.entries(optimizer.moments)) snapshot[name] = create(region.length);
  for (const [name, values] of Object.entries(snapshot)) snapshot[`next.${name}`] = create(values.length);
  const pace = createPace(kernels, parameters.size, longest, memoryOf(optimizer));
  const reach = createReach(largest);
  /** The learner's weights, while the snapshot answers. */
  const aside = create(parameters.size);
  let kept = guarded.counters();
  let next = kept;
  /** Numbers alone, so that a checkpoint can hold them; `kept` and `next` are those of the two snapshots. */
  const state = {
    begun: 0,
    judged: 0,
    slow: 0,
    slowCount: 0,
    deviation: 0,
    rate: 1,
    since: 0,
    compared: 0,
    evidence: 0,
    inRow: 0,
    keptSlow: 0,
    keptDeviation: 0,
    keptSlowCount: 0,
    keptSize: 0,
    nextSlow: 0,
    nextDeviation: 0,
    nextSlowCount: 0,
    nextSize: 0,
  };

  // Read anew each time: the arena may have grown.
  const weights = (): Floats => kernels.arena.floats.subarray(network.weights, network.weights + parameters.size);
  const live = (): [string, Floats][] => [
    ['weights', weights()],
    ...Object.entries(optimizer.moments).map(([name, region]): [string, Floats] => [name, region.array]),
  ];

  /** A snapshot proves itself until the next one before it counts as good: what wrecks a network shows in later losses. */
  const take = (size: number): Verdict => {
    for (const [name, values] of live()) {
      snapshot[name].set(snapshot[`next.${name}`]);
      snapshot[`next.${name}`].set(values);
    }
    kept = next;
    next = guarded.counters();
    Object.assign(state, {
      keptSlow: state.nextSlow,
      keptDeviation: state.nextDeviation,
      keptSlowCount: state.nextSlowCount,
      keptSize: state.nextSize,
      nextSlow: state.slow,
      nextDeviation: state.deviation,
      nextSlowCount: state.slowCount,
      nextSize: size,
      since: 0,
      compared: 0,
      evidence: 0,
      inRow: 0,
    });
    return { good: true };
  };

  const rollBack = (reason: Rollback['reason'], loss: number): Rollback => {
    const { count } = guarded.counters();
    for (const [name, values] of live()) {
      values.set(snapshot[name]);
      snapshot[`next.${name}`].set(snapshot[name]);
    }
    next = kept;
    guarded.restore(kept);
    network.version++;
    Object.assign(state, {
      slow: state.keptSlow,
      deviation: state.keptDeviation,
      slowCount: state.keptSlowCount,
      nextSlow: state.keptSlow,
      nextDeviation: state.keptDeviation,
      nextSlowCount: state.keptSlowCount,
      nextSize: state.keptSize,
      rate: Math.max(least, state.rate * lower),
      since: 0,
      compared: 0,
      evidence: 0,
      inRow: state.inRow + 1,
    });
    optimizer.factor = state.rate;
    if (state.inRow > maxRollbacks)
      throw new DivergenceError(
        `Expected the loss to come to rest, got ${loss} after ${maxRollbacks} rollbacks in a row: ` +
          'start again with a smaller optimizer.rate, or scale the data',
      );
    return { reason, lost: count - kept.count, rate: state.rate, inRow: state.inRow };
  };

  const observe = (loss: number): void => {
    const settled = state.judged > settling && state.deviation > 0;
    const value = settled ? Math.min(loss, state.slow + mostOfLoss * state.deviation) : loss;
    state.slowCount = 1 + alpha * state.slowCount;
    state.slow += (value - state.slow) / state.slowCount;
    state.deviation += (Math.abs(value - state.slow) - state.deviation) / state.slowCount;
  };

  const lossOfSnapshot = (windows: readonly Window[]): number => {
    aside.set(weights());
    weights().set(snapshot.weights);
    network.version++;
    const loss = guarded.evaluate(windows);
    weights().set(aside);
    network.version++;
    return loss;
  };

  /** How the learner did on the windows that are new, beside the snapshot. */
  const compare = (loss: number, windows: readonly Window[], stride: number): void => {
    const own = windows.filter(window => !window.replayed && window.targets.some(target => target !== null));
    // What the weights began with has no losses of its own.
    const first = state.keptDeviation === 0;
    const unit = first ? state.deviation : state.keptDeviation;
    if (own.length === 0 || !(unit > 0)) return;
    const most = (first ? state.slow : state.keptSlow) + mostCompared * unit;
    const other = lossOfSnapshot(own);
    if (!Number.isFinite(other) || (loss >= most && other >= most)) return;
    const less = allowance * (state.rate < low.rate ? low.allowance : 1);
    state.evidence = Math.max(0, state.evidence + (Math.min(loss, most) - Math.min(other, most)) / unit - less);
    state.compared += stride;
  };

  const overgrown = (size: number): boolean => {
    if (!(state.keptSize > 0 && size > growth * state.keptSize)) return false;
    const values = weights();
    return recurrent.some(({ places, size: n }) => !(spectralNorm(i => values[places[i]], n) <= maxNorm));
  };

  const judgeLoss = (loss: number, windows: readonly Window[], size: number): Verdict => {
    state.judged++;
    state.since++;
    observe(loss);
    state.rate = Math.min(1, state.rate * recover);
    optimizer.factor = state.rate;
    if (state.judged <= every) return {};
    if (state.judged === every + 1) return take(size);
    const lowered = state.rate < low.rate;
    const bound = leap * (lowered ? low.leap : 1);
    const stride = state.inRow > 0 || lowered || state.evidence > doubt * bound ? 1 : calmStride;
    if (state.since % stride === 0) compare(loss, windows, stride);
    if (state.evidence > bound) return { rollback: rollBack('leap', loss) };
    const proven = state.compared >= every || state.since >= longestWait * every;
    return proven && state.evidence <= doubt * bound ? take(size) : {};
  };

  return {
    snapshot,
    limit: reach.limit,

    begin() {
      pace.mark(network.weights);
      if (state.begun > 0) return;
      state.begun = 1;
      take(0);
      take(0);
    },

    judge({ loss, skipped, gradient }, windows) {
      reach.observe(windows);
      if (skipped) return { rollback: rollBack('not finite', loss) };
      const shortened = pace.keep(network.weights, gradient, state.rate) ? ({ shortened: true } as const) : {};
      const size = recurrent.length > 0 ? largestState(windows) : 0;
      if (overgrown(size)) return { ...shortened, rollback: rollBack('norm', loss) };
      return { ...shortened, ...judgeLoss(loss, windows, size) };
    },

    counters: () => ({
      ...prefixed('', state),
      ...prefixed('pace.', pace.state),
      ...prefixed('reach.', reach.state),
      ...prefixed('kept.', kept),
      ...prefixed('next.', next),
    }),

    restore(counters) {
      const of = <Numbers extends object>(part: string, numbers: Numbers): Numbers =>
        Object.fromEntries(Object.keys(numbers).map(name => [name, counters[`${prefix}${part}${name}`]])) as Numbers;
      Object.assign(state, of('', state));
      Object.assign(pace.state, of('pace.', pace.state));
      Object.assign(reach.state, of('reach.', reach.state));
      kept = of('kept.', kept);
      next = of('next.', next);
      optimizer.factor = state.rate;
    },
  };
}

function prefixed(part: string, numbers: object): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`${prefix}${part}${name}`, value]));
}

/** The largest number in the carries of windows that are new. */
function largestState(windows: readonly Window[]): number {
  let most = 0;
  for (const { carry, replayed } of windows) {
    if (replayed) continue;
    for (const value of carry)
      if (!(Math.abs(value) <= most)) most = Number.isFinite(value) ? Math.abs(value) : Infinity;
  }
  return most;
}

/** Share of the update before that an update goes on with. */
function memoryOf(optimizer: Optimizer): number {
  const config = optimizer.config();
  if (config.kind === 'sgd') return config.momentum;
  return config.kind === 'adam' ? config.beta1 : 0;
}
