import { ConfigError, expect, expectOptions, kindOf } from '../errors.js';
import type { Input } from '../model/input.js';
import { createRandom, type Random } from '../random.js';
import { checkDropout } from './dropout.js';
import { checkSequences, type Evaluation, evaluate, type Sequence } from './evaluate.js';
import { checkTrainer, type Trainer, type Update } from './trainer.js';

export interface FitOptions {
  /** Passes over the training part. */
  readonly epochs: number;
  /** Sequences of an update, of any lengths. Default 16. */
  readonly batch?: number;
  /** Of the order of sequences, of the part held out, of `augment` and of `dropout`. Default 0. */
  readonly seed?: number;
  /** Sequences that are not learned from, or the share of all that is held out: what is best on these is kept. */
  readonly validation?: number | readonly Sequence[];
  /** Epochs without a better validation loss before it stops. Default: all epochs run. */
  readonly patience?: number;
  /** The share of what layers say that is dropped while they learn; never when they are judged. Default 0. */
  readonly dropout?: number;
  /** What a sequence looks like this time: noise, or steps left out. */
  readonly augment?: (sequence: Sequence, random: Random) => Sequence;
  readonly onEpoch?: (epoch: Epoch) => void;
  readonly onUpdate?: (progress: Progress) => void;
  /** Stops at the next update. */
  readonly signal?: AbortSignal;
}

export interface Epoch {
  /** Counted from 1. */
  readonly number: number;
  /** Mean over labelled steps as they were learned, in nats. */
  readonly loss: number;
  readonly validation: Evaluation | undefined;
  /** No epoch before it did better in validation; without validation, always. */
  readonly best: boolean;
}

export interface Progress {
  /** Updates so far, and in all epochs. */
  readonly done: number;
  readonly all: number;
  readonly update: Update;
}

export interface Fitted {
  readonly epochs: readonly Epoch[];
  /** The epoch whose weights the model has now; undefined if none was completed, or the weights are those of a part of one. */
  readonly best: Epoch | undefined;
  readonly stopped: 'epochs' | 'patience' | 'signal';
}

const known = [
  'epochs',
  'batch',
  'seed',
  'validation',
  'patience',
  'dropout',
  'augment',
  'onEpoch',
  'onUpdate',
  'signal',
] satisfies (keyof FitOptions)[];

/** Milliseconds that learning may hold the thread. */
const turn = 50;

/**
 * Learns whole sequences in minibatches, in a new order each epoch. With `validation` the model ends with the weights of the
 * best epoch, also where it ends with an error, without it with the newest; the optimizer is left as the last update left it.
 *
 * The same trainer, sequences and seed give the same weights, bit for bit.
 *
 * @throws ConfigError naming the option that is wrong
 * @throws DivergenceError as `learnMany`
 */
export async function fit(trainer: Trainer, sequences: readonly Sequence[], options: FitOptions): Promise<Fitted> {
  checkTrainer(trainer);
  expectOptions(options, known);
  const { epochs, batch = 16, seed = 0, patience = epochs, dropout = 0, augment, onEpoch, onUpdate, signal } = options;
  for (const [name, value] of Object.entries({ epochs, batch, patience })) {
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`Expected ${name} to be an integer from 1, got ${value}`);
  }
  if (trainer.options.readout)
    throw new ConfigError(
      'Expected a trainer whose readout learns with the network, got one with a rule for it: leave readout out',
    );
  checkDropout(dropout);
  checkSequences(sequences);
  const parts = splitSequences(sequences, options.validation ?? [], seed);
  const judged = parts.validation.length > 0;
  if (options.patience !== undefined && !judged)
    throw new ConfigError('Expected patience with validation, got it alone');
  const learnable = parts.training.filter(({ targets }) => targets.some(target => target !== null));
  if (learnable.length === 0) throw new ConfigError('Expected a sequence with a target to learn from, got none');

  const { model } = trainer;
  const random = createRandom(seed);
  // Draws of its own: the order of sequences is the same with dropout and without.
  const dropping = dropout > 0 ? { rate: dropout, random: createRandom(createRandom(seed).bits()) } : undefined;
  const order = Array.from(learnable);
  const all = epochs * Math.ceil(order.length / batch);
  const past: Epoch[] = [];
  let best: Epoch | undefined;
  let kept = model.weights();
  let partial = false;
  let held = performance.now();
  let done = 0;

  const run = async (): Promise<Fitted['stopped']> => {
    for (let number = 1; number <= epochs; number++) {
      shuffle(order, random);
      let [sum, labelled] = [0, 0];
      for (let first = 0; first < order.length; first += batch) {
        if (signal?.aborted) return 'signal';
        const some = order.slice(first, first + batch);
        const seen = augment ? some.map(sequence => augment(sequence, random)) : some;
        const update = trainer.learnMany(
          seen.map(sequence => ({ ...sequence, carry: model.zeroCarry() })),
          dropping,
        );
        partial = true;
        if (!update.skipped) {
          sum += update.loss * update.labelled;
          labelled += update.labelled;
        }
        onUpdate?.({ done: ++done, all, update });
        if (performance.now() - held > turn) {
          await new Promise(resolve => setTimeout(resolve, 0));
          held = performance.now();
        }
      }
      const validation = judged ? evaluate(trainer, parts.validation) : undefined;
      const better = !best?.validation || comparable(validation!) < comparable(best.validation);
      const epoch: Epoch = { number, loss: sum / labelled, validation, best: better };
      partial = false;
      past.push(epoch);
      if (better) {
        best = epoch;
        if (validation) kept = model.weights();
      }
      onEpoch?.(epoch);
      if (number - best!.number >= patience) return 'patience';
    }
    return 'epochs';
  };

  try {
    const stopped = await run();
    return { epochs: past, best: partial && !judged ? undefined : best, stopped };
  } finally {
    if (judged && best !== undefined) model.setWeights(kept);
  }
}

/** A loss that is no number is worse than any. */
function comparable({ loss }: Evaluation): number {
  return Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss;
}

/**
 * Sequences to learn from, and others to judge by: those given, or a share of all (at least one), drawn by the seed.
 *
 * @throws ConfigError if nothing would be left to learn from, or `sequences` is no list
 */
export function splitSequences<One>(
  sequences: readonly One[],
  validation: number | readonly One[],
  seed: number,
): { training: readonly One[]; validation: readonly One[] } {
  expect(Array.isArray(sequences), 'sequences', 'a list', kindOf(sequences));
  if (typeof validation !== 'number') return { training: sequences, validation };
  if (!(validation >= 0 && validation < 1))
    throw new ConfigError(`Expected validation to be a share from 0 to below 1, got ${validation}`);
  if (validation === 0) return { training: sequences, validation: [] };
  const count = Math.max(1, Math.round(validation * sequences.length));
  if (count >= sequences.length)
    throw new ConfigError(`Expected more than ${sequences.length} sequences to hold ${count} out`);
  const places = sequences.map((_, i) => i);
  shuffle(places, createRandom(seed));
  const out = new Set(places.slice(0, count));
  return {
    training: sequences.filter((_, i) => !out.has(i)),
    validation: sequences.filter((_, i) => out.has(i)),
  };
}

/** Fisher and Yates. */
function shuffle(some: unknown[], random: Random): void {
  for (let i = some.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [some[i], some[j]] = [some[j], some[i]];
  }
}

/**
 * Adds normal noise to every feature.
 *
 * @throws ConfigError if the deviation is no number from 0
 */
export function withNoise(deviation: number): (sequence: Sequence, random: Random) => Sequence {
  expect(Number.isFinite(deviation) && deviation >= 0, 'deviation', 'a number from 0', deviation);
  const noisy = (input: Input | null, random: Random): Input | null =>
    input instanceof Float32Array ? input.map(value => value + deviation * random.normal()) : input;
  return ({ inputs, ...rest }, random) => ({ ...rest, inputs: inputs.map(input => noisy(input, random)) });
}
