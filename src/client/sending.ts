/** What goes out of a session: in its order, as there is room for it, and again where the server has not got it. */
import { LimitError } from '../errors.js';
import type { Target } from '../training/loss.js';
import { type Frames, frameCount, type Opened, type Snapshot } from '../wire/messages.js';
import type { Line } from './line.js';
import { createOutgoing, type RemoteItem, type StateItem } from './outgoing.js';
import type { Progress } from './position.js';
import { createSent, framesFrom, type Moving } from './sent.js';
import type { States } from './states.js';

export interface Sending {
  /** Throws what is wrong with it. */
  push(item: RemoteItem): void;
  pushState(item: StateItem): void;
  /** After all that waits; of a source that failed, the session is closed instead. */
  finish(failed: boolean): void;
  /** That has gone out. */
  isFinished(): boolean;
  /** Items that wait for room at the server. */
  waiting(): number;
  /** Sends soon what there is room for. */
  schedule(): void;
  /** The connection is lost if nothing comes, unless nothing is to come. */
  expectWhatIsDue(): void;
  /** The session is open on this connection: what the server has not got is sent again, if anything was sent before. */
  opened(message: Opened, again: boolean): void;
  /** Frame `seq` came when another was due: what is missing is sent again, unless it was for a fault before. */
  gap(expected: number | undefined, seq: number | undefined): void;
  /** The frame after the last one that may be answered. */
  end(): number;
  /** The next frame is answered: the target that came with it. */
  answered(): Target | undefined;
  /** What was sent up to frame `seq` is not needed any more. */
  taken(seq: number): void;
  /** Messages that are no frames and came before frame `seq`. */
  movingBefore(seq: number): number;
}

export interface SendingEvents {
  /** Messages may go out. */
  isOpen(): boolean;
  /** What the server said of the session. */
  opened(): Opened | undefined;
  /** What there was room for has gone out. */
  sent(): void;
  failed(error: unknown): void;
}

export interface SendingOptions {
  readonly maxBuffered: number;
  readonly resumable: boolean;
  /** Messages that are no frames and were sent in an earlier life of the client. */
  readonly sentMessages: number | undefined;
}

/** Targets, resets and states that may follow the newest frame, at least: none of them is let go of before the answer to a later one. */
const mostApart = 65_536;

/** @param session its number on the connection */
export function createSending(
  session: number,
  { maxBuffered, resumable, sentMessages }: SendingOptions,
  line: Line,
  progress: Progress,
  states: States,
  events: SendingEvents,
): Sending {
  let nextSeq = progress.received() + 1;
  let finishing: 'finish' | 'close' | undefined;
  let finished = false;
  let scheduled = false;
  const sent = createSent(sentMessages);
  /** What the server had when the session was opened on this connection. */
  let had = { nextSeq: 1, taken: 0 };
  /** Targets of the frames that are not answered yet. */
  const targets: (Target | undefined)[] = [];

  const outgoing = createOutgoing(
    maxBuffered,
    target =>
      typeof target === 'number' && events.opened()?.config?.output.kind !== 'classes'
        ? Float32Array.of(target)
        : target,
    resumable,
  );

  function schedule(): void {
    if (scheduled || !events.isOpen()) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      try {
        pump();
      } catch (error) {
        events.failed(error);
      }
    });
  }

  /** Sends what there is room for. */
  function pump(): void {
    if (!events.isOpen()) return;
    const { credit } = events.opened()!;
    for (;;) {
      const known = resumable ? progress.taken().received : progress.received();
      if (isHeldUp() || (outgoing.next() === 'restore' && states.isRestoring())) break;
      const taken = outgoing.take(session, nextSeq, credit - (nextSeq - 1 - known));
      if (taken === undefined) break;
      const { message } = taken;
      if ('targets' in taken) {
        nextSeq += taken.targets.length;
        targets.push(...taken.targets);
      }
      if (message.type === 'snapshot') states.ask();
      else sent.add(message);
      if (message.type === 'restore') states.putNext(resumable ? sent.moving() : 1);
      sendNew(message);
      if (message.type === 'restore' && resumable && states.isTaken(had.taken)) askAfterRestore();
    }
    // A state that is lost with its connection is asked for again, which a stream that is to end refuses.
    if (finishing && !finished && outgoing.size() === 0 && states.asked() === 0) {
      finished = true;
      sendFinish();
    }
    expectWhatIsDue();
    if (isAckDue(credit)) line.send({ type: 'ack', session, seq: progress.acknowledge() });
    events.sent();
  }

  /** Much that is no frame has gone out, and whether it came only the answer of a later frame tells: one may come yet. */
  function isHeldUp(): boolean {
    if (sent.waiting() < maxBuffered) return false;
    if (nextSeq - 1 > progress.taken().received) return true;
    if (sent.waiting() < Math.max(maxBuffered, mostApart)) return false;
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

  function withAck(message: Frames): Frames {
    if (!resumable || progress.unacknowledged() <= 0) return message;
    return { ...message, ack: progress.acknowledge() };
  }

  /**
   * There is no frame for it to ride on, and it is time, or the server may wait for it: one that keeps much goes on when some of that
   * has arrived. Who acknowledges the last answer after `finish` lets go of the session, and `finished` may not have arrived.
   */
  function isAckDue(credit: number): boolean {
    const due = progress.unacknowledged();
    if (!resumable || due <= 0 || (finished && progress.taken().received >= nextSeq - 1)) return false;
    const isWaitedFor = progress.received() < nextSeq - 1 || sent.waiting() > 0 || states.asked() > 0;
    return isWaitedFor || due >= Math.max(1, credit >> 1);
  }

  function sendFinish(): void {
    // As here, a stream that fails learns no remainder.
    if (finishing === 'close') line.send({ type: 'close', session });
    else line.send({ type: 'finish', session, ...(resumable ? { afterSeq: nextSeq - 1 } : {}) });
  }

  /** That the state was put in place may have been said on a connection that was lost. */
  function askAfterRestore(): void {
    if (!states.askAfter()) return;
    line.send({ type: 'snapshot', session });
    expectWhatIsDue();
  }

  function expectWhatIsDue(): void {
    const waitsForCredit = outgoing.size() > 0 && events.opened()?.credit === 0;
    line.expect(nextSeq - 1 > progress.received() || finished || states.isDue() || waitsForCredit);
  }

  function sendAgain(from: number, taken: number): void {
    for (const missing of sent.missing(from, taken)) line.send(missing);
  }

  return {
    push: item => outgoing.push(item),
    pushState: item => outgoing.pushState(item),
    finish(failed) {
      finishing = failed ? 'close' : 'finish';
      if (!failed) outgoing.end();
    },
    isFinished: () => finished,
    waiting: () => outgoing.size(),
    schedule,
    expectWhatIsDue,
    opened({ nextSeq, takenMessages: taken = 0 }, again) {
      had = { nextSeq, taken };
      if (!again) return;
      sendAgain(nextSeq, taken);
      const asked = states.asked();
      for (let i = 0; i < asked; i++) line.send({ type: 'snapshot', session });
      if (finished) sendFinish();
      else if (states.isTaken(resumable ? taken : Number.POSITIVE_INFINITY)) askAfterRestore();
    },
    gap(expected, seq) {
      if (!sent.isNewGap(expected, seq)) return;
      if (expected !== undefined) sendAgain(expected, sent.moving());
      if (finished) sendFinish();
    },
    // What an encoder of the server still held when it was told that no more will come is a frame of its own.
    end: () => nextSeq + (finished ? 1 : 0),
    answered: () => targets.shift(),
    taken: seq => sent.answered(seq),
    movingBefore: seq => sent.movingBefore(seq),
  };
}
