import { ConfigError, DivergenceError } from '../errors.js';
import type { Floats } from '../kernels/memory.js';
import type { Network } from '../model/network.js';
import type { Optimizer } from './optimizer.js';
import { spectralNorm } from './spectral-norm.js';
import type { Window } from './window.js';

/** When a learner goes back to what it was, and how it goes on from there. */
export interface GuardOptions {
  /** The fast average of the loss leaps when it is this many mean deviations above the slow one. Default 3. */
  readonly leap?: number;
  /** Updates between snapshots, which wait until the loss is calm; also the updates before anything is judged. Default 100. */
  readonly every?: number;
  /** Factor on the learning rate at each rollback. Default 0.5. */
  readonly lower?: number;
  /** Factor on a lowered learning rate at each update, until it is whole again. Default 1.003, doubled in 231 updates. */
  readonly recover?: number;
  /** The learning rate never falls below this part of its own. Default 1/128. */
  readonly least?: number;
  /** Largest spectral norm of the recurrent matrix of a ReLU layer whose state grows. Default 2. */
  readonly maxNorm?: number;
  /** Rollbacks in a row, without a calm snapshot between, before a `DivergenceError`. Default 100. */
  readonly maxRollbacks?: number;
}

/** A learner went back to its last good snapshot. */
export interface Rollback {
  /** The loss leapt; the loss or the gradient was not finite; a ReLU layer's recurrent matrix and its state grew. */
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
  /** A snapshot was taken, and the one before it is now the last good one; streams mark where they stand likewise. */
  readonly good?: true;
  /** The weights are again the last good snapshot; streams go back to their marks. */
  readonly rollback?: Rollback;
}

export interface Guard {
  /** Before the first update: the first snapshot is what the weights begin with. */
  begin(): void;
  /**
   * Judges an update that was made, and rolls it back if it must.
   *
   * @throws DivergenceError after `maxRollbacks` in a row
   */
  judge(update: { readonly loss: number; readonly skipped: boolean }, windows: readonly Window[]): Verdict;
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

/** α of the fast average, some 20 updates, and of the slow one, some 1,000. */
const fastAlpha = 0.95;
const slowAlpha = 0.999;
/** Losses that count as they are. */
const settling = 10;
/** After these, one loss counts as at most this many leaps: an outlier moves the averages, and does not rule them. */
const mostLeaps = 30;
/** Updates on which the snapshot is compared with the learner. */
const trialLength = 32;
/** The learner is worse when the snapshot's loss is lower by this many mean deviations. */
const margin = 0.2;
/** A snapshot waits for a trial when the losses since the last one lie so many mean deviations above those before it. */
const suspicious = 0.25;
/** In a trial one loss counts as at most this many mean deviations above what it was: outliers say nothing of either. */
const mostInTrial = 6;
/** After so many trials in a row that found the learner no worse, the losses are as they are, and the snapshot is taken. */
const mostTrials = 5;
/** A leap that was the stream's own doubles the threshold, which comes back by this factor at each update. */
const forgetting = 0.98;
/** The state of a ReLU layer has grown when it is this many times larger than at the snapshot. */
const growth = 10;
const prefix = 'guard.';

/**
 * Keeps a learner alive: where the loss has leapt, or lies above what it was, and the last good snapshot does better on the newest
 * windows, weights, moments and counters go back to it, and the learning rate is lowered, to recover slowly. Where the snapshot does no
 * better, it is the stream that has changed, and learning goes on. What is not finite goes back at once.
 *
 * Two fading averages of the updates' losses (Gama, Sebastião and Rodrigues 2013) are compared, in units of the fading mean
 * deviation from the slow one, so that losses below 0 and near 0 are judged alike. Follows from the order of updates alone.
 */
export function createGuard(guarded: Guarded, options: Required<GuardOptions>): Guard {
  const { network, optimizer } = guarded;
  const { kernels, parameters, config } = network;
  const { leap, every, lower, recover, least, maxNorm, maxRollbacks } = options;
  const recurrent = config.layers.flatMap((layer, i) => {
    const places = parameters.tensors.find(({ name }) => name === `weight_hh_l${i}`)!.places;
    return layer.cell === 'rnn_relu' ? [{ places, size: layer.size }] : [];
  });
  const create = (n: number): Floats => (kernels.name === 'float64' ? new Float64Array(n) : new Float32Array(n));
  const snapshot: Record<string, Floats> = { weights: create(parameters.size) };
  for (const [name, region] of Object.entries(optimizer.moments)) snapshot[name] = create(region.length);
  for (const [name, values] of Object.entries(snapshot)) snapshot[`next.${name}`] = create(values.length);
  let kept = guarded.counters();
  let next = kept;
  /** Numbers alone, so that a checkpoint can hold them. */
  const state = {
    begun: 0,
    judged: 0,
    fast: 0,
    slow: 0,
    slowCount: 0,
    deviation: 0,
    rate: 1,
    forgive: 1,
    blockSum: 0,
    blockCount: 0,
    trial: 0,
    trialSum: 0,
    trialOfLeap: 0,
    trials: 0,
    inRow: 0,
    size: 0,
    keptSlow: 0,
    keptDeviation: 0,
    keptSlowCount: 0,
    nextSlow: 0,
    nextDeviation: 0,
    nextSlowCount: 0,
    nextSize: 0,
  };

  const live = (): [string, Floats][] => {
    const weights = kernels.arena.floats.subarray(network.weights, network.weights + parameters.size);
    return [['weights', weights], ...Object.entries(optimizer.moments).map(([k, r]): [string, Floats] => [k, r.array])];
  };

  /** A snapshot proves itself for a block before it counts as good: what wrecks a network shows in later losses. */
  const take = (size: number): void => {
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
      size: state.nextSize,
      nextSlow: state.slow,
      nextDeviation: state.deviation,
      nextSlowCount: state.slowCount,
      nextSize: size,
      blockSum: 0,
      blockCount: 0,
      trials: 0,
      inRow: 0,
    });
  };

  const taken = (size: number): Verdict => {
    take(size);
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
      fast: state.keptSlow,
      slow: state.keptSlow,
      nextSlow: state.keptSlow,
      nextDeviation: state.keptDeviation,
      nextSlowCount: state.keptSlowCount,
      nextSize: state.size,
      slowCount: state.keptSlowCount,
      deviation: state.keptDeviation,
      rate: Math.max(least, state.rate * lower),
      blockSum: 0,
      blockCount: 0,
      trial: 0,
      trials: 0,
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

  /** Room for one outlier. */
  const clamp = (loss: number): number =>
    state.judged > settling && state.deviation > 0
      ? Math.min(loss, state.slow + mostLeaps * leap * state.deviation)
      : loss;

  /** Adds a loss to the averages; whether the fast one leaps, which then is not taken up by the slow one. */
  const observe = (value: number): boolean => {
    state.blockSum += value;
    state.blockCount++;
    state.fast = state.judged === 1 ? value : state.fast + (1 - fastAlpha) * (value - state.fast);
    if (state.judged > every && state.fast - state.slow > leap * state.forgive * state.deviation) return true;
    state.slowCount = 1 + slowAlpha * state.slowCount;
    state.slow += (value - state.slow) / state.slowCount;
    state.deviation += (Math.abs(value - state.slow) - state.deviation) / state.slowCount;
    return false;
  };

  /** The loss that the snapshot would have had. */
  const lossOfSnapshot = (windows: readonly Window[]): number => {
    const weights = kernels.arena.floats.subarray(network.weights, network.weights + parameters.size);
    const now = weights.slice();
    weights.set(snapshot.weights);
    network.version++;
    const loss = guarded.evaluate(windows);
    // Read again: the arena may have grown.
    kernels.arena.floats.set(now, network.weights);
    network.version++;
    return loss;
  };

  /** One update of the trial; at its end, whether the learner is worse than the snapshot. */
  const compare = (value: number, windows: readonly Window[]): boolean | undefined => {
    const own = windows.filter(window => !window.replayed && window.targets.some(target => target !== null));
    if (own.length === 0) return undefined;
    const other = lossOfSnapshot(own);
    const most = state.keptSlow + mostInTrial * state.keptDeviation;
    if (Number.isFinite(other)) state.trialSum += Math.min(value, most) - Math.min(other, most);
    state.trial--;
    return state.trial > 0 ? undefined : state.trialSum > trialLength * margin * state.keptDeviation;
  };

  const startTrial = (ofLeap: boolean): void => {
    Object.assign(state, { trial: trialLength, trialSum: 0, trialOfLeap: ofLeap ? 1 : 0 });
  };

  return {
    snapshot,

    begin() {
      if (state.begun > 0) return;
      state.begun = 1;
      take(0);
      take(0);
    },

    judge({ loss, skipped }, windows) {
      if (skipped) return { rollback: rollBack('not finite', loss) };
      state.judged++;
      const value = clamp(loss);
      const leaps = observe(value);
      const size = recurrent.length > 0 ? largest(windows) : 0;
      if (state.size > 0 && size > growth * state.size) {
        const { floats } = kernels.arena;
        const norms = recurrent.map(one => spectralNorm(i => floats[network.weights + one.places[i]], one.size));
        if (norms.some(norm => !(norm <= maxNorm))) return { rollback: rollBack('norm', loss) };
      }
      state.forgive = Math.max(1, state.forgive * forgetting);
      state.rate = Math.min(1, state.rate * recover);
      optimizer.factor = state.rate;
      if (state.trial > 0) {
        const worse = compare(value, windows);
        if (worse === undefined) return {};
        if (worse) return { rollback: rollBack('leap', loss) };
        if (state.trialOfLeap === 1) {
          state.forgive *= 2;
          state.fast = state.slow;
        } else if (++state.trials >= mostTrials) return taken(size);
        else Object.assign(state, { blockSum: 0, blockCount: 0 });
      } else if (leaps) startTrial(true);
      else if (state.judged > every && state.blockCount >= every) {
        // What the weights began with has no losses to compare with. The newest ones may have just begun to rise.
        const first = state.keptDeviation === 0;
        const calm =
          state.blockSum / state.blockCount - state.keptSlow <= suspicious * state.keptDeviation &&
          state.fast - state.slow <= 2 * suspicious * state.deviation;
        if (first || calm) return taken(size);
        startTrial(false);
      }
      return {};
    },

    counters: () => ({
      ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`${prefix}${name}`, value])),
      ...Object.fromEntries(Object.entries(kept).map(([name, value]) => [`${prefix}kept.${name}`, value])),
      ...Object.fromEntries(Object.entries(next).map(([name, value]) => [`${prefix}next.${name}`, value])),
    }),

    restore(counters) {
      for (const name of Object.keys(state)) state[name as keyof typeof state] = counters[`${prefix}${name}`];
      kept = Object.fromEntries(Object.keys(kept).map(name => [name, counters[`${prefix}kept.${name}`]]));
      next = Object.fromEntries(Object.keys(next).map(name => [name, counters[`${prefix}next.${name}`]]));
      optimizer.factor = state.rate;
    },
  };
}

/** The largest number in the carries of windows that are new. */
function largest(windows: readonly Window[]): number {
  let most = 0;
  for (const { carry, replayed } of windows) {
    if (replayed) continue;
    for (const value of carry)
      if (!(Math.abs(value) <= most)) most = Number.isFinite(value) ? Math.abs(value) : Infinity;
  }
  return most;
}

const known: ReadonlySet<string> = new Set<keyof GuardOptions>([
  'leap',
  'every',
  'lower',
  'recover',
  'least',
  'maxNorm',
  'maxRollbacks',
]);

/** @throws ConfigError naming the option that is wrong */
export function checkGuard(options: GuardOptions): Required<GuardOptions> {
  const expect = (fits: boolean, name: string, wanted: string, found: unknown): void => {
    if (!fits) throw new ConfigError(`Expected guard${name} to be ${wanted}, got ${String(found)}`);
  };
  expect(typeof options === 'object' && options !== null, '', 'an object', options);
  for (const name of Object.keys(options)) expect(known.has(name), `.${name}`, `one of ${[...known].join(', ')}`, name);
  const { leap = 3, every = 100, lower = 0.5, recover = 1.003 } = options;
  const { least = 1 / 128, maxNorm = 2, maxRollbacks = 100 } = options;
  expect(leap > 0 && Number.isFinite(leap), '.leap', 'a positive number', leap);
  expect(Number.isInteger(every) && every >= 1, '.every', 'an integer from 1', every);
  expect(lower > 0 && lower <= 1, '.lower', 'above 0 and at most 1', lower);
  expect(recover >= 1 && Number.isFinite(recover), '.recover', 'a number from 1', recover);
  expect(least > 0 && least <= 1, '.least', 'above 0 and at most 1', least);
  expect(maxNorm > 0 && Number.isFinite(maxNorm), '.maxNorm', 'a positive number', maxNorm);
  expect(Number.isInteger(maxRollbacks) && maxRollbacks >= 1, '.maxRollbacks', 'an integer from 1', maxRollbacks);
  return { leap, every, lower, recover, least, maxNorm, maxRollbacks };
}
