import type { Input } from '../model/input.js';
import type { Parts } from '../parts.js';
import type { LearningStream } from '../training/stream.js';
import type {
  Entries,
  Entry,
  Fault,
  FaultCode,
  Frames,
  Learn,
  Opened,
  Payload,
  ServerMessage,
  StepAnswer,
  StepLoss,
  TargetValue,
} from '../wire/messages.js';
import { type EffectiveWant, isPlain } from './answer.js';
import { type Counts, countOne, type Histograms } from './counts.js';
import type { Grant } from './grant.js';
import { createKept, type KeptMessages, type Share, say } from './kept.js';
import type { SessionLearner } from './learner.js';
import { add, addFirst, createQueue, type Queue, take } from './queue.js';
import type { Served } from './served.js';

/** Where the messages of a session go: its connection, or nowhere while that is lost. */
export interface Outlet {
  readonly counts: Counts;
  send(message: ServerMessage): void;
  /** A message that is bytes of `eddy.v1.proto`; `memory`, which it lies in, is given back once it has gone. */
  sendBytes(bytes: Uint8Array<ArrayBuffer>, memory?: Entries): void;
  /** Bytes of frames that wait to be stepped. */
  queued: number;
  /** Bytes of answers that wait to be sent as messages. */
  pending: number;
  /** The peer does not read: its sessions wait. */
  blocked(): boolean;
  /** The session has sent its last message. */
  ended(session: Session): void;
  /** Another connection goes on with the session of that number. */
  takenOver(number: number): void;
}

/** Frames of one message that wait for their turn; what is said of the first of them moves on as they have it. */
export interface FrameRun {
  readonly kind: 'frames';
  readonly payload: Payload;
  readonly targets: Frames['targets'];
  /** The number of the first, and its place in the payload. */
  seq: number;
  index: number;
  /** Where in the payload they end. */
  readonly end: number;
  /** Bytes while any of them waits. */
  readonly cost: number;
  /** The inputs that the first makes, where an encoder makes them: known when its turn comes. */
  inputs: readonly Input[] | undefined;
  /** How many of those were stepped, the number of the first step, and the answers. */
  done: number;
  firstStep: number;
  answers: StepAnswer[];
}

/** The answers of a frame that has none yet, or makes none. */
export const noAnswers: StepAnswer[] = [];

/** In place of losses that do not wait; it is never pushed to. */
export const noLosses: StepLoss[] = [];

/** The target of the first; undefined where none came with it. */
export function targetOf({ targets, index }: FrameRun): TargetValue | undefined {
  return targets?.targets[index];
}

/** How much that target teaches; undefined where nothing is said of it. */
export function weightOf({ targets, index }: FrameRun): number | undefined {
  return targets?.weights?.[index];
}

/** The earlier step that its target is for; undefined for its own. */
export function forStepOf({ targets, index }: FrameRun): number | undefined {
  return targets?.forStep === undefined ? undefined : targets.forStep + index;
}

/** What waits in a session, in the order in which it came. */
export type Item =
  | FrameRun
  | {
      readonly kind: 'targets';
      readonly forStep: number;
      readonly targets: readonly TargetValue[];
      readonly weights?: readonly number[];
      readonly cost: number;
      /** How many of them were taken. */
      done: number;
    }
  | { readonly kind: 'reset'; weights: boolean; readonly cost: number }
  | { readonly kind: 'snapshot'; readonly cost: number }
  /** That a state was put in the place of the stream's is told in its turn. */
  | { readonly kind: 'restored'; readonly cost: number; tell(): Opened }
  /** A reset that was refused: told in its turn, so that who reads no answers is not told without end. */
  | { readonly kind: 'refused'; readonly message: string; readonly cost: number }
  /** `begin` reads what is to be put in the place of the stream; the session waits meanwhile. */
  | { readonly kind: 'restore'; readonly cost: number; begin(): void }
  /** It was read, and fits: `put` puts it there. */
  | { readonly kind: 'put'; readonly cost: number; put(): void }
  /** What is left of the step or the targets of a learner that were begun, and are in the middle of an update. */
  | { readonly kind: 'update'; readonly cost: number; readonly rest: Parts<void> }
  | { readonly kind: 'finish'; readonly carry: boolean; readonly state: boolean; readonly learn: boolean };

/** One stream on the server. */
export interface Session {
  /** Of its connection, as it is at present. */
  number: number;
  outlet: Outlet;
  readonly counts: Counts;
  readonly histograms: Histograms;
  readonly share: Share;
  /** Whose it is: only the same one goes on with it. */
  readonly grant: Grant;
  /** Names it across connections; empty if it is not resumable. */
  readonly token: string;
  /** What its client drew for its opening; empty if nothing. */
  readonly nonce: string;
  /** What was said and may not have arrived; undefined if it is not resumable. */
  readonly kept: KeptMessages | undefined;
  readonly served: Served;
  readonly learn: Learn;
  readonly want: EffectiveWant;
  /** What it wants is the whole prediction of each step, and nothing else. */
  readonly plain: boolean;
  /** Frames that may be under way. */
  readonly credit: number;
  /** Has weights of its own. */
  readonly own: boolean;
  learner: SessionLearner | undefined;
  /** Its own array, written at each step. */
  readonly carry: Float32Array;
  /** The carry that it was opened with, to which a reset goes back; undefined where that is zeros, as for most. */
  opened: Float32Array | undefined;
  /** Of a session that learns. */
  stream: LearningStream | undefined;
  /** The steps made when the stream last started afresh. */
  streamStart: number;
  /** Learning failed too often: the session predicts on. */
  diverged: boolean;
  /** Its stream failed while another session had its turn: its own next turn is its last. */
  broken: { readonly error: unknown } | undefined;
  /** What the encoder remembers. */
  encoding: unknown;
  readonly queue: Queue<Item>;
  /** In the batcher's list. */
  active: boolean;
  /** Steps in its present turn, or what took the time of one. */
  turnSteps: number;
  /** Frames in the queue. */
  waiting: number;
  /** Bytes of the queue. */
  queued: number;
  /** Messages taken, beside frames, that move the stream. */
  taken: number;
  nextSeq: number;
  steps: number;
  /** The stream starts afresh before these frames, which have not come yet; in their order. */
  resets: { readonly seq: number; readonly weights: boolean }[];
  finishing: boolean;
  ended: boolean;
  /** Waits for what it reads. */
  paused: boolean;
  /** What it keeps holds it up no more: it is about to be saved, or to end. */
  leaving: boolean;
  /** When something came for it, and whether it was told since that nothing does. */
  lastActive: number;
  announced: boolean;
  /** Answers that go out as one message, and the frame of the first; undefined where there are none. */
  entries: Entries | undefined;
  firstEntry: number;
  /** Losses that go out with the frame whose turn it is, or as one message. */
  losses: StepLoss[];
  /** The list of one that is alone, used again. */
  lossAlone: { step: number; loss: number }[] | undefined;
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
    rollbacks: number;
    shortenedUpdates: number;
    limitedInputs: number;
    /** Sum of the losses of the applied targets. */
    loss: number;
  };
}

export type Given = Pick<
  Session,
  | 'number'
  | 'outlet'
  | 'counts'
  | 'histograms'
  | 'share'
  | 'grant'
  | 'token'
  | 'nonce'
  | 'served'
  | 'learn'
  | 'want'
  | 'credit'
  | 'own'
  | 'learner'
  | 'carry'
>;

export function createSession(given: Given): Session {
  // Named one by one: an object of so many fields that begins with a spread is a dictionary to V8, slower to read and larger.
  return {
    number: given.number,
    outlet: given.outlet,
    counts: given.counts,
    histograms: given.histograms,
    share: given.share,
    grant: given.grant,
    token: given.token,
    nonce: given.nonce,
    served: given.served,
    learn: given.learn,
    want: given.want,
    plain: isPlain(given.want),
    credit: given.credit,
    own: given.own,
    learner: given.learner,
    carry: given.carry,
    kept: given.token === '' ? undefined : createKept(),
    opened: unlessZeros(given.carry),
    stream: undefined,
    streamStart: 0,
    diverged: false,
    broken: undefined,
    encoding: given.served.encoder?.initial(),
    queue: createQueue(1),
    active: false,
    turnSteps: 0,
    waiting: 0,
    queued: 0,
    taken: 0,
    nextSeq: 1,
    steps: 0,
    resets: [],
    finishing: false,
    ended: false,
    paused: false,
    leaving: false,
    lastActive: 0,
    announced: false,
    entries: undefined,
    firstEntry: 0,
    losses: noLosses,
    lossAlone: undefined,
    held: undefined,
    after: [],
    totals: {
      frames: 0,
      refusedFrames: 0,
      targets: 0,
      expiredTargets: 0,
      updates: 0,
      skippedUpdates: 0,
      rollbacks: 0,
      shortenedUpdates: 0,
      limitedInputs: 0,
      loss: 0,
    },
  };
}

/** A copy of the carry; undefined where every number is +0. */
export function unlessZeros(carry: Float32Array): Float32Array | undefined {
  return carry.every(value => Object.is(value, 0)) ? undefined : carry.slice();
}

/** Tells of something refused, which may be sent again; `details` override. */
export function fault(
  { number, outlet }: { readonly number: number; readonly outlet: Pick<Outlet, 'send' | 'counts'> },
  code: FaultCode,
  message: string,
  details: Partial<Fault> = {},
): void {
  countOne(outlet.counts.faults, code);
  outlet.send({ type: 'fault', session: number, code, retryable: false, message, ...details });
}

/** Tells of something refused for good: it arrives, in order, as answers do. */
export function sayFault(session: Session, code: FaultCode, message: string, details: Partial<Fault> = {}): void {
  countOne(session.counts.faults, code);
  say(session, { type: 'fault', session: session.number, code, retryable: false, message, ...details });
}

/** Adds to what waits of the session, and of its connection. */
export function enqueue(session: Session, item: Item): void {
  add(session.queue, item);
  if ('cost' in item) changeQueued(session, item.cost);
}

/** Puts something before all that waits. */
export function enqueueFirst(session: Session, item: Extract<Item, { readonly cost: number }>): void {
  addFirst(session.queue, item);
  changeQueued(session, item.cost);
}

/** Takes the first off what waits. */
export function dequeue(session: Session): void {
  const item = take(session.queue);
  if ('cost' in item) changeQueued(session, -item.cost);
}

/** Takes what is never kept out of the queue: a client that goes on elsewhere asks for a state again, and is told again of one that was restored. */
export function dropUnkept(session: Session): void {
  const { queue } = session;
  for (let left = queue.length; left > 0; left--) {
    const item = take(queue);
    if (item.kind === 'snapshot' || item.kind === 'restored') changeQueued(session, -item.cost);
    else add(queue, item);
  }
}

function changeQueued(session: Session, bytes: number): void {
  session.queued += bytes;
  session.outlet.queued += bytes;
}
