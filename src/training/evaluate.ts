import { ConfigError, expect, kindOf } from '../errors.js';
import { type Carry, firstNotFinite } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { argmax } from '../model/sample.js';
import { createTranscriber } from '../model/transcript.js';
import type { Step } from '../model/transfer.js';
import { editDistance } from './edit-distance.js';
import type { Target } from './loss.js';
import { checkTrainer, type Trainer } from './trainer.js';

/** One whole sequence, from a carry of zeros; a step whose target is null brings no loss: of many-to-one, all but the last. */
export interface Sequence {
  /** One a step: a token, or a row of features; null for none. */
  readonly inputs: readonly (Input | null)[];
  /** As many as inputs, each for its own step: of a network that foretells tokens, the token after its input. */
  readonly targets: readonly Target[];
  /** How much each step teaches, as many as inputs; default 1 each. */
  readonly weights?: readonly number[];
}

export interface Evaluation {
  /** Mean over labelled steps, in nats; Infinity where a sequence with a target grew beyond float32. */
  readonly loss: number;
  readonly labelled: number;
  /** Sequences of which a carry or logits grew beyond float32, if there are any: they were stepped no further. */
  readonly overflown?: number;
  /** The share of labelled steps whose likeliest class is the target; undefined where the output is no class. */
  readonly accuracy: number | undefined;
  /** Of the loss `ctc`: labels that are missing, wrong or too many, by best path decoding, divided by the labels. */
  readonly labelErrors?: number;
}

/** A step that has a target. */
export interface Labelled {
  /** Which sequence, and which step of it, from 0. */
  readonly sequence: number;
  readonly time: number;
  /** All NaN from where the sequence grew beyond float32. */
  readonly step: Step;
  readonly target: Exclude<Target, null>;
  /** In nats, Infinity from where the sequence grew beyond float32; null where only whole sequences have a loss. */
  readonly loss: number | null;
}

interface Running {
  readonly sequence: Sequence;
  readonly number: number;
  carry: Carry;
  readonly logits: Float32Array[];
  overflown: boolean;
}

/** @throws ConfigError at what is no sequence */
export function checkSequences(sequences: readonly Sequence[]): void {
  expect(Array.isArray(sequences), 'sequences', 'a list of { inputs, targets }', kindOf(sequences));
  for (const [i, one] of sequences.entries()) {
    const fits = Array.isArray(one?.inputs) && Array.isArray(one.targets);
    expect(fits, `sequences[${i}]`, '{ inputs, targets }, a list each', kindOf(one));
  }
}

/** Sequences that are stepped at once. */
const together = 64;

/**
 * How well the model does on sequences that it does not learn from.
 *
 * @param look is shown every labelled step
 * @throws ConfigError if no step has a target, or `sequences` is something else
 */
export function evaluate(
  trainer: Trainer,
  sequences: readonly Sequence[],
  look: (labelled: Labelled) => void = () => {},
): Evaluation {
  checkTrainer(trainer);
  checkSequences(sequences);
  expect(typeof look === 'function', 'look', 'a function', kindOf(look));
  const { model } = trainer;
  const { loss } = trainer.options;
  const unaligned = loss.kind === 'ctc' ? loss : undefined;
  const classes = model.config.output.kind === 'classes' && !unaligned;
  let [sum, labelled, right, wrong, labels, overflown] = [0, 0, 0, 0, 0, 0];

  const judge = (one: Running, time: number, step: Step): void => {
    const { targets } = one.sequence;
    const target = targets[time];
    if (target !== null) {
      trainer.checkTarget(target);
      labelled++;
    }
    if (trainer.windowLoss) {
      one.logits.push(step.logits);
      if (time + 1 === targets.length && targets.some(known => known !== null)) {
        if (!one.overflown) sum += trainer.windowLoss(one.logits, targets);
        if (unaligned) {
          const truth = targets.filter(known => known !== null && known !== unaligned.blank) as number[];
          wrong += one.overflown ? truth.length : editDistance(said(one.logits, unaligned.blank), truth);
          labels += truth.length;
        }
      }
    }
    if (target === null) return;
    const known = trainer.loss(step.logits, target);
    const loss = one.overflown && known !== null ? Number.POSITIVE_INFINITY : known;
    sum += loss ?? 0;
    if (classes && !one.overflown && argmax(step.logits) === target) right++;
    look({ sequence: one.number, time, step, target, loss });
  };

  for (let first = 0; first < sequences.length; first += together) {
    let running: Running[] = sequences.slice(first, first + together).map((sequence, i) => ({
      sequence,
      number: first + i,
      carry: model.zeroCarry(),
      logits: [],
      overflown: false,
    }));
    for (let time = 0; ; time++) {
      running = running.filter(({ sequence, overflown }) => !overflown && time < sequence.inputs.length);
      if (running.length === 0) break;
      const steps = model.stepMany(
        running.map(one => one.carry),
        running.map(one => one.sequence.inputs[time]),
      );
      steps.forEach((step, i) => {
        const one = running[i];
        const { inputs, targets } = one.sequence;
        one.carry = step.carry;
        if (fits(step)) {
          judge(one, time, step);
          return;
        }
        one.overflown = true;
        overflown++;
        if (targets.some(known => known !== null)) sum = Number.POSITIVE_INFINITY;
        const unknown = nothingOf(step);
        for (let later = time; later < inputs.length; later++) judge(one, later, unknown);
      });
    }
  }
  if (labelled === 0) throw new ConfigError('Expected at least one step with a target, got none');
  return {
    loss: sum / labelled,
    labelled,
    accuracy: classes ? right / labelled : undefined,
    ...(overflown > 0 ? { overflown } : {}),
    ...(unaligned ? { labelErrors: wrong / labels } : {}),
  };
}

function fits({ carry, logits }: Step): boolean {
  return firstNotFinite(carry) < 0 && firstNotFinite(logits) < 0;
}

/** As long as this step, where none can be made. */
function nothingOf({ logits, prediction, carry }: Step): Step {
  const none = (values: Float32Array): Float32Array => values.slice().fill(Number.NaN);
  return { logits: none(logits), prediction: none(prediction), carry: none(carry) };
}

/** The labels of a whole sequence, by best path decoding. */
function said(logits: readonly Float32Array[], blank: number | undefined): number[] {
  const transcriber = createTranscriber(logits[0].length, { blank, beam: 0 });
  let state = transcriber.initial();
  return logits.flatMap(row => {
    const read = transcriber.read(state, row);
    state = read.state;
    return read.transcript.settled;
  });
}
