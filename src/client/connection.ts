/** One session on a connection of its own, from `Open` to `Finished`, whatever becomes of the connection meanwhile. */
import { LimitError, RemoteError } from '../errors.js';
import type { Target } from '../training/loss.js';
import {
  type Entry,
  type Fault,
  type FaultCode,
  type Finished,
  type Frames,
  frameCount,
  type Opened,
  type Predictions,
  type ServerMessage,
  type Snapshot,
  type SnapshotData,
  type StepAnswer,
  type Subprotocol,
} from '../wire/messages.js';
import type { RemoteLearned, RemoteStep } from './answers.js';
import { type Clock, realClock } from './clock.js';
import { createLine, type Socket } from './line.js';
import type { RemoteOptions, ResumePoint } from './options.js';
import { createOutgoing, type RemoteItem } from './outgoing.js';
import { createSent, framesFrom, type Moving } from './sent.js';

/** How far a session has come for its client: the last frame with its answer, and messages beside answers. */
export interface Position {
  readonly received: number;
  readonly beside: number;
}

/** The answers of a session, and what else is told of it. */
export interface Listener {
  /** `at` is what will have been received when this is taken. */
  next(event: RemoteStep | RemoteLearned, at: Position): void;
  error(error: unknown): void;
  complete(): void;
}

export interface RemoteSession {
  /** False if it cannot be sent: no further ones are taken. */
  push(item: RemoteItem): boolean;
  /** Items that wait for room at the server. */
  waiting(): number;
  /** No more frames: answers still come, then the end; with an error, that of the source. */
  finish(failed?: { readonly error: unknown }): void;
  /** What was wrong with an item, or the error of the source, once there is one: told when what came before is answered. */
  failed(): { readonly error: unknown } | undefined;
  /** Nobody listens any more. */
  abandon(): void;
  /** What came up to there was taken; left out: all that has come. Only with `takes`. */
  taken(at?: Position): void;
  /** Undefined until the session is open. */
  resumePoint(): ResumePoint | undefined;
  /** The state of the stream after the items so far. Rejects after `finish`, as `restore` does. */
  snapshot(): Promise<SnapshotData>;
  /** Puts a state in the place of the stream's, after the items so far. One that does not fit is told here alone: the stream goes on. */
  restore(data: Uint8Array): Promise<Opened>;
}

export interface SessionOptions extends RemoteOptions {
  readonly subprotocol: Subprotocol;
  readonly maxBuffered: number;
  /** Answers count as received when `taken` says so, and not when they come. */
  readonly takes?: boolean;
  /** Something has come, though perhaps nothing that is told. Only with `takes`. */
  readonly onArrived?: () => void;
  /** There is room for further items. */
  readonly onRoom?: () => void;
}

/** Targets, resets and states that may follow the newest frame, at least: none of them is let go of before the answer to a later one. */
const mostApart = 65_536;

/** The only session of its connection. */
const session = 1;

export function connectSession(
  openSocket: () => Socket,
  options: SessionOptions,
  listener: Listener,
  clock: Clock = realClock,
): RemoteSession {
  const { subprotocol, reconnect = {}, resume, takes = false, onState } = options;
  const resumable = reconnect !== false;
  const learns = options.learn !== undefined && options.learn !== 'none';
  const nonce = resumable && resume === undefined ? clock.nonce() : undefined;
  let opened: Opened | undefined;
  let token = resume?.token;
  /** The server knows of the session on this connection. */
  let ready = false;
  /** What has come, what of it the listener has taken, and what the server knows of. */
  let received = resume?.receivedSeq ?? 0;
  let beside = resume?.receivedMessages ?? 0;
  let point: Position = { received, beside };
  /** Where the listener will be with what it is told now. */
  let here: Position = point;
  let acked = received;
  let nextSeq = received + 1;
  let done = false;
  let finishing = false;
  let finishSent = false;
  let failed: { readonly error: unknown } | undefined;
  let scheduled = false;
  const sent = createSent(resume?.sentMessages);
  /** What the server had when the session was opened on this connection. */
  let had = { nextSeq: 1, taken: 0 };
  /** What was said of frames that a client that began anew has not been given again yet, and all after it. */
  const early: ServerMessage[] = [];
  /** Targets of the frames that are not answered yet. */
  const targets: (Target | undefined)[] = [];
  /** The newest answer, where only the last one is wanted, and where the listener is without it. */
  let held: { readonly before: Position; emit(): void } | undefined;
  /** Messages beside answers that come again on this connection: they had come, and the listener had not taken them. */
  let retold = 0;
  /** Of the newest fault of that kind: the frame that is due, and the one that came instead. */
  let gap = { expected: 0, seq: 0 };
  const snapshots: Waiter<SnapshotData>[] = [];
  let snapshotsSent = 0;
  /** Only the first may be under way, so that it is known which of them an answer is for. */
  const restores: Restoring[] = [];

  const outgoing = createOutgoing(
    options.maxBuffered,
    target =>
      typeof target === 'number' && opened?.config?.output.kind !== 'classes' ? Float32Array.of(target) : target,
    resumable,
  );

  const line = createLine(openSocket, subprotocol, reconnect, clock, {
    connected: open,
    message: receive,
    failed: fail,
    state: state => {
      if (state.kind !== 'open') ready = false;
      onState?.(state);
    },
  });

  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted) queueMicrotask(abort);

  function abort(): void {
    if (done) return;
    abandon();
    listener.error(options.signal!.reason);
  }

  function open(): void {
    const { model, fresh, learn, learning, want, carry } = options;
    if (options.token !== undefined) line.send({ type: 'authenticate', session: 0, token: options.token });
    if (token === undefined) {
      line.send({ type: 'open', session, ...given({ model, fresh, learn, learning, want, carry, nonce }), resumable });
      return;
    }
    // What was not taken stays at the server: this client may yet begin anew.
    retold = beside - point.beside;
    const resume = { token, receivedSeq: point.received, receivedMessages: point.beside };
    line.send({ type: 'open', session, resumable, resume });
  }

  /** What was sent before is not needed to go on from there. */
  function moveTo(at: Position): void {
    point = at;
    sent.answered(at.received);
  }

  /** A message beside answers has come; false if it had come before. */
  function isNew(): boolean {
    if (retold === 0) {
      beside++;
      return true;
    }
    retold--;
    return false;
  }

  /** What cannot be encoded ends the stream, as does what a listener of the options throws. */
  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  }

  function close(reason: string, error?: unknown): void {
    done = true;
    options.signal?.removeEventListener('abort', abort);
    line.close();
    for (const { reject } of [...snapshots.splice(0), ...restores.splice(0)])
      reject(error ?? unexpected('the session to go on'));
    onState?.({ kind: 'closed', reason });
  }

  function fail(error: unknown): void {
    if (done) return;
    close(error instanceof Error ? error.message : String(error), error);
    listener.error(error);
  }

  function abandon(): void {
    if (done) return;
    guard(() => line.send({ type: 'close', session }));
    if (!done) close('abandoned');
  }

  function schedule(): void {
    if (scheduled || !ready) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      guard(pump);
    });
  }

  /** Sends what there is room for, and what has arrived with it. */
  function pump(): void {
    if (done || !ready) return;
    const { credit } = opened!;
    for (;;) {
      const known = resumable ? point.received : received;
      if (isHeldUp() || (outgoing.next() === 'restore' && underWay() !== undefined)) break;
      const taken = outgoing.take(session, nextSeq, credit - (nextSeq - 1 - known));
      if (taken === undefined) break;
      const { message } = taken;
      if ('targets' in taken) {
        nextSeq += taken.targets.length;
        targets.push(...taken.targets);
      }
      if (message.type === 'snapshot') snapshotsSent++;
      else if (resumable) sent.add(message);
      if (message.type === 'restore') restores[0].nth = resumable ? sent.moving() : 1;
      sendNew(message);
      if (message.type === 'restore' && resumable && restores[0].nth <= had.taken) askAfter(restores[0]);
      expectWhatIsDue();
    }
    if (finishing && !finishSent && outgoing.size() === 0) {
      finishSent = true;
      sendFinish();
    }
    if (isAckDue(credit)) {
      acked = point.received;
      line.send({ type: 'ack', session, seq: acked });
    }
    while (early.length > 0 && !isEarly(early[0])) handle(early.shift()!);
    if (outgoing.size() < options.maxBuffered) options.onRoom?.();
  }

  /**
   * There is no frame for it to ride on, and it is time, or the server may wait for it: one that keeps much goes on when some of that
   * has arrived. Who acknowledges the last answer after `finish` lets go of the session, and `finished` may not have arrived.
   */
  function isAckDue(credit: number): boolean {
    if (!resumable || point.received <= acked || (finishSent && point.received >= nextSeq - 1)) return false;
    const isWaitedFor = received < nextSeq - 1 || sent.waiting() > 0 || snapshotsSent > 0;
    return isWaitedFor || point.received - acked >= Math.max(1, credit >> 1);
  }

  /** Much that is no frame is kept until the answer of a later frame comes, and one may come yet. */
  function isHeldUp(): boolean {
    if (sent.waiting() < options.maxBuffered) return false;
    if (nextSeq - 1 > point.received) return true;
    if (sent.waiting() < Math.max(options.maxBuffered, mostApart)) return false;
    throw new LimitError(
      `Expected a frame among ${sent.waiting()} targets, resets and states, got none: send one, or raise maxBuffered`,
    );
  }

  /** Passes over what the server has got from an earlier life of the client. */
  function sendNew(message: Moving | Snapshot): void {
    if (message.type === 'frames') {
      const last = message.firstSeq + frameCount(message.payload) - 1;
      if (last >= had.nextSeq) line.send(withAck(framesFrom(message, Math.max(message.firstSeq, had.nextSeq))));
    } else if (message.type === 'snapshot' || !resumable || sent.moving() > had.taken) {
      line.send(message);
    }
  }

  function isEarly(message: ServerMessage): boolean {
    if (message.type === 'finished') return !finishSent;
    if (message.type === 'fault' && message.code === 'bad_snapshot') return !finishSent && underWay() === undefined;
    return message.type === 'predictions' && message.firstSeq + message.entries.length > nextSeq + rest();
  }

  /** Frames beyond the last: what an encoder of the server still held when it was told that no more will come. */
  function rest(): number {
    return finishSent ? 1 : 0;
  }

  function withAck(message: Frames): Frames {
    if (!resumable || point.received <= acked) return message;
    acked = point.received;
    return { ...message, ack: acked };
  }

  /** A connection on which nothing comes is lost, unless nothing is to come. */
  function expectWhatIsDue(): void {
    line.expect(nextSeq - 1 > received || finishSent || snapshotsSent > 0 || restores.length > 0);
  }

  function sendFinish(): void {
    line.expect(true);
    // As here, a stream that fails learns no remainder.
    line.send(
      failed
        ? { type: 'close', session }
        : { type: 'finish', session, ...(resumable ? { afterSeq: nextSeq - 1 } : {}) },
    );
  }

  function receive(message: ServerMessage): void {
    if (done) return;
    if (resume !== undefined && message.type !== 'opened' && (early.length > 0 || isEarly(message)))
      early.push(message);
    else handle(message);
  }

  function handle(message: ServerMessage): void {
    switch (message.type) {
      case 'opened':
        beOpen(message);
        break;
      case 'predictions':
        answered(message);
        break;
      case 'losses':
        if (!isNew()) break;
        for (const { step, loss } of message.losses) emit({ kind: 'late', number: step, loss });
        break;
      case 'updated': {
        if (!isNew()) break;
        const { type: _, session: __, ...update } = message;
        emit({ kind: 'update', update });
        break;
      }
      case 'credit':
        opened = { ...opened!, credit: message.frames };
        schedule();
        break;
      case 'fault':
        faulted(message);
        break;
      case 'snapshotData':
        snapshotsSent--;
        snapshots.shift()?.resolve(message);
        expectWhatIsDue();
        break;
      case 'duplicate':
      case 'expiring':
        // Nothing was stepped twice, and the next frame wakes it.
        break;
      case 'finished':
        ended(message);
        break;
      default:
        fail(unexpected(`no ${(message as ServerMessage).type}: nothing here asks for one`));
    }
    if (takes) options.onArrived?.();
    else if (!done) moveTo({ received, beside });
  }

  function beOpen(message: Opened): void {
    const again = opened !== undefined || resume !== undefined;
    const first = opened === undefined;
    opened = message;
    const { takenMessages = 0 } = message;
    const restoring = underWay();
    const taken = restoring !== undefined && (!resumable || restoring.nth <= takenMessages);
    if (ready) {
      if (taken) restored()!.resolve(message);
      return;
    }
    expectWhatIsDue();
    ready = true;
    had = { nextSeq: message.nextSeq, taken: takenMessages };
    early.length = 0;
    token = message.token || undefined;
    line.established();
    if (first) options.onOpened?.(message);
    if (again) {
      acked = Math.max(acked, point.received);
      for (const missing of sent.missing(message.nextSeq, takenMessages)) line.send(missing);
      for (let i = 0; i < snapshotsSent; i++) line.send({ type: 'snapshot', session });
      if (finishSent) sendFinish();
      else if (taken) askAfter(restoring);
    }
    schedule();
  }

  function underWay(): Restoring | undefined {
    return restores.length > 0 && restores[0].nth > 0 ? restores[0] : undefined;
  }

  /** The one that was under way is answered; the next one may go. */
  function restored(): Restoring | undefined {
    const restoring = underWay();
    if (restoring === undefined) return undefined;
    restores.shift();
    expectWhatIsDue();
    schedule();
    return restoring;
  }

  /** That it was done may have been said on a connection that was lost. Whatever is said of it comes before the answer to what is asked now. */
  function askAfter(restoring: Restoring): void {
    if (restoring.asked) return;
    restoring.asked = true;
    snapshots.splice(snapshotsSent, 0, {
      resolve() {
        if (underWay() === restoring) restored()!.resolve(opened!);
      },
      reject() {},
    });
    snapshotsSent++;
    line.send({ type: 'snapshot', session });
    expectWhatIsDue();
  }

  function answered({ firstSeq, entries }: Predictions): void {
    const known = received + 1 - firstSeq;
    if (known < 0 || entries.length - known > targets.length + rest()) {
      fail(unexpected(`an answer to frame ${received + 1}, got ${entries.length} from frame ${firstSeq}`));
      return;
    }
    for (let i = known; i < entries.length; i++) {
      const before: Position = { received, beside };
      received++;
      emitEntry(entries[i], targets.shift(), before);
      if (done) return;
    }
    if (entries.length <= known) return;
    expectWhatIsDue();
    schedule();
  }

  function emitEntry({ answers, losses = [] }: Entry, target: Target | undefined, before: Position): void {
    // A frame is taken with the last that is told of it.
    const after = { received, beside };
    losses.forEach(({ step, loss }, i) => {
      const last = answers.length === 0 && i === losses.length - 1;
      emitAt({ kind: 'late', number: step, loss }, last ? after : before);
    });
    for (const answer of answers) {
      here = answer === answers[answers.length - 1] ? after : before;
      if (options.want?.last) held = { before, emit: () => emitAnswer(answer, target) };
      else emitAnswer(answer, target);
    }
  }

  function emitAnswer(answer: StepAnswer, target: Target | undefined): void {
    const step = stepOf(answer);
    if (learns) {
      const { loss = null, limited } = answer;
      listener.next({ kind: 'step', number: step.number, step, target, loss, ...(limited && { limited }) }, here);
    } else {
      listener.next(step, here);
    }
  }

  function emit(event: RemoteLearned): void {
    emitAt(event, { received, beside });
  }

  function emitAt(event: RemoteLearned, at: Position): void {
    if (learns && !done) listener.next(event, at);
  }

  function ended(finished: Finished): void {
    options.onFinished?.(finished);
    if (done) return;
    // Had it been refused, that would have come before.
    if (finishSent && !failed) restored()?.resolve(opened!);
    close('finished');
    const last = held;
    held = undefined;
    last?.emit();
    if (failed) listener.error(failed.error);
    else if (finishSent) listener.complete();
    else listener.error(unexpected('the session to go on, it was finished by the server'));
  }

  function faulted(fault: Fault): void {
    const { code, forSeq, forStep, retryable, message, retryAfterMilliseconds, expectedSeq } = fault;
    if (retryAfterMilliseconds !== undefined) line.retryAfter(retryAfterMilliseconds);
    // What closes the connection says so by its close code.
    if (fault.session === 0 && retryable && resumable) return;
    if (isKept(fault) && !isNew()) return;
    if (code === 'limit_reached' && retryable && resumable && token !== undefined) {
      // The session rests, and there is no place for it until another's is free.
      line.comeBack(message);
      return;
    }
    // A frame that was answered cannot be due again: that is another session.
    const known = expectedSeq === undefined || expectedSeq > received;
    if (code === 'draining' && retryable && resumable) {
      // What was not taken is sent again on the next connection: here it would be refused again, and again.
      if (!ready) line.comeBack(message);
      return;
    }
    if (code === 'gap' && retryable && resumable && known) {
      if (!isNewGap(expectedSeq, forSeq)) return;
      if (expectedSeq !== undefined) for (const missing of sent.missing(expectedSeq, sent.moving())) line.send(missing);
      if (finishSent) sendFinish();
    } else if (code === 'target_expired' && forStep !== undefined) {
      emit({ kind: 'expired', number: forStep });
    } else if (code === 'target_exists' && forStep !== undefined) {
      emit({ kind: 'duplicate', number: forStep });
    } else {
      const error = new RemoteError(message, { fault: code, retryable, seq: forSeq, step: forStep });
      const restoring = code === 'bad_snapshot' ? restored() : undefined;
      if (restoring) restoring.reject(error);
      else fail(error);
    }
  }

  /**
   * What is missing has not been sent again for the fault yet: others follow it, of frames that had been sent by then, in their order. If each
   * had its own answer, there would be ever more.
   */
  function isNewGap(expected = 0, seq = 0): boolean {
    const isNew = expected !== gap.expected || seq <= gap.seq;
    gap = { expected, seq };
    return isNew;
  }

  /** Nothing is asked of the stream any more: the server would refuse it, and with it what is under way. */
  function isPast(reject: (error: unknown) => void): boolean {
    if (done) reject(unexpected('a session that is open'));
    else if (finishing)
      reject(
        new RemoteError('Expected states to be asked for and put in place before finish', {
          fault: 'session_finished',
          retryable: false,
        }),
      );
    return done || finishing;
  }

  return {
    waiting: () => outgoing.size(),
    failed: () => failed,
    push(item) {
      if (done || finishing) return false;
      try {
        outgoing.push(item);
      } catch (error) {
        // What waits is within its bound and is answered first, unless it is the bound that was reached.
        if (error instanceof LimitError) fail(error);
        else this.finish({ error });
        return false;
      }
      schedule();
      return true;
    },
    finish(because) {
      if (done || finishing) return;
      finishing = true;
      failed = because;
      schedule();
    },
    abandon,
    taken(at = { received, beside }) {
      moveTo(held !== undefined && at.received > held.before.received ? held.before : at);
      schedule();
    },
    resumePoint() {
      if (token === undefined) return undefined;
      const { received: receivedSeq, beside: receivedMessages } = point;
      return { token, receivedSeq, receivedMessages, sentMessages: sent.movingBefore(receivedSeq + 1) };
    },
    snapshot: () =>
      new Promise((resolve, reject) => {
        if (isPast(reject)) return;
        snapshots.push({ resolve, reject });
        outgoing.pushState({ kind: 'snapshot' });
        schedule();
      }),
    restore: data =>
      new Promise((resolve, reject) => {
        if (isPast(reject)) return;
        restores.push({ resolve, reject, nth: 0, asked: false });
        outgoing.pushState({ kind: 'restore', data: data.slice() });
        schedule();
      }),
  };
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

interface Restoring extends Waiter<Opened> {
  /** Counts as `takenMessages` does; 0 where it has not been sent. */
  nth: number;
  /** Its answer may have been lost: something was asked that is answered after it. */
  asked: boolean;
}

/**
 * What has its place among the answers is told again as they are. All else is told at once and once, also before what is told again, as
 * that the session is gone.
 */
const keptFaults: ReadonlySet<FaultCode> = new Set([
  'bad_target',
  'target_expired',
  'target_exists',
  'bad_snapshot',
  'diverged',
]);

/** A fault that counts as a message beside answers. */
function isKept({ code, forSeq, retryable }: Fault): boolean {
  return keptFaults.has(code) && !retryable && forSeq === undefined;
}

const nothing = new Float32Array(0);

function stepOf({ step: number, prediction = nothing, topIndices, topValues, logits, carry }: StepAnswer): RemoteStep {
  return { number, prediction, ...given({ topIndices, topValues, logits, carry }) };
}

function given<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function unexpected(expected: string): RemoteError {
  return new RemoteError(`Expected ${expected}`, { fault: 'malformed', retryable: false });
}
