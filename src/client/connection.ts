/** One session on a connection of its own: from `Open` to `Finished`. */
import type { Subscriber } from 'rxjs';
import { LimitError, RemoteError } from '../errors.js';
import type { Target } from '../training/loss.js';
import {
  type ClientMessage,
  closeCodes,
  decodeServer,
  defaultLimits,
  type Entry,
  encodeClient,
  type Fault,
  isRetryableClose,
  type Opened,
  type Predictions,
  type ServerMessage,
  type StepAnswer,
  type Subprotocol,
  type WireLimits,
} from '../wire/messages.js';
import type { RemoteLearned, RemoteStep } from './answers.js';
import type { RemoteOptions } from './options.js';
import { createOutgoing, type RemoteItem } from './outgoing.js';

/** What a `WebSocket` of a browser and one of `ws` have in common. */
export interface Socket {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type OpenSocket = (url: string, subprotocol: Subprotocol) => Socket;

export interface RemoteSession {
  /** False if it cannot be sent: no further ones are taken. */
  push(item: RemoteItem): boolean;
  /** No more frames: answers still come, then the end; with an error, that of the source. */
  finish(failed?: { readonly error: unknown }): void;
  /** Nobody listens any more. */
  abandon(): void;
}

/** Answers of a server may be larger than what it takes. */
const limits: WireLimits = { ...defaultLimits, maxBytes: 1 << 26, maxItems: 1 << 22 };

/** The only session of its connection. */
const session = 1;

const openState = 1;

export function connectSession(
  openSocket: () => Socket,
  options: RemoteOptions & { readonly subprotocol: Subprotocol; readonly maxBuffered: number },
  subscriber: Subscriber<RemoteStep | RemoteLearned>,
): RemoteSession {
  const { subprotocol } = options;
  const learns = options.learn !== undefined && options.learn !== 'none';
  let opened: Opened | undefined;
  let nextSeq = 1;
  let nextAnswer = 1;
  let done = false;
  let finishing = false;
  let finishSent = false;
  let failed: { readonly error: unknown } | undefined;
  let scheduled = false;
  let cause: unknown;
  /** Targets of the frames that are not answered yet. */
  const targets: (Target | undefined)[] = [];
  /** The newest answer, where only the last one is wanted. */
  let held: (() => void) | undefined;

  const outgoing = createOutgoing(options.maxBuffered, target =>
    typeof target === 'number' && opened?.config?.output.kind !== 'classes' ? Float32Array.of(target) : target,
  );

  const socket = openSocket();
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    const { model, fresh, learn, learning, want, carry } = options;
    guard(() => send({ type: 'open', session, ...given({ model, fresh, learn, learning, want, carry }) }));
  };
  socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
    if (done) return;
    guard(() => receive(decodeServer(data, typeof data !== 'string', subprotocol, limits)));
  };
  socket.onerror = (event: { error?: unknown }) => {
    cause = event?.error;
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
    if (done) return;
    const why = reason || (cause instanceof Error ? cause.message : 'no reason given');
    fail(
      new RemoteError(
        `Expected the connection to last until every answer has come, it was closed with ${code} (${why})`,
        { fault: 'closed', retryable: isRetryableClose(code), closeCode: code },
        { cause },
      ),
    );
  };

  function send(message: ClientMessage): void {
    if (socket.readyState === openState) socket.send(encodeClient(message, subprotocol));
  }

  /** What cannot be encoded or decoded ends the stream, as does what a listener of the options throws. */
  function guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      fail(error);
    }
  }

  function close(): void {
    done = true;
    socket.close(closeCodes.finished);
  }

  function fail(error: unknown): void {
    if (done) return;
    close();
    subscriber.error(error);
  }

  function schedule(): void {
    if (scheduled || opened === undefined) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      guard(pump);
    });
  }

  /** Sends what there is room for. */
  function pump(): void {
    if (done || opened === undefined) return;
    for (;;) {
      const taken = outgoing.take(session, nextSeq, opened.credit - targets.length);
      if (taken === undefined) break;
      if ('targets' in taken) {
        nextSeq += taken.targets.length;
        targets.push(...taken.targets);
      }
      send(taken.message);
    }
    if (finishing && !finishSent && outgoing.size === 0) {
      finishSent = true;
      // As here, a stream that fails learns no remainder.
      send({ type: failed ? 'close' : 'finish', session });
    }
  }

  function receive(message: ServerMessage): void {
    switch (message.type) {
      case 'opened':
        opened = message;
        options.onOpened?.(message);
        schedule();
        break;
      case 'predictions':
        answered(message);
        break;
      case 'losses':
        for (const { step, loss } of message.losses) emit({ kind: 'late', number: step, loss });
        break;
      case 'updated': {
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
      case 'finished':
        options.onFinished?.(message);
        close();
        held?.();
        if (failed) subscriber.error(failed.error);
        else if (finishSent) subscriber.complete();
        else subscriber.error(unexpected('the session to go on, it was finished by the server'));
        break;
      default:
        fail(unexpected(`no ${message.type}: nothing here asks for one`));
    }
  }

  function answered({ firstSeq, entries }: Predictions): void {
    if (firstSeq !== nextAnswer || entries.length > targets.length) {
      fail(unexpected(`an answer to frame ${nextAnswer}, got ${entries.length} from frame ${firstSeq}`));
      return;
    }
    nextAnswer += entries.length;
    for (const entry of entries) {
      const target = targets.shift();
      emitEntry(entry, target);
      if (done) return;
    }
    schedule();
  }

  function emitEntry({ answers }: Entry, target: Target | undefined): void {
    for (const answer of answers) {
      if (options.want?.last) held = () => emitAnswer(answer, target);
      else emitAnswer(answer, target);
    }
  }

  function emitAnswer(answer: StepAnswer, target: Target | undefined): void {
    const step = stepOf(answer);
    if (learns) {
      subscriber.next({ kind: 'step', number: step.number, step, target, loss: answer.loss ?? null });
    } else {
      subscriber.next(step);
    }
  }

  function emit(event: RemoteLearned): void {
    if (learns && !done) subscriber.next(event);
  }

  function faulted(fault: Fault): void {
    const { code, forSeq, forStep, retryable, message } = fault;
    if (code === 'target_expired' && forStep !== undefined) {
      emit({ kind: 'expired', number: forStep });
    } else if (code === 'target_exists' && forStep !== undefined) {
      emit({ kind: 'duplicate', number: forStep });
    } else {
      fail(new RemoteError(message, { fault: code, retryable, seq: forSeq, step: forStep }));
    }
  }

  return {
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
    abandon() {
      if (done) return;
      guard(() => send({ type: 'close', session }));
      close();
    },
  };
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
