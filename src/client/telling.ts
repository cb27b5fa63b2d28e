/** What a listener is told, and where it is when it has taken that. */
import type { Target } from '../training/loss.js';
import { type Entry, given, type StepAnswer } from '../wire/messages.js';
import type { RemoteLearned, RemoteStep } from './answers.js';
import type { RemoteOptions } from './options.js';
import type { Position } from './position.js';

/** The answers of a session, and what else is told of it. */
export interface Listener {
  /** `at` is what will have been received when this is taken. */
  next(event: RemoteStep | RemoteLearned, at: Position): void;
  error(error: unknown): void;
  complete(): void;
}

export interface Telling {
  /** What a frame is answered, between two positions; `target` came with it. */
  frame(entry: Entry, target: Target | undefined, before: Position, after: Position): void;
  /** What is told beside answers, only to who learns. */
  beside(event: RemoteLearned, at: Position): void;
  /** The newest answer, where only the last one is wanted. */
  last(): void;
  /** As far as that, but without an answer that is not told yet. */
  without(at: Position): Position;
}

/** @param isDone the listener is told no more beside answers */
export function createTelling(
  { learn = 'none', want }: RemoteOptions,
  listener: Listener,
  isDone: () => boolean,
): Telling {
  const learns = learn !== 'none';
  let held: { readonly before: Position; tell(): void } | undefined;

  function beside(event: RemoteLearned, at: Position): void {
    if (learns && !isDone()) listener.next(event, at);
  }

  function tell(answer: StepAnswer, target: Target | undefined, at: Position): void {
    const step = stepOf(answer);
    if (learns) {
      const { loss = null, limited } = answer;
      listener.next({ kind: 'step', number: step.number, step, target, loss, ...(limited && { limited }) }, at);
    } else {
      listener.next(step, at);
    }
  }

  return {
    frame({ answers, losses = [] }, target, before, after) {
      // A frame is taken with the last that is told of it.
      losses.forEach(({ step, loss }, i) => {
        const last = answers.length === 0 && i === losses.length - 1;
        beside({ kind: 'late', number: step, loss }, last ? after : before);
      });
      for (const answer of answers) {
        const at = answer === answers[answers.length - 1] ? after : before;
        if (want?.last) held = { before, tell: () => tell(answer, target, at) };
        else tell(answer, target, at);
      }
    },
    beside,
    last() {
      const last = held;
      held = undefined;
      last?.tell();
    },
    without: at => (held !== undefined && at.received > held.before.received ? held.before : at),
  };
}

const nothing = new Float32Array(0);

function stepOf({ step: number, prediction = nothing, topIndices, topValues, logits, carry }: StepAnswer): RemoteStep {
  return { number, prediction, ...given({ topIndices, topValues, logits, carry }) };
}
