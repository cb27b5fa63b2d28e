/** One session on a connection of its own, from `Open` to `Finished`, whatever becomes of the connection meanwhile. */
import { LimitError, RemoteError } from '../errors.js';
import {
  type Fault,
  type Finished,
  given,
  type Opened,
  type Predictions,
  type ServerMessage,
  type SnapshotData,
  type Subprotocol,
} from '../wire/messages.js';
import type { RemoteLearned } from './answers.js';
import { type Clock, realClock } from './clock.js';
import { createLine, type Socket } from './line.js';
import type { RemoteOptions, ResumePoint } from './options.js';
import type { RemoteItem } from './outgoing.js';
import { createProgress, hasPlace, type Position } from './position.js';
import { createSending } from './sending.js';
import { createStates } from './states.js';
import { createTelling, type Listener } from './telling.js';

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
  const nonce = resumable && resume === undefined ? clock.nonce() : undefined;
  let opened: Opened | undefined;
  let token = resume?.token;
  /** The server knows of the session on this connection. */
  let ready = false;
  let done = false;
  let finishing = false;
  let failed: { readonly error: unknown } | undefined;
  /** What was said of frames that a client that began anew has not been given again yet, and all after it. */
  const early: ServerMessage[] = [];

  const progress = createProgress(resume);
  const telling = createTelling(options, listener, () => done);
  const states = createStates(
    () => opened!,
    () => {
      sending.expectWhatIsDue();
      sending.schedule();
    },
  );
  const line = createLine(openSocket, subprotocol, reconnect, clock, {
    connected: open,
    message: receive,
    failed: fail,
    state: state => {
      if (state.kind !== 'open') {
        ready = false;
        early.length = 0;
      }
      onState?.(state);
    },
  });
  const { maxBuffered } = options;
  const sending = createSending(
    session,
    { maxBuffered, resumable, sentMessages: resume?.sentMessages },
    line,
    progress,
    states,
    {
      isOpen: () => ready && !done,
      opened: () => opened,
      failed: fail,
      sent() {
        while (!done && early.length > 0 && !isEarly(early[0])) handle(early.shift()!);
        if (sending.waiting() < maxBuffered) options.onRoom?.();
      },
    },
  );

  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted) queueMicrotask(abort);

  function abort(): void {
    if (done) return;
    sendClose();
    fail(options.signal!.reason);
  }

  function open(): void {
    const { model, fresh, learn, learning, want, carry } = options;
    if (options.token !== undefined) line.send({ type: 'authenticate', session: 0, token: options.token });
    if (token === undefined) {
      line.send({ type: 'open', session, ...given({ model, fresh, learn, learning, want, carry, nonce }), resumable });
      return;
    }
    const { received, beside } = progress.again();
    const resume = { token, receivedSeq: received, receivedMessages: beside };
    line.send({ type: 'open', session, resumable, resume });
  }

  /** What was sent before is not needed to go on from there. */
  function moveTo(at: Position): void {
    progress.take(at);
    sending.taken(at.received);
  }

  /** What cannot be encoded ends the stream, as does what a listener of the options throws. */
  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  }

  /** Ends the session here, and tells `onState`; returns what that threw. */
  function close(reason: string, error?: unknown): { readonly error: unknown } | undefined {
    done = true;
    options.signal?.removeEventListener('abort', abort);
    line.close();
    states.end(error ?? unexpected('the session to go on'));
    try {
      onState?.({ kind: 'closed', reason });
    } catch (thrown) {
      return { error: thrown };
    }
    return undefined;
  }

  function fail(error: unknown): void {
    if (done) return;
    close(error instanceof Error ? error.message : String(error), error);
    listener.error(error);
  }

  function sendClose(): void {
    guard(() => line.send({ type: 'close', session }));
  }

  function abandon(): void {
    if (!done) sendClose();
    const thrown = done ? undefined : close('abandoned');
    if (thrown) throw thrown.error;
  }

  function receive(message: ServerMessage): void {
    if (done) return;
    if (resume !== undefined && message.type !== 'opened' && (early.length > 0 || isEarly(message)))
      early.push(message);
    else handle(message);
  }

  function isEarly(message: ServerMessage): boolean {
    if (message.type === 'finished') return !sending.isFinished();
    if (message.type === 'fault' && message.code === 'bad_snapshot')
      return !sending.isFinished() && !states.isRestoring();
    return message.type === 'predictions' && message.firstSeq + message.entries.length > sending.end();
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
        if (!progress.isNew()) break;
        for (const { step, loss } of message.losses) tell({ kind: 'late', number: step, loss });
        break;
      case 'updated': {
        if (!progress.isNew()) break;
        const { type: _, session: __, ...update } = message;
        tell({ kind: 'update', update });
        break;
      }
      case 'credit':
        opened = { ...opened!, credit: message.frames };
        sending.schedule();
        break;
      case 'fault':
        faulted(message);
        break;
      case 'snapshotData':
        states.answer(message);
        sending.expectWhatIsDue();
        sending.schedule();
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
    else if (!done) moveTo(progress.now());
  }

  function beOpen(message: Opened): void {
    const again = opened !== undefined || resume !== undefined;
    const first = opened === undefined;
    opened = message;
    if (ready) {
      if (states.isTaken(resumable ? (message.takenMessages ?? 0) : Number.POSITIVE_INFINITY)) states.restored();
      return;
    }
    sending.expectWhatIsDue();
    ready = true;
    token = message.token || undefined;
    line.established();
    if (first) options.onOpened?.(message);
    sending.opened(message, again);
    sending.schedule();
  }

  function answered({ firstSeq, entries }: Predictions): void {
    const known = progress.received() + 1 - firstSeq;
    if (known < 0 || firstSeq + entries.length > sending.end()) {
      fail(unexpected(`an answer to frame ${progress.received() + 1}, got ${entries.length} from frame ${firstSeq}`));
      return;
    }
    for (let i = known; i < entries.length; i++) {
      const before = progress.now();
      progress.answered();
      telling.frame(entries[i], sending.answered(), before, progress.now());
      if (done) return;
    }
    if (entries.length <= known) return;
    sending.expectWhatIsDue();
    sending.schedule();
  }

  function tell(event: RemoteLearned): void {
    telling.beside(event, progress.now());
  }

  function ended(finished: Finished): void {
    options.onFinished?.(finished);
    if (done) return;
    // Had it been refused, that would have come before.
    if (sending.isFinished() && !failed) states.restored();
    const thrown = close('finished');
    const wrong = failed ?? thrown;
    telling.last();
    if (wrong) listener.error(wrong.error);
    else if (sending.isFinished()) listener.complete();
    else listener.error(unexpected('the session to go on, it was finished by the server'));
  }

  function faulted(fault: Fault): void {
    const { code, forSeq, forStep, retryable, message, retryAfterMilliseconds, expectedSeq } = fault;
    if (retryAfterMilliseconds !== undefined) line.retryAfter(retryAfterMilliseconds);
    // What closes the connection says so by its close code.
    if (fault.session === 0 && retryable && resumable) return;
    if (hasPlace(fault) && !progress.isNew()) return;
    if (code === 'limit_reached' && retryable && resumable && token !== undefined) {
      // The session rests, and there is no place for it until another's is free.
      line.comeBack(message);
      return;
    }
    // A frame that was answered cannot be due again: that is another session.
    const known = expectedSeq === undefined || expectedSeq > progress.received();
    if (code === 'draining' && retryable && resumable) {
      // What was not taken is sent again on the next connection: here it would be refused again, and again.
      if (!ready) line.comeBack(message);
      return;
    }
    if (code === 'gap' && retryable && resumable && known) {
      sending.gap(expectedSeq, forSeq);
    } else if (code === 'target_expired' && forStep !== undefined) {
      tell({ kind: 'expired', number: forStep });
    } else if (code === 'target_exists' && forStep !== undefined) {
      tell({ kind: 'duplicate', number: forStep });
    } else {
      const error = new RemoteError(message, { fault: code, retryable, seq: forSeq, step: forStep });
      const isTold = code === 'bad_snapshot' && states.refused(error);
      if (!isTold) fail(error);
    }
  }

  /** Nothing is asked of a stream that is to end: the server would refuse it, and with it what is under way. */
  function checkGoesOn(): void {
    if (done) throw unexpected('a session that is open');
    if (!finishing) return;
    const message = 'Expected states to be asked for and put in place before finish';
    throw new RemoteError(message, { fault: 'session_finished', retryable: false });
  }

  return {
    waiting: () => sending.waiting(),
    failed: () => failed,
    push(item) {
      if (done || finishing) return false;
      try {
        sending.push(item);
      } catch (error) {
        // What waits is within its bound and is answered first, unless it is the bound that was reached.
        if (error instanceof LimitError) fail(error);
        else this.finish({ error });
        return false;
      }
      sending.schedule();
      return true;
    },
    finish(because) {
      if (done || finishing) return;
      finishing = true;
      failed = because;
      sending.finish(failed !== undefined);
      sending.schedule();
    },
    abandon,
    taken(at = progress.now()) {
      moveTo(telling.without(at));
      sending.schedule();
    },
    resumePoint() {
      if (token === undefined) return undefined;
      const { received: receivedSeq, beside: receivedMessages } = progress.taken();
      return { token, receivedSeq, receivedMessages, sentMessages: sending.movingBefore(receivedSeq + 1) };
    },
    async snapshot() {
      checkGoesOn();
      sending.pushState({ kind: 'snapshot' });
      sending.schedule();
      return states.snapshot();
    },
    async restore(data) {
      checkGoesOn();
      sending.pushState({ kind: 'restore', data: data.slice() });
      sending.schedule();
      return states.restore();
    },
  };
}

function unexpected(expected: string): RemoteError {
  return new RemoteError(`Expected ${expected}`, { fault: 'malformed', retryable: false });
}
