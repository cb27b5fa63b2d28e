import { ConfigError } from '../errors.js';
import { type Activations, createActivations } from '../model/activations.js';
import { type Carry, checkCarry } from '../model/carry.js';
import type { TrainableModel } from '../model/model.js';
import { readOut } from '../model/network.js';
import { putCarry } from '../model/transfer.js';
import type { ClipOptions } from './clip.js';
import type { Loss, Target } from './loss.js';
import { createOptimizer, type Optimizer, type OptimizerConfig } from './optimizer.js';
import { createRule, type Followed, rangesOf } from './rule.js';
import { checkWeight } from './window.js';

/** A rule of its own for the readout: it learns by this optimizer, more often, and the updates of the network leave it. */
export interface ReadoutOptions {
  /** Such as plain SGD after every step: what the best online coders of text do. */
  readonly optimizer: OptimizerConfig;
  /** Steps between its updates. Default 1. */
  readonly k1?: number;
}

/** One step that a readout learns from: the states of the layers after it, which are constants, and the target. */
export interface ReadoutStep {
  /** After the step. */
  readonly carry: Carry;
  readonly target: Exclude<Target, null>;
  readonly weight?: number;
}

/** The readout as it learns by its own rule. */
export interface Readout {
  readonly optimizer: Optimizer;
  /** One update, of the mean loss of the steps, each times its weight; their order orders the sums. Nothing goes back in time. */
  learn(steps: readonly ReadoutStep[]): ReadoutUpdate;
  counters(): Record<string, number>;
  restore(counters: Record<string, number>): void;
}

export interface ReadoutUpdate extends Followed {
  readonly readout: true;
  readonly loss: number;
  readonly windows: 0;
  readonly replayed: 0;
  readonly steps: number;
  readonly labelled: number;
  readonly short: 0;
}

const prefix = 'readout.';

/**
 * @param loss of each step
 * @param gradient where it goes, laid out as the weights
 * @param frozen names of tensors that do not learn
 * @param options as `checkOptions` gave them
 */
export function createReadout(
  model: TrainableModel,
  loss: Loss,
  gradient: number,
  frozen: ReadonlySet<string>,
  bounds: ClipOptions & { readonly maxSkipped: number },
  options: Required<ReadoutOptions>,
): Readout {
  const { network, config, carryLayout: layout } = model;
  const { kernels: k, parameters } = network;
  const { sources, bias } = parameters.readout;
  const optimizer = createOptimizer(k, parameters.size, options.optimizer);
  const ranges = rangesOf(network, name => isReadout(name) && !frozen.has(name));
  const rule = createRule(network, optimizer, gradient, ranges, bounds);
  const staging = k.arena.reserve(layout.size);
  let room: Activations | undefined;

  /** The mean loss; its gradient is written, and nothing else of the weights'. */
  const differentiate = (steps: readonly ReadoutStep[]): number => {
    const count = steps.length;
    if (count === 0) throw new ConfigError('Expected at least one step, got none');
    for (const { carry, target, weight } of steps) {
      checkCarry(layout, carry);
      loss.check(target);
      checkWeight(weight);
    }
    if (room === undefined || count > room.steps) {
      const most = Math.max(count, 2 * (room?.steps ?? 0));
      room = createActivations(k.arena, config, most, most, true);
    }
    // Carries are put as those before the first step of each stream: that is where the readout finds them. One that grew beyond float32
    // makes a loss that is not finite, and the update is skipped.
    const rows = { ...room, layers: room.layers.map(layer => ({ ...layer, lead: 0 })) };
    steps.forEach(({ carry }, i) => {
      putCarry(network, layout, rows, i, carry, staging.address);
    });
    readOut(network, rows, 0, count);
    const places = steps.map((_, i) => i);
    const targets = steps.map(({ target }) => target);
    const weights = steps.map(({ weight = 1 }) => weight);
    const sum = loss.learn(k, { rows, places, targets, weights }, 1 / count);
    const { outputStride: stride } = rows;
    const deltas = rows.gradients!.logits;
    for (const { from, matrix } of sources) {
      const { h, n } = rows.layers[from];
      k.outer(h, n, deltas, stride, gradient + matrix.offset, count, matrix.k, matrix.n);
    }
    k.sumRows(deltas, stride, gradient + bias, count, stride);
    return sum / count;
  };

  return {
    optimizer,
    learn(steps) {
      const mean = differentiate(steps);
      const counts = { steps: steps.length, labelled: steps.length, windows: 0, replayed: 0, short: 0 } as const;
      return { ...rule.follow(mean), readout: true, loss: mean, ...counts };
    },
    counters: () =>
      Object.fromEntries(Object.entries(rule.counters()).map(([name, value]) => [`${prefix}${name}`, value])),
    restore(counters) {
      const own = Object.entries(counters).filter(([name]) => name.startsWith(prefix));
      rule.restore(Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value])));
    },
  };
}

/** Under names of their own beside those of the network's optimizer. */
export function readoutMoments({ moments }: Optimizer): Optimizer['moments'] {
  return Object.fromEntries(Object.entries(moments).map(([name, region]) => [`${prefix}${name}`, region]));
}

/** Whether a tensor is the readout's. */
export function isReadout(tensor: string): boolean {
  return tensor.startsWith(prefix);
}
