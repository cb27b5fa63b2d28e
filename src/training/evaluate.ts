import { ConfigError } from '../errors.js';
import type { Input } from '../model/input.js';
import { argmax } from '../model/sample.js';
import { createTranscriber } from '../model/transcript.js';
import type { Step } from '../model/transfer.js';
import { editDistance } from './edit-distance.js';
import type { Target } from './loss.js';
import type { Trainer } from './trainer.js';

/** One whole sequence, from a carry of zeros; a step whose target is null brings no loss: of many-to-one, all but the last. */
export interface Sequence {
  readonly inputs: readonly (Input | null)[];
  /** As many as inputs. */
  readonly targets: readonly Target[];
  /** How much each step teaches, as many as inputs; default 1 each. */
  readonly weights?: readonly number[];
}

export interface Evaluation {
  /** Mean over labelled steps, in nats. */
  readonly loss: number;
  readonly labelled: number;
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
  readonly step: Step;
  readonly target: Exclude<Target, null>;
  /** In nats; null where only whole sequences have a loss. */
  readonly loss: number | null;
}

/** Sequences that are stepped at once. */
const together = 64;

/**
 * How well the model does on sequences that it does not learn from.
 *
 * @param look is shown every labelled step
 * @throws ConfigError if no step has a target
 */
export function evaluate(
  trainer: Trainer,
  sequences: readonly Sequence[],
  look: (labelled: Labelled) => void = () => {},
): Evaluation {
  const { model } = trainer;
  const { loss } = trainer.options;
  const unaligned = loss.kind === 'ctc' ? loss : undefined;
  const classes = model.config.output.kind === 'classes' && !unaligned;
  let [sum, labelled, right, wrong, labels] = [0, 0, 0, 0, 0];
  for (let first = 0; first < sequences.length; first += together) {
    let running = sequences
      .slice(first, first + together)
      .map((sequence, i) => ({ sequence, number: first + i, carry: model.zeroCarry(), logits: [] as Float32Array[] }));
    for (let time = 0; ; time++) {
      running = running.filter(({ sequence }) => time < sequence.inputs.length);
      if (running.length === 0) break;
      const steps = model.stepMany(
        running.map(one => one.carry),
        running.map(one => one.sequence.inputs[time]),
      );
      steps.forEach((step, i) => {
        const one = running[i];
        one.carry = step.carry;
        const target = one.sequence.targets[time];
        const { targets } = one.sequence;
        if (target !== null) {
          trainer.checkTarget(target);
          labelled++;
        }
        if (trainer.windowLoss) {
          one.logits.push(step.logits);
          if (time + 1 === targets.length && targets.some(known => known !== null)) {
            sum += trainer.windowLoss(one.logits, targets);
            if (unaligned) {
              const truth = targets.filter(known => known !== null && known !== unaligned.blank) as number[];
              wrong += editDistance(said(one.logits, unaligned.blank), truth);
              labels += truth.length;
            }
          }
        }
        if (target === null) return;
        const loss = trainer.loss(step.logits, target);
        sum += loss ?? 0;
        if (classes && argmax(step.logits) === target) right++;
        look({ sequence: one.number, time, step, target, loss });
      });
    }
  }
  if (labelled === 0) throw new ConfigError('Expected at least one step with a target, got none');
  return {
    loss: sum / labelled,
    labelled,
    accuracy: classes ? right / labelled : undefined,
    ...(unaligned ? { labelErrors: wrong / labels } : {}),
  };
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
