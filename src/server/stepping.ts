/** What happens to one session when its turn comes: frames begin and end, targets arrive, the stream restarts or ends. */
import { DivergenceError, InputError, TargetError } from '../errors.js';
import type { Input } from '../model/input.js';
import type { Step } from '../model/transfer.js';
import type { Learned } from '../operators/learned.js';
import { createLearner } from '../operators/tbptt.js';
import type { Fault, FaultCode, ServerMessage, TargetValue, Totals } from '../wire/messages.js';
import { answerStep } from './answer.js';
import { flush, pushEntry, pushLoss, pushMessage, releaseHeld } from './outbox.js';
import { type Frame, fault, type Item, type Session } from './session.js';

/** Begins the stream of a session that learns, from its carry. */
export function startLearning(session: Session): void {
  const { learner, steps } = session;
  if (learner === undefined) return;
  const state = { carry: session.carry.slice(), steps, updated: steps, entries: [] };
  session.stream = createLearner(learner.trainer, event => onLearned(session, event), state);
  session.streamStart = steps;
}

/**
 * Moves a session on until it has an input to be stepped in the batch, which is returned, or has nothing left to do in
 * this round: what needs no batch is done at once, at most one step of a learner.
 */
export function advance(session: Session): Input | undefined {
  while (session.queue.length > 0 && !session.outlet.blocked()) {
    const item = session.queue[0];
    if (item.kind !== 'frame') {
      session.queue.shift();
      control(session, item);
      continue;
    }
    const input = nextInput(session, item);
    if (input === undefined) continue;
    if (session.learner === undefined) return input;
    learn(session, item, input);
    return undefined;
  }
  return undefined;
}

/** A step of the frame at the head of the queue was made. */
export function stepped(session: Session, step: Step): void {
  session.carry.set(step.carry);
  complete(session, session.queue[0] as Frame, step, null);
}

function complete(session: Session, frame: Frame, step: Step, loss: number | null): void {
  const number = ++session.steps;
  if (frame.done === 0) frame.firstStep = number;
  const answer = answerStep(session.want, number, step, loss);
  if (answer !== undefined) frame.answers.push(answer);
  frame.done++;
  if (frame.inputs === undefined || frame.done === frame.inputs.length) endFrame(session, frame);
}

function endFrame(session: Session, frame: Frame): void {
  session.totals.frames++;
  drop(session, frame);
  pushEntry(session, frame.seq, { firstStep: frame.firstStep, stepCount: frame.done, answers: frame.answers });
  for (const message of session.after.splice(0)) pushMessage(session, message);
}

/** Takes a frame off the queue. */
function drop(session: Session, frame: Frame): void {
  session.queue.shift();
  session.waiting--;
  session.outlet.queued -= frame.cost;
}

/** The input that is due; undefined if the frame ended: it was refused, or makes no step. */
function nextInput(session: Session, frame: Frame): Input | undefined {
  try {
    if (frame.inputs !== undefined) return frame.inputs[frame.done];
    return begin(session, frame);
  } catch (error) {
    if (error instanceof InputError) refuse(session, frame, 'bad_input', error, { index: error.index });
    else if (error instanceof TargetError) refuse(session, frame, 'bad_target', error);
    else throw error;
    return undefined;
  }
}

/** Checks a frame whole, so that one that is refused has moved nothing. */
function begin(session: Session, frame: Frame): Input {
  const { payload, index } = frame;
  const { model } = session.served;
  let input: Input;
  switch (payload.kind) {
    case 'tokens':
      input = payload.ids[index];
      break;
    case 'features': {
      const width = payload.values.length / payload.rows;
      input = payload.rows === 1 ? payload.values : payload.values.subarray(index * width, (index + 1) * width);
      break;
    }
    default:
      throw new InputError(`Expected tokens or features, got ${payload.kind}: ${session.served.name} has no encoder`);
  }
  model.checkInput(input);
  checkTarget(session, frame);
  return input;
}

function checkTarget(session: Session, frame: Frame): void {
  const { target, forStep } = frame;
  if (target === undefined) return;
  const { learner } = session;
  if (learner === undefined) throw new TargetError('Expected no targets: the session does not learn');
  if (learner.horizon > 0) throw new TargetError('Expected no targets: the targets of this session are its inputs');
  learner.trainer.checkTarget(target);
  if (forStep !== undefined && forStep > session.steps) {
    throw new TargetError(`Expected forStep to be an earlier step, up to ${session.steps}, got ${forStep}`);
  }
}

function refuse(session: Session, frame: Frame, code: FaultCode, error: Error, details: Partial<Fault> = {}): void {
  session.totals.refusedFrames++;
  drop(session, frame);
  releaseHeld(session, true);
  flush(session);
  fault(session, code, error.message, { forSeq: frame.seq, ...details });
}

function learn(session: Session, frame: Frame, input: Input): void {
  const stream = session.stream!;
  const { horizon } = session.learner!;
  guard(session, () => {
    if (horizon > 0) {
      const forStep = session.steps + 1 - horizon;
      // The first steps after a restart are no targets of steps before it.
      if (forStep > session.streamStart) stream.next({ forStep, target: input });
      stream.next({ input });
    } else if (frame.target === undefined) {
      stream.next({ input });
    } else if (frame.forStep === undefined) {
      stream.next({ input, target: frame.target });
    } else {
      stream.next({ forStep: frame.forStep, target: frame.target });
      stream.next({ input });
    }
  });
}

/** Learning that diverged ends the session, and no other. */
function guard(session: Session, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    releaseHeld(session, true);
    flush(session);
    fault(session, 'diverged', error.message);
    end(session);
  }
}

function control(session: Session, item: Exclude<Item, Frame>): void {
  switch (item.kind) {
    case 'targets':
      session.outlet.queued -= item.cost;
      lateTargets(session, item.forStep, item.targets);
      break;
    case 'reset':
      guard(session, () => session.stream?.finish());
      if (item.weights) session.learner?.restore();
      session.carry.fill(0);
      startLearning(session);
      break;
    case 'finish': {
      guard(session, () => session.stream?.finish());
      if (session.ended) return;
      releaseHeld(session, true);
      flush(session);
      end(session, item.request.carry ? session.carry : undefined);
      break;
    }
  }
}

function lateTargets(session: Session, forStep: number, targets: readonly TargetValue[]): void {
  const { stream } = session;
  targets.forEach((target, i) => {
    if (session.ended) return;
    try {
      if (stream === undefined) throw new TargetError('Expected no targets: the session does not learn');
      if (session.learner!.horizon > 0) {
        throw new TargetError('Expected no targets: the targets of this session are its inputs');
      }
      guard(session, () => stream.next({ forStep: forStep + i, target }));
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      flush(session);
      fault(session, 'bad_target', error.message, { forStep: forStep + i });
    }
  });
}

function onLearned(session: Session, event: Learned): void {
  const { totals, number } = session;
  switch (event.kind) {
    case 'step':
      session.carry.set(event.step.carry);
      if (event.loss !== null) {
        totals.targets++;
        totals.loss += event.loss;
      }
      complete(session, session.queue[0] as Frame, event.step, event.loss);
      break;
    case 'late':
      if (event.loss === null) break;
      totals.targets++;
      totals.loss += event.loss;
      lateLoss(session, event.number, event.loss);
      break;
    case 'expired':
      totals.expiredTargets++;
      tell(session, {
        type: 'fault',
        session: number,
        code: 'target_expired',
        forStep: event.number,
        retryable: false,
        message: `Expected the target of step ${event.number} at most ${session.learner!.learning.lateness} steps late, got it later`,
      });
      break;
    case 'duplicate':
      tell(session, {
        type: 'fault',
        session: number,
        code: 'invalid',
        forStep: event.number,
        retryable: false,
        message: `Expected one target for step ${event.number}, got another: the first one stands`,
      });
      break;
    case 'update': {
      const { update } = event;
      totals.updates += update.skipped ? 0 : 1;
      totals.skippedUpdates += update.skipped ? 1 : 0;
      tell(session, { type: 'updated', session: number, ...update });
      break;
    }
  }
}

/** A frame of which some steps are made, but not all: its entry is not yet told. */
function underWay(session: Session): Frame | undefined {
  const head = session.queue[0];
  return head?.kind === 'frame' && head.done > 0 ? head : undefined;
}

/** In order with the entries: within a frame, after its own. */
function tell(session: Session, message: ServerMessage): void {
  if (underWay(session)) session.after.push(message);
  else pushMessage(session, message);
}

function lateLoss(session: Session, step: number, loss: number): void {
  const frame = underWay(session);
  const at = frame?.answers.findIndex(answer => answer.step === step) ?? -1;
  if (frame && at >= 0) frame.answers[at] = { ...frame.answers[at], loss };
  else if (frame) session.after.push({ type: 'losses', session: session.number, losses: [{ step, loss }] });
  else pushLoss(session, step, loss);
}

/** The session's last message. */
export function end(session: Session, carry?: Float32Array): void {
  if (session.ended) return;
  session.ended = true;
  for (const item of session.queue.splice(0)) {
    if (item.kind === 'frame' || item.kind === 'targets') session.outlet.queued -= item.cost;
  }
  session.waiting = 0;
  flush(session);
  session.stream = undefined;
  session.outlet.send({
    type: 'finished',
    session: session.number,
    ...(carry === undefined ? {} : { carry }),
    totals: totalsOf(session),
  });
  session.outlet.ended(session);
}

function totalsOf(session: Session): Totals {
  const { loss, ...counts } = session.totals;
  return { ...counts, steps: session.steps, ...(counts.targets > 0 ? { meanLoss: loss / counts.targets } : {}) };
}
