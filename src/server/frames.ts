/** The life of a frame: its turn comes, its steps are made, its entry or a fault takes its place. */
import { InputError, TargetError } from '../errors.js';
import type { Input } from '../model/input.js';
import { outputWidth } from '../model/outputs.js';
import type { Step } from '../model/transfer.js';
import type { Fault, FaultCode, ServerMessage } from '../wire/messages.js';
import { answerLength, answerStep } from './answer.js';
import { flush, pushEntry, pushMessage, releaseHeld } from './outbox.js';
import { dequeue, type Frame, type Session, sayFault } from './session.js';

/** Steps of one frame, and numbers in its answer, at most. */
const mostSteps = 4096;
const mostNumbers = 1 << 18;

/**
 * The input that is due of the frame at the head of the queue; undefined if that frame has ended: it was refused, or makes
 * no step.
 */
export function nextInput(session: Session, frame: Frame): Input | undefined {
  try {
    if (frame.inputs === undefined) return begin(session, frame);
    return frame.inputs[frame.done];
  } catch (error) {
    if (error instanceof InputError) refuse(session, frame, 'bad_input', error, { index: error.index });
    else if (error instanceof TargetError) refuse(session, frame, 'bad_target', error);
    else throw error;
    return undefined;
  }
}

/** Checks a frame whole, so that one that is refused has moved nothing. */
function begin(session: Session, frame: Frame): Input | undefined {
  const { payload, index } = frame;
  const { model } = session.served;
  let input: Input;
  if (payload.kind === 'tokens') {
    input = payload.ids[index];
  } else if (payload.kind === 'features') {
    const width = payload.values.length / payload.rows;
    input = payload.rows === 1 ? payload.values : payload.values.subarray(index * width, (index + 1) * width);
  } else {
    return encode(session, frame);
  }
  model.checkInput(input);
  checkTarget(session, frame);
  return input;
}

function encode(session: Session, frame: Frame): Input | undefined {
  const { payload, index } = frame;
  const { served } = session;
  const { encoder, takes } = served;
  if (encoder === undefined || payload.kind !== takes || !('chunks' in payload)) {
    const encoded = served.model.config.input.kind === 'token' ? 'tokens' : 'features';
    throw new InputError(`Expected ${takes ? `${takes} or ${encoded}` : 'tokens or features'}, got ${payload.kind}`);
  }
  const { inputs, state } = encoder.encode(session.encoding, payload.chunks[index]);
  const { config, carryLayout } = served.model;
  const each = session.want.last ? 0 : answerLength(session.want, outputWidth(config.output), carryLayout.size);
  const most = Math.min(mostSteps, Math.max(1, Math.floor(mostNumbers / each)));
  if (inputs.length > most) {
    throw new InputError(`Expected a chunk of at most ${most} steps, got ${inputs.length}: send it in parts`);
  }
  for (const input of inputs) served.model.checkInput(input);
  if (frame.target !== undefined && frame.forStep === undefined) {
    throw new TargetError(`Expected a target with its step, forStep: a chunk of ${takes} may be several steps`);
  }
  checkTarget(session, frame);
  session.encoding = state;
  frame.inputs = inputs;
  if (inputs.length === 0) endFrame(session, frame);
  return inputs[0];
}

function checkTarget(session: Session, { target, forStep }: Frame): void {
  if (target === undefined) return;
  checkTakesTargets(session);
  session.learner!.trainer.checkTarget(target);
  if (forStep !== undefined && forStep > session.steps) {
    throw new TargetError(`Expected forStep to be an earlier step, up to ${session.steps}, got ${forStep}`);
  }
}

/** @throws TargetError */
export function checkTakesTargets({ learner }: Session): void {
  if (learner === undefined) throw new TargetError('Expected no targets: the session does not learn');
  if (learner.horizon > 0) throw new TargetError('Expected no targets: the targets of this session are its inputs');
}

/** A step of the frame at the head of the queue was made. */
export function completeStep(session: Session, step: Step, loss: number | null): void {
  const frame = session.queue[0] as Frame;
  session.carry.set(step.carry);
  const number = ++session.steps;
  if (frame.done === 0) frame.firstStep = number;
  const answer = answerStep(session.want, number, step, loss);
  if (answer !== undefined) {
    if (session.want.last) frame.answers.length = 0;
    frame.answers.push(answer);
  }
  frame.done++;
  if (frame.inputs === undefined || frame.done === frame.inputs.length) endFrame(session, frame);
}

function endFrame(session: Session, frame: Frame): void {
  session.totals.frames++;
  session.counts.frames.applied++;
  drop(session);
  pushEntry(session, frame.seq, { firstStep: frame.firstStep, stepCount: frame.done, answers: frame.answers });
  if (session.after.length > 0) for (const message of session.after.splice(0)) pushMessage(session, message);
}

function refuse(session: Session, frame: Frame, code: FaultCode, error: Error, details: Partial<Fault> = {}): void {
  session.totals.refusedFrames++;
  session.counts.frames.rejected++;
  drop(session);
  releaseHeld(session, true);
  flush(session);
  sayFault(session, code, error.message, { forSeq: frame.seq, ...details });
}

/** Takes a frame off the queue. */
function drop(session: Session): void {
  dequeue(session);
  session.waiting--;
}

/** The frame of which some steps are made, but not all: its entry is not yet told. */
export function underWay(session: Session): Frame | undefined {
  const head = session.queue[0];
  return head?.kind === 'frame' && head.done > 0 ? head : undefined;
}

/** In order with the entries: what happens within a frame comes after its own. */
export function tell(session: Session, message: ServerMessage): void {
  if (underWay(session)) session.after.push(message);
  else pushMessage(session, message);
}
