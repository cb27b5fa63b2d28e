import type { Input } from '../model/input.js';
import type { LearningStream } from '../training/stream.js';
import {
  type Entry,
  type Fault,
  type FaultCode,
  type Frames,
  frameCount,
  type Payload,
  type ServerMessage,
  type StepAnswer,
  type TargetValue,
} from '../wire/messages.js';
import type { EffectiveWant } from './answer.js';
import type { SessionLearner } from './learner.js';
import type { Served } from './served.js';

/** Where the messages of a session go. */
export interface Outlet {
  send(message: ServerMessage): void;
  /** Bytes of frames that wait to be stepped. */
  queued: number;
  /** Bytes of answers that wait to be sent as messages. */
  pending: number;
  /** The peer does not read: its sessions wait. */
  blocked(): boolean;
  /** The session has sent its last message. */
  ended(session: Session): void;
}

/** One frame that waits for its turn, or is under way. */
export interface Frame {
  readonly kind: 'frame';
  readonly seq: number;
  readonly payload: Payload;
  /** Which frame of the payload. */
  readonly index: number;
  /** Undefined where none came with it. */
  readonly target: TargetValue | undefined;
  /** The earlier step that the target is for; undefined for its own. */
  readonly forStep: number | undefined;
  /** Bytes while it waits. */
  readonly cost: number;
  /** The inputs it makes: known when its turn comes. */
  inputs: readonly Input[] | undefined;
  /** How many of them were stepped. */
  done: number;
  firstStep: number;
  readonly answers: StepAnswer[];
}

/** What waits in a session, in the order in which it came. */
export type Item =
  | Frame
  | {
      readonly kind: 'targets';
      readonly forStep: number;
      readonly targets: readonly TargetValue[];
      readonly cost: number;
    }
  | { readonly kind: 'reset'; readonly weights: boolean }
  | { readonly kind: 'finish'; readonly carry: boolean; readonly learn: boolean };

/** One stream on the server. */
export interface Session {
  readonly number: number;
  readonly outlet: Outlet;
  readonly served: Served;
  readonly want: EffectiveWant;
  /** Frames that may wait. */
  readonly credit: number;
  readonly learner: SessionLearner | undefined;
  /** Its own array, written at each step. */
  readonly carry: Float32Array;
  /** Of a session that learns. */
  stream: LearningStream | undefined;
  /** The steps made when the stream last started afresh. */
  streamStart: number;
  /** Learning failed too often: the session predicts on. */
  diverged: boolean;
  /** What the encoder remembers. */
  encoding: unknown;
  readonly queue: Item[];
  /** In the batcher's list. */
  active: boolean;
  /** Frames in the queue. */
  waiting: number;
  nextSeq: number;
  steps: number;
  /** The stream starts afresh before this frame, which has not come yet. */
  resetBefore: { readonly seq: number; readonly weights: boolean } | undefined;
  finishing: boolean;
  ended: boolean;
  /** Answers that go out as one message. */
  entries: Entry[];
  firstEntry: number;
  /** Numbers in them. */
  size: number;
  /** Losses that go out as one message. */
  losses: { step: number; loss: number }[];
  /** The newest answer, where only the last one is wanted. */
  held: { readonly seq: number; readonly entry: Entry } | undefined;
  /** What happened within a frame: told after its entry. */
  readonly after: ServerMessage[];
  readonly totals: {
    frames: number;
    refusedFrames: number;
    targets: number;
    expiredTargets: number;
    updates: number;
    skippedUpdates: number;
    /** Sum of the losses of the applied targets. */
    loss: number;
  };
}

export function createSession(
  given: Pick<Session, 'number' | 'outlet' | 'served' | 'want' | 'credit' | 'learner' | 'carry'>,
): Session {
  return {
    ...given,
    stream: undefined,
    streamStart: 0,
    diverged: false,
    encoding: given.served.encoder?.initial(),
    queue: [],
    active: false,
    waiting: 0,
    nextSeq: 1,
    steps: 0,
    resetBefore: undefined,
    finishing: false,
    ended: false,
    entries: [],
    firstEntry: 0,
    size: 0,
    losses: [],
    held: undefined,
    after: [],
    totals: { frames: 0, refusedFrames: 0, targets: 0, expiredTargets: 0, updates: 0, skippedUpdates: 0, loss: 0 },
  };
}

/** Puts frames in the queue: each number once and in order, within the credit. What is not taken is told. */
export function acceptFrames(session: Session, frames: Frames): void {
  const { firstSeq, payload, targets } = frames;
  const count = frameCount(payload);
  if (session.finishing) {
    fault(session, 'session_finished', `Expected no frames after finish, got frame ${firstSeq}`, { forSeq: firstSeq });
    return;
  }
  const due = session.nextSeq;
  if (firstSeq > due) {
    fault(session, 'gap', `Expected frame ${due}, got frame ${firstSeq}: send ${due} first`, {
      forSeq: firstSeq,
      expectedSeq: due,
      retryable: true,
    });
    return;
  }
  const old = Math.min(count, due - firstSeq);
  if (old > 0) session.outlet.send({ type: 'duplicate', session: session.number, firstSeq, count: old });
  const end = Math.min(count, old + session.credit - session.waiting);
  const cost = 64 + Math.ceil(payloadBytes(payload) / count);
  for (let i = old; i < end; i++) {
    const seq = firstSeq + i;
    const reset = session.resetBefore;
    if (reset?.seq === seq) {
      session.queue.push({ kind: 'reset', weights: reset.weights });
      session.resetBefore = undefined;
    }
    session.queue.push({
      kind: 'frame',
      seq,
      payload,
      index: i,
      target: targets?.targets[i],
      forStep: targets?.forStep === undefined ? undefined : targets.forStep + i,
      cost,
      inputs: undefined,
      done: 0,
      firstStep: 0,
      answers: [],
    });
  }
  const taken = Math.max(0, end - old);
  session.nextSeq += taken;
  session.waiting += taken;
  session.outlet.queued += taken * cost;
  if (end < count && old < count) {
    const seq = session.nextSeq;
    fault(
      session,
      'credit_exceeded',
      `Expected at most ${session.credit} frames under way, got more: send frame ${seq} again after an answer`,
      { forSeq: seq, expectedSeq: seq, retryable: true },
    );
  }
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
      return payload.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    case 'points':
      return payload.chunks.reduce((sum, chunk) => sum + 64 * chunk.length, 0);
  }
}

/** Tells of something refused; `details` override. */
export function fault(
  session: Pick<Session, 'number' | 'outlet'>,
  code: FaultCode,
  message: string,
  details: Partial<Fault> = {},
): void {
  session.outlet.send({ type: 'fault', session: session.number, code, retryable: false, message, ...details });
}
