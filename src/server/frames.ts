/** The life of a frame: its turn comes, its steps are made, its entry or a fault takes its place. */
import { InputError, TargetError } from '../errors.js';
import { firstNotFinite } from '../model/carry.js';
import type { ModelConfig } from '../model/config.js';
import type { Input } from '../model/input.js';
import type { Moved, Run } from '../model/moving.js';
import { outputWidth } from '../model/outputs.js';
import type { Step } from '../model/transfer.js';
import { checkWeight } from '../training/window.js';
import type { Entry, Fault, FaultCode, Payload, ServerMessage, StepAnswer } from '../wire/messages.js';
import { answerLength, answerStep } from './answer.js';
import { flush, pushEntry, pushMessage, pushSteps, releaseHeld, takeLosses } from './outbox.js';
import { addFirst, at } from './queue.js';
import { dequeue, type FrameRun, forStepOf, noAnswers, type Session, sayFault, targetOf, weightOf } from './session.js';

/** Steps of one frame, and numbers in its answer, at most. */
const mostSteps = 4096;
const mostNumbers = 1 << 18;

/**
 * The input that is due of the first of these frames, at the head of the queue; undefined if that frame has ended: it was
 * refused, or makes no step.
 */
export function nextInput(session: Session, run: FrameRun): Input | undefined {
  try {
    return run.inputs === undefined ? begin(session, run) : run.inputs[run.done];
  } catch (error) {
    if (error instanceof InputError) refuse(session, run, 'bad_input', error, { index: error.index });
    else if (error instanceof TargetError) refuse(session, run, 'bad_target', error);
    else throw error;
    return undefined;
  }
}

/**
 * Puts in a run what is due of the frames at the head of the queue: as many inputs as lie there one after the other, up to `most`, which are
 * checked when they are stepped. False if the first frame has ended: it was refused, or makes no step.
 */
export function nextRun(session: Session, frames: FrameRun, run: Run, most: number): boolean {
  const { payload, index } = frames;
  if (frames.inputs === undefined && frames.targets === undefined && isRows(payload, session.served.model.config)) {
    run.inputs = payload.kind === 'tokens' ? payload.ids : payload.values;
    run.from = index;
    run.count = Math.min(most, frames.end - index);
    return true;
  }
  const input = nextInput(session, frames);
  if (input === undefined) return false;
  if (typeof input !== 'number') {
    run.inputs = input;
    run.from = 0;
    run.count = 1;
  } else {
    // All are numbers where one is.
    run.inputs = (frames.inputs ?? [input]) as readonly number[];
    run.from = frames.done;
    run.count = Math.min(most, run.inputs.length - frames.done);
  }
  return true;
}

/** Each frame is one step of the model, as it lies. */
function isRows(
  payload: Payload,
  { input }: ModelConfig,
): payload is Extract<Payload, { kind: 'tokens' | 'features' }> {
  if (payload.kind === 'tokens') return input.kind === 'token';
  return (
    payload.kind === 'features' && input.kind === 'features' && payload.values.length === payload.rows * input.size
  );
}

/** Checks a frame whole, so that one that is refused has moved nothing. */
function begin(session: Session, run: FrameRun): Input | undefined {
  const { payload, index } = run;
  const { model } = session.served;
  const { kind } = model.config.input;
  let input: Input;
  if (payload.kind === 'tokens' && kind === 'token') {
    input = payload.ids[index];
  } else if (payload.kind === 'features' && kind === 'features') {
    const width = payload.values.length / payload.rows;
    const { values, rows } = payload;
    // A learner keeps what it steps: not the whole message for it.
    input =
      session.stream?.copyPart(values, index * width, width) ?? (rows === 1 ? values : rowOf(values, index, width));
  } else {
    return encode(session, run);
  }
  model.checkInput(input);
  checkTarget(session, run);
  return input;
}

/** As `subarray` gives it, for half of what that costs. */
function rowOf({ buffer, byteOffset, BYTES_PER_ELEMENT }: Float32Array, index: number, width: number): Float32Array {
  return new Float32Array(buffer, byteOffset + index * width * BYTES_PER_ELEMENT, width);
}

function encode(session: Session, run: FrameRun): Input | undefined {
  const { payload, index } = run;
  const { served } = session;
  const { encoder, takes } = served;
  if (encoder === undefined || payload.kind !== takes || !('chunks' in payload)) {
    const encoded = served.model.config.input.kind === 'token' ? 'tokens' : 'features';
    throw new InputError(`Expected ${takes ? `${takes} or ${encoded}` : encoded}, got ${payload.kind}`);
  }
  const { inputs, state } = encoder.encode(session.encoding, payload.chunks[index]);
  const { config, carryLayout } = served.model;
  const each = session.want.last ? 0 : answerLength(session.want, outputWidth(config.output), carryLayout.size);
  const most = Math.min(mostSteps, Math.max(1, Math.floor(mostNumbers / each)));
  if (inputs.length > most) {
    throw new InputError(`Expected a chunk of at most ${most} steps, got ${inputs.length}: send it in parts`);
  }
  for (const input of inputs) served.model.checkInput(input);
  if (targetOf(run) !== undefined && forStepOf(run) === undefined) {
    throw new TargetError(`Expected a target with its step, forStep: a chunk of ${takes} may be several steps`);
  }
  checkTarget(session, run);
  session.encoding = state;
  if (inputs.length === 0) {
    endFrame(session, run, 0, 0, noAnswers);
    return undefined;
  }
  run.inputs = inputs;
  run.answers = [];
  return inputs[0];
}

/**
 * What the encoder still holds when no more will come is one more frame, numbered after the last, at the head of the queue. False if
 * it holds nothing.
 */
export function pushRest(session: Session): boolean {
  const { encoder, model } = session.served;
  if (encoder === undefined) return false;
  const { encoding } = session;
  session.encoding = encoder.initial();
  let inputs: readonly Input[] | undefined;
  let wrong: InputError | undefined;
  try {
    inputs = encoder.finish(encoding);
    if (inputs.length === 0) return false;
    for (const input of inputs) model.checkInput(input);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    wrong = error;
  }
  const payload = { kind: 'text', chunks: [''] } as const;
  const frame = {
    kind: 'frames',
    payload,
    targets: undefined,
    seq: session.nextSeq++,
    index: 0,
    end: 1,
    cost: 0,
  } as const;
  const run: FrameRun = { ...frame, inputs, done: 0, firstStep: 0, answers: [] };
  session.waiting++;
  addFirst(session.queue, run);
  if (wrong !== undefined) refuse(session, run, 'bad_input', wrong, { index: wrong.index });
  return wrong === undefined;
}

function checkTarget(session: Session, run: FrameRun): void {
  const target = targetOf(run);
  if (target === undefined) return;
  const forStep = forStepOf(run);
  checkTakesTargets(session);
  session.learner!.trainer.checkTarget(target);
  checkWeight(weightOf(run));
  if (forStep !== undefined && forStep > session.steps) {
    throw new TargetError(`Expected forStep to be an earlier step, up to ${session.steps}, got ${forStep}`);
  }
}

/** @throws TargetError */
export function checkTakesTargets({ learner }: Session): void {
  if (learner === undefined) throw new TargetError('Expected no targets: the session does not learn');
  if (learner.horizon > 0) throw new TargetError('Expected no targets: the targets of this session are its inputs');
}

/** An answer that is not written at once. */
function copyOf(answer: StepAnswer): StepAnswer {
  const { prediction, logits, carry } = answer;
  return {
    ...answer,
    ...(prediction && { prediction: prediction.slice() }),
    ...(logits && { logits: logits.slice() }),
    ...(carry && { carry: carry.slice() }),
  };
}

/** A run of the frames at the head of the queue was stepped, up to an input that is refused. */
export function completeRun(session: Session, { made, steps, refused, failed }: Moved): void {
  const frames = at(session.queue, 0) as FrameRun;
  if (failed !== undefined) {
    if (!refuseState(session, frames)) throw failed;
    return;
  }
  if (made > 0 && session.plain && frames.inputs === undefined) {
    const { seq } = frames;
    const firstStep = session.steps + 1;
    session.steps += made;
    applied(session, frames, made);
    pushSteps(session, seq, firstStep, steps, made);
  } else {
    for (let i = 0; i < made; i++) completeStep(session, steps[i], null);
  }
  if (refused !== undefined)
    refuse(session, at(session.queue, 0) as FrameRun, 'bad_input', refused, { index: refused.index });
}

/** A step of the frame at the head of the queue was made; it may change after. */
export function completeStep(session: Session, step: Step, loss: number | null, limited?: true): void {
  const run = at(session.queue, 0) as FrameRun;
  if (step.carry !== session.carry) session.carry.set(step.carry);
  const number = ++session.steps;
  if (session.plain && run.inputs === undefined) {
    answer.step = number;
    answer.prediction = step.prediction;
    answer.loss = loss ?? undefined;
    answer.limited = limited;
    endFrame(session, run, number, 1, answers);
    answer.prediction = noNumbers;
    return;
  }
  const { want } = session;
  const shown = answerStep(want, number, step, loss, limited);
  const waits = run.inputs !== undefined || want.last;
  const told = waits && shown !== undefined ? copyOf(shown) : shown;
  if (run.inputs === undefined) {
    endFrame(session, run, number, 1, told === undefined ? noAnswers : [told]);
    return;
  }
  if (run.done === 0) run.firstStep = number;
  if (told !== undefined) {
    if (want.last) run.answers.length = 0;
    run.answers.push(told);
  }
  run.done++;
  if (run.done === run.inputs.length) endFrame(session, run, run.firstStep, run.done, run.answers);
}

const noNumbers = new Float32Array(0);

/** The plain one that is told at present, and the entry of any: they are written, or copied, before the next. */
const answer: { -readonly [K in keyof StepAnswer]: StepAnswer[K] } = {
  step: 0,
  prediction: noNumbers,
  loss: undefined,
  limited: undefined,
};
const answers: readonly StepAnswer[] = [answer];
const entry: { -readonly [K in keyof Entry]: Entry[K] } = {
  firstStep: 0,
  stepCount: 0,
  answers: noAnswers,
  losses: undefined,
};

function endFrame(
  session: Session,
  run: FrameRun,
  firstStep: number,
  stepCount: number,
  answers: readonly StepAnswer[],
): void {
  const { seq } = run;
  applied(session, run, 1);
  entry.firstStep = firstStep;
  entry.stepCount = stepCount;
  entry.answers = answers;
  entry.losses = takeLosses(session);
  pushEntry(session, seq, entry);
  if (session.after.length > 0) for (const message of session.after.splice(0)) pushMessage(session, message);
}

/** So many of the frames, the first ones, have made their steps. */
function applied(session: Session, run: FrameRun, count: number): void {
  session.totals.frames += count;
  session.counts.frames.applied += count;
  drop(session, run, count);
}

/** Refuses a frame since its session has a state that no step can be made from. False if it has none such. */
export function refuseState(session: Session, run: FrameRun): boolean {
  const { carry } = session;
  const bad = firstNotFinite(carry);
  if (bad < 0) return false;
  const message = `Expected the state of the session to be finite numbers, got ${carry[bad]} at ${bad}: it grew beyond float32; reset the session, or restore an earlier state`;
  // What happened within the frame is told before it.
  for (const told of session.after.splice(0)) pushMessage(session, told);
  refuse(session, run, 'bad_input', new InputError(message, bad));
  return true;
}

function refuse(session: Session, run: FrameRun, code: FaultCode, error: Error, details: Partial<Fault> = {}): void {
  const { seq } = run;
  session.totals.refusedFrames++;
  session.counts.frames.rejected++;
  drop(session, run, 1);
  releaseHeld(session, true);
  flush(session);
  sayFault(session, code, error.message, { forSeq: seq, ...details });
}

/** The first of the frames, or so many of them, have had their turn. */
function drop(session: Session, run: FrameRun, count: number): void {
  session.waiting -= count;
  run.seq += count;
  run.index += count;
  run.inputs = undefined;
  run.done = 0;
  if (run.index === run.end) dequeue(session);
}

/** The frames of the first of which some steps are made, but not all: its entry is not yet told. */
export function underWay(session: Session): FrameRun | undefined {
  const { queue } = session;
  const head = queue.length > 0 ? at(queue, 0) : undefined;
  return head?.kind === 'frames' && head.done > 0 ? head : undefined;
}

/** In order with the entries: what happens within a frame comes after its own. */
export function tell(session: Session, message: ServerMessage): void {
  if (underWay(session)) session.after.push(message);
  else pushMessage(session, message);
}
