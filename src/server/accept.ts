/** What comes for a session: each frame once and in order, within the credit. What is not taken is told. */
import { type Frames, frameCount, type Payload, type TargetValue } from '../wire/messages.js';
import { acknowledge, answerAgain } from './kept.js';
import { at } from './queue.js';
import { enqueue, fault, noAnswers, type Session } from './session.js';

/** Bytes of a frame beside its numbers. */
const frameCost = 64;

/** Puts frames in the queue. */
export function acceptFrames(session: Session, frames: Frames): void {
  const { firstSeq, payload } = frames;
  const count = frameCount(payload);
  const due = session.nextSeq;
  if (frames.ack !== undefined && !acknowledge(session, frames.ack)) {
    refuseAck(session, frames.ack);
    return;
  }
  if (firstSeq > due) {
    session.counts.frames.gap += count;
    refuseGap(session, firstSeq);
    return;
  }
  const old = Math.min(count, due - firstSeq);
  if (old > 0) repeated(session, firstSeq, old);
  if (session.finishing) {
    if (old === count) return;
    fault(session, 'session_finished', `Expected no frames after finish, got frame ${due}`, { forSeq: due });
    return;
  }
  const end = Math.min(count, old + session.credit - underWay(session));
  for (let from = old; from < end; ) {
    const [reset] = session.resets;
    if (reset?.seq === firstSeq + from) pushReset(session, session.resets.shift()!.weights);
    const until = Math.min(end, (session.resets[0]?.seq ?? Number.POSITIVE_INFINITY) - firstSeq);
    pushFrames(session, frames, from, until);
    from = until;
  }
  const taken = Math.max(0, end - old);
  session.nextSeq += taken;
  session.waiting += taken;
  if (end < count && old < count) {
    session.counts.frames.rejected += count - Math.max(old, end);
    const seq = session.nextSeq;
    fault(
      session,
      'credit_exceeded',
      `Expected at most ${session.credit} frames under way, got more: send frame ${seq} again after an answer${session.kept ? ' is acknowledged' : ''}`,
      { forSeq: seq, expectedSeq: seq, retryable: true },
    );
  }
}

/** Those from one place to another, between which the stream does not start afresh. */
function pushFrames(session: Session, { firstSeq, payload, targets }: Frames, index: number, end: number): void {
  let cost = (end - index) * frameCost + Math.ceil((payloadBytes(payload) * (end - index)) / frameCount(payload));
  if (targets !== undefined) for (let i = index; i < end; i++) cost += targetBytes(targets.targets[i]);
  enqueue(session, {
    kind: 'frames',
    payload,
    targets,
    seq: firstSeq + index,
    index,
    end,
    cost,
    inputs: undefined,
    done: 0,
    firstStep: 0,
    answers: noAnswers,
  });
}

/** Something came that follows frames which have not. */
export function refuseGap(session: Session, seq: number): void {
  const due = session.nextSeq;
  fault(session, 'gap', `Expected frame ${due}, got frame ${seq}: send ${due} first`, {
    forSeq: seq,
    expectedSeq: due,
    retryable: true,
  });
}

/** Frames whose answers have not come, or in a resumable session have not been acknowledged. */
function underWay({ kept, nextSeq, waiting }: Session): number {
  return kept === undefined ? waiting : nextSeq - 1 - kept.acked;
}

/** Frames that were taken before: their answers are kept, or have been acknowledged, or are still to come. */
function repeated(session: Session, firstSeq: number, count: number): void {
  const { kept, number, outlet, counts } = session;
  counts.frames.duplicate += count;
  const gone = kept === undefined ? count : Math.max(0, Math.min(count, kept.acked + 1 - firstSeq));
  if (gone > 0) outlet.send({ type: 'duplicate', session: number, firstSeq, count: gone });
  if (gone < count) answerAgain(session, firstSeq + gone, firstSeq + count - 1);
}

/** Nobody has received an answer that was not given. */
export function refuseAck(session: Session, seq: number): void {
  const message = `Expected ack to be at most ${session.kept?.answered}, the newest answer, got ${seq}`;
  fault(session, 'invalid', message);
}

function payloadBytes(payload: Payload): number {
  switch (payload.kind) {
    case 'tokens':
      return 8 * payload.ids.length;
    case 'features':
      return payload.values.byteLength;
    case 'text':
      return payload.chunks.reduce((sum, chunk) => sum + 2 * chunk.length, 0);
    case 'pcm':
      return payload.chunks.reduce((sum, chunk) => sum + ('samples' in chunk ? chunk.samples : chunk).byteLength, 0);
    case 'points':
      return payload.chunks.reduce((sum, chunk) => sum + 64 * chunk.length, 0);
  }
}

function targetBytes(target: TargetValue | undefined): number {
  return typeof target === 'object' && target !== null ? 64 + target.byteLength : 0;
}

const resetCost = 64;

/** The stream starts afresh after what has come; resets with nothing between are one. */
export function pushReset(session: Session, weights: boolean): void {
  const { queue } = session;
  const last = queue.length > 0 ? at(queue, queue.length - 1) : undefined;
  if (last?.kind === 'reset') last.weights ||= weights;
  else enqueue(session, { kind: 'reset', weights, cost: resetCost });
}

/** The stream will start afresh before a frame that has not come. False if as many such resets wait as there is credit. */
export function planReset({ resets, credit }: Session, seq: number, weights: boolean): boolean {
  const at = resets.findIndex(reset => reset.seq >= seq);
  if (at >= 0 && resets[at].seq === seq) {
    resets[at] = { seq, weights: weights || resets[at].weights };
    return true;
  }
  if (resets.length >= credit) return false;
  resets.splice(at < 0 ? resets.length : at, 0, { seq, weights });
  return true;
}
