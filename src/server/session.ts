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
import { type Counts, countOne, type Histograms } from './counts.js';
import type { SessionLearner } from './learner.js';
import type { Served } from './served.js';

/** Where the messages of a session go. */
export interface Outlet {
  /** The name of the token behind it. */
  readonly client: string;
  readonly counts: Counts;
  readonly histograms: Histograms;
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
      /** How many of them were taken. */
      done: number;
    }
  | { readonly kind: 'reset'; readonly weights: boolean; readonly cost: number }
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
  /** The carry that it was opened with, to which a reset goes back. */
  readonly opened: Float32Array;
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
  /** The stream starts afresh before these frames, which have not come yet; in their order. */
  resets: { readonly seq: number; readonly weights: boolean }[];
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
    opened: given.carry.slice(),
    stream: undefined,
    streamStart: 0,
    diverged: false,
    encoding: given.served.encoder?.initial(),
    queue: [],
    active: false,
    waiting: 0,
    nextSeq: 1,
    steps: 0,
    resets: [],
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
  const { frames: counted } = session.outlet.counts;
  if (firstSeq > due) {
    counted.gap += count;
    fault(session, 'gap', `Expected frame ${due}, got frame ${firstSeq}: send ${due} first`, {
      forSeq: firstSeq,
      expectedSeq: due,
      retryable: true,
    });
    return;
  }
  const old = Math.min(count, due - firstSeq);
  counted.duplicate += old;
  if (old > 0) session.outlet.send({ type: 'duplicate', session: session.number, firstSeq, count: old });
  const end = Math.min(count, old + session.credit - session.waiting);
  const own = 64 + Math.ceil(payloadBytes(payload) / count);
  for (let i = old; i < end; i++) {
    const seq = firstSeq + i;
    if (session.resets[0]?.seq === seq) pushReset(session, session.resets.shift()!.weights);
    const target = targets?.targets[i];
    const cost = own + targetBytes(target);
    session.queue.push({
      kind: 'frame',
      seq,
      payload,
      index: i,
      target,
      forStep: targets?.forStep === undefined ? undefined : targets.forStep + i,
      cost,
      inputs: undefined,
      done: 0,
      firstStep: 0,
      answers: [],
    });
    session.outlet.queued += cost;
  }
  const taken = Math.max(0, end - old);
  session.nextSeq += taken;
  session.waiting += taken;
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
  const { queue, outlet } = session;
  const last = queue.at(-1);
  if (last?.kind === 'reset') {
    if (weights && !last.weights) queue[queue.length - 1] = { ...last, weights };
    return;
  }
  queue.push({ kind: 'reset', weights, cost: resetCost });
  outlet.queued += resetCost;
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

/** Tells of something refused; `details` override. */
export function fault(
  session: { readonly number: number; readonly outlet: Pick<Outlet, 'send' | 'counts'> },
  code: FaultCode,
  message: string,
  details: Partial<Fault> = {},
): void {
  countOne(session.outlet.counts.faults, code);
  session.outlet.send({ type: 'fault', session: session.number, code, retryable: false, message, ...details });
}
