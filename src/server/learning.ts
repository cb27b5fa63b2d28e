/** What a session that learns does with its frames and targets, in the order of `tbptt`. */
import { DivergenceError, TargetError } from '../errors.js';
import { firstNotFinite } from '../model/carry.js';
import type { Input } from '../model/input.js';
import { atOnce, clocked, complete, type Parts } from '../parts.js';
import { createStream } from '../training/stream.js';
import type { Update } from '../training/trainer.js';
import type { FaultCode, StepLoss, TargetValue } from '../wire/messages.js';
import { countOne, observe } from './counts.js';
import { checkTakesTargets, completeStep, refuseState, tell, underWay } from './frames.js';
import type { SessionLearner } from './learner.js';
import { flush, releaseHeld } from './outbox.js';
import { type FrameRun, forStepOf, type Session, sayFault, targetOf, weightOf } from './session.js';

/** Begins the stream of a session that learns, from its carry, as any stream begins; only the step numbers go on. */
export function startLearning(session: Session): void {
  const { learner, steps } = session;
  if (learner === undefined) return;
  const fresh = { carry: session.carry.slice(), steps, began: steps, updated: steps, read: steps, entries: [] };
  session.stream = createStream(learner.trainer, fresh);
  followVerdicts(session, learner);
  session.streamStart = steps;
  session.diverged = false;
}

/** The stream of the session does as the guard of its learner tells. */
export function followVerdicts(session: Session, learner: SessionLearner): void {
  learner.follow({
    heed: update => heed(session, update),
    fail(error) {
      session.broken ??= { error };
    },
  });
}

/**
 * One step of the first of these frames, at the head of the queue, with its target and the update that is due. Returns what is left
 * to be done, in parts; undefined where no update was due.
 */
export function learnStep(session: Session, run: FrameRun, came: Input): Parts<void> | undefined {
  if (firstNotFinite(session.carry) >= 0) {
    // The guard may take it back.
    complete(updateDue(session, true));
    if (refuseState(session, run)) return undefined;
  }
  // What an encoder made is part of something larger, which would stay as long as any row of it.
  const input = run.inputs === undefined ? came : session.stream!.copy(came);
  const { horizon } = session.learner!;
  const first = run.done === 0;
  // It is the last one no more: what this frame brings comes after its entry.
  if (first) releaseHeld(session, false);
  const target = first ? session.stream!.copy(targetOf(run)) : undefined;
  const forStep = first ? forStepOf(run) : undefined;
  const weight = first ? weightOf(run) : undefined;
  session.served.journal?.(session.token, { kind: 'step', input, target, forStep, weight });
  let own = target;
  if (horizon > 0) {
    const earlier = session.steps + 1 - horizon;
    // The first inputs of a stream are no targets of steps before it.
    if (earlier > session.streamStart) learnTarget(session, earlier, input);
  } else if (forStep !== undefined) {
    learnTarget(session, forStep, target!, weight);
    own = undefined;
  }
  if (isDue(session, true)) return learnAndStep(session, input, own, weight);
  step(session, input, own, weight);
  return isDue(session, false) ? updateDue(session, false) : undefined;
}

function* learnAndStep(session: Session, input: Input, target: TargetValue | undefined, weight?: number): Parts<void> {
  yield* updateDue(session, true);
  step(session, input, target, weight);
  yield* updateDue(session, false);
}

function step(session: Session, input: Input, target: TargetValue | undefined, weight?: number): void {
  const { step: made, loss, limited } = session.stream!.step(input, target, weight);
  if (loss !== null) count(session, loss);
  if (limited) {
    session.totals.limitedInputs++;
    session.counts.limitedInputs++;
  }
  completeStep(session, made, loss, limited);
}

/** Targets that came on their own; a wrong one is told and moves nothing. */
export function* learnTargets(
  session: Session,
  forStep: number,
  targets: readonly TargetValue[],
  weights?: readonly number[],
): Parts<void> {
  session.served.journal?.(session.token, { kind: 'targets', forStep, targets, weights });
  for (const [i, target] of targets.entries()) {
    try {
      checkTakesTargets(session);
      learnTarget(session, forStep + i, session.stream?.copy(target) ?? target, weights?.[i]);
      if (forStep + i === session.stream!.steps()) yield* updateDue(session, false);
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      flush(session);
      sayFault(session, 'bad_target', error.message, { forStep: forStep + i });
    }
  }
  // No frame takes them along.
  if (session.losses.length > 0) flush(session);
}

function learnTarget(session: Session, number: number, target: TargetValue, weight?: number): void {
  const stream = session.stream!;
  const arrival = stream.target(number, target, weight);
  if (arrival.kind === 'late') {
    if (arrival.loss !== null) {
      count(session, arrival.loss);
      tellLoss(session, number, arrival.loss);
    }
  } else if (arrival.kind === 'expired') {
    session.totals.expiredTargets++;
    const { learner, streamStart } = session;
    const message =
      number > streamStart
        ? `Expected the target of step ${number} at most ${learner!.learning.lateness} steps late, got it later`
        : `Expected the target of a step since the stream began afresh, after step ${streamStart}, got that of step ${number}`;
    tellFault(session, 'target_expired', message, number);
  } else {
    const message = `Expected one target for step ${number}, got another: the first one stands`;
    tellFault(session, 'target_exists', message, number);
  }
}

/** After the answer of the frame that it came with. */
function tellFault(session: Session, code: FaultCode, message: string, forStep?: number): void {
  countOne(session.counts.faults, code);
  tell(session, { type: 'fault', session: session.number, code, forStep, retryable: false, message });
}

/** Learns what remains. */
export function finishLearning(session: Session): void {
  if (session.stream === undefined) return;
  session.served.journal?.(session.token, { kind: 'finish' });
  complete(update(session));
  updateReadout(session);
}

function isDue(session: Session, waiting: boolean): boolean {
  const { windows, readout } = session.stream!;
  return windows.due(waiting) || (readout?.due(waiting) ?? false);
}

/** The network first: so each learns from what was said, and not from what the other has just made of it. */
function* updateDue(session: Session, waiting: boolean): Parts<void> {
  const { windows, readout } = session.stream!;
  if (windows.due(waiting)) yield* update(session);
  if (readout?.due(waiting)) updateReadout(session);
}

/** Weights that others step with are never left in the middle of an update. */
function* update(session: Session): Parts<void> {
  const windows = session.stream!.windows.take();
  if (windows.length === 0) return;
  const { trainer, own } = session.learner!;
  const parts = learn(session, trainer.learnInParts(windows));
  if (own) yield* parts;
  else complete(parts);
}

function updateReadout(session: Session): void {
  const steps = session.stream!.readout?.take() ?? [];
  if (steps.length > 0)
    complete(
      learn(
        session,
        atOnce(() => session.learner!.trainer.learnReadout(steps)),
      ),
    );
}

/** After a divergence the stream is stepped and scored on, and learned from no more. */
function* learn(session: Session, parts: Pick<Parts<Update>, 'next'>): Parts<void> {
  const { totals, counts, histograms, number: own, learner, grant } = session;
  if (session.diverged) return;
  try {
    const { result, milliseconds } = yield* clocked(parts);
    const { good, rollback, ...done } = result;
    observe(histograms.update, milliseconds / 1000);
    if (!done.skipped) observe(histograms.gradientNorm, done.gradientNorm);
    if (done.skipped) totals.skippedUpdates++;
    else totals.updates++;
    counts.updates[done.skipped ? 'skipped' : 'applied']++;
    if (done.shortened) {
      totals.shortenedUpdates++;
      counts.updates.shortened++;
    }
    if (rollback) counts.updates.rollbacks++;
    if (done.skipped || rollback) countOne(counts.badUpdates, grant.name);
    if (!rollback) tell(session, { type: 'updated', session: own, ...done });
    if (good || rollback) learner!.tell({ good, rollback, ...done });
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    totals.skippedUpdates++;
    counts.updates.skipped++;
    countOne(counts.badUpdates, grant.name);
    session.diverged = true;
    tellFault(session, 'diverged', error.message);
  }
}

/** What the guard did to the weights is done to the stream: where it was taken back, it is told. */
function heed(session: Session, update: Update): void {
  const { good, rollback, ...done } = update;
  if (session.stream === undefined) return;
  const toStep = session.stream.heed(update);
  if (rollback === undefined) return;
  session.carry.set(session.stream.state().carry);
  session.totals.rollbacks++;
  const { reason, ...rest } = rollback;
  const told = { ...rest, reason: reason === 'not finite' ? 'not-finite' : reason, toStep } as const;
  tell(session, { type: 'updated', session: session.number, ...done, rollback: told });
}

function count(session: Session, loss: number): void {
  session.totals.targets++;
  session.totals.loss += loss;
}

/** In its answer, where that has not left yet; else with the frame that the target came with, or alone. */
function tellLoss(session: Session, step: number, loss: number): void {
  const frame = underWay(session);
  const at = frame?.answers.findIndex(answer => answer.step === step) ?? -1;
  if (frame && at >= 0) frame.answers[at] = { ...frame.answers[at], loss };
  else if (session.losses.length === 0) session.losses = alone(session, step, loss);
  else {
    if (session.losses === session.lossAlone) session.losses = session.losses.map(said => ({ ...said }));
    session.losses.push({ step, loss });
  }
}

/** Most often a loss is the only one that waits: its list is that of the one before, which has been written. */
function alone(session: Session, step: number, loss: number): StepLoss[] {
  session.lossAlone ??= [{ step, loss }];
  const { lossAlone } = session;
  lossAlone[0].step = step;
  lossAlone[0].loss = loss;
  return lossAlone;
}
