import { Observable, Subject } from 'rxjs';
import { LimitError, RemoteError } from '../errors.js';
import type { Opened, SnapshotData } from '../wire/messages.js';
import type { RemoteLearned, RemoteStep } from './answers.js';
import { connectSession } from './connection.js';
import type { OpenSocket, RemoteState } from './line.js';
import type { RemoteOptions, ResumePoint } from './options.js';
import { copyItem, type RemoteItem } from './outgoing.js';
import type { Position } from './position.js';
import { checkRemote } from './remote.js';

/**
 * A session on a server, for who sends and receives by hand: with `for await`, or as an observable.
 *
 * What is not taken from it is not acknowledged: so the server sends no more than its credit, and `send` waits.
 */
export interface RemoteHandle<Answer = RemoteStep | RemoteLearned> extends AsyncIterable<Answer> {
  /**
   * Resolves when there is room for the next one. Rejects when the session has ended, with what is wrong with the item, and with a
   * `LimitError` where 32,768 calls wait already: nobody waits for them, or too many at once.
   */
  send(item: RemoteItem): Promise<void>;
  /** No more items: those so far are sent and answered, then the answers end. */
  finish(): void;
  /** Ends the session at once. */
  close(): void;
  /** The answers, for one subscriber, instead of `for await`. */
  readonly answers: Observable<Answer>;
  readonly state: RemoteState;
  readonly states: Observable<RemoteState>;
  /** The state of the stream after the items so far. Rejects after `finish`, as `restore` does. */
  snapshot(): Promise<SnapshotData>;
  /** Puts a state in the place of the stream's, after the items so far. Rejects at one that does not fit, and the session goes on as it was. */
  restore(data: Uint8Array): Promise<Opened>;
  /** What a client that begins anew gives as `resume`, to go on after the answers that were taken. */
  resumePoint(): ResumePoint | undefined;
}

export interface RemoteSession {
  (url: string, options?: RemoteOptions & { readonly learn?: 'none' }): RemoteHandle<RemoteStep>;
  (url: string, options: RemoteOptions & { readonly learn: 'private' | 'shared' }): RemoteHandle<RemoteLearned>;
}

/** Items that wait, unless it is told otherwise, before `send` does. */
const defaultBuffered = 1024;

/** Calls that wait for room, at most; the end always may. */
const mostTurns = 32_768;

/** `remoteSession` on the given kind of sockets. */
export function createRemoteSession(openSocket: OpenSocket): RemoteSession {
  return ((url: string, options: RemoteOptions = {}): RemoteHandle => {
    const { address, settings } = checkRemote(url, options, defaultBuffered);
    const { subprotocol, maxBuffered } = settings;
    const states = new Subject<RemoteState>();
    let state: RemoteState = { kind: 'connecting' };
    let waiting: { readonly answer: RemoteStep | RemoteLearned; readonly at: Position }[] = [];
    /** Whoever reads has taken all that was there. */
    let idle = false;
    let end: { readonly error?: unknown } | undefined;
    let wake = (): void => {};
    /** What waits for room: taken in the order in which it was given. */
    const turns: { take(): void; reject(error: unknown): void }[] = [];
    let isRead = false;

    const finishWith = (how: { readonly error?: unknown }): void => {
      end = how;
      for (const { reject } of turns.splice(0)) reject('error' in how ? how.error : ended());
      states.complete();
      wake();
    };
    const session = connectSession(
      () => openSocket(address, subprotocol),
      {
        ...settings,
        takes: true,
        onState(next) {
          state = next;
          states.next(next);
          options.onState?.(next);
        },
        onArrived() {
          if (idle && waiting.length === 0) session.taken();
        },
        onRoom() {
          while (turns.length > 0 && session.waiting() < maxBuffered) turns.shift()!.take();
        },
      },
      {
        next(answer, at) {
          waiting.push({ answer, at });
          wake();
        },
        error: error => finishWith({ error }),
        complete: () => finishWith({}),
      },
    );

    const refusal = (): unknown => {
      const failed = end && 'error' in end ? end : session.failed();
      return failed ? failed.error : ended();
    };

    const push = (item: RemoteItem): void => {
      if (end !== undefined || !session.push(item)) throw refusal();
    };

    /** After what waits, if anything does. */
    const inTurn = async <T>(
      work: () => T | Promise<T>,
      waits = turns.length > 0,
      most: number = mostTurns,
    ): Promise<T> => {
      if (!waits) return work();
      if (turns.length >= most)
        throw new LimitError(`Expected at most ${most} calls to wait for room: await each before the next`);
      return new Promise((resolve, reject) => {
        const take = (): void => {
          try {
            resolve(work());
          } catch (error) {
            reject(error);
          }
        };
        turns.push({ take, reject });
      });
    };

    /** Whoever sends is told, too. */
    const leave = (): void => {
      session.abandon();
      if (end === undefined) finishWith({});
    };

    const read = (): void => {
      if (isRead)
        throw new RemoteError('Expected answers to be read once, got a second reader', {
          fault: 'closed',
          retryable: false,
        });
      isRead = true;
    };

    async function* iterate(): AsyncGenerator<RemoteStep | RemoteLearned> {
      read();
      try {
        for (;;) {
          const batch = waiting;
          waiting = [];
          for (const { answer, at } of batch) {
            yield answer;
            session.taken(at);
          }
          if (waiting.length > 0) continue;
          if (end !== undefined) break;
          session.taken();
          idle = true;
          await new Promise<void>(resolve => {
            wake = resolve;
          });
          idle = false;
        }
        if (end !== undefined && 'error' in end) throw end.error;
      } finally {
        leave();
      }
    }

    return {
      get state() {
        return state;
      },
      states,
      async send(item) {
        const waits = end === undefined && (turns.length > 0 || session.waiting() >= maxBuffered);
        const given = waits ? copyItem(item) : item;
        return inTurn(() => push(given), waits);
      },
      finish() {
        inTurn(() => session.finish(), undefined, Number.POSITIVE_INFINITY).catch(() => {});
      },
      close: leave,
      answers: new Observable(subscriber => {
        read();
        const emit = (): void => {
          for (let batch = waiting; batch.length > 0; batch = waiting) {
            waiting = [];
            for (const { answer } of batch) subscriber.next(answer);
          }
          idle = true;
          session.taken();
          if (end === undefined) return;
          if ('error' in end) subscriber.error(end.error);
          else subscriber.complete();
        };
        wake = emit;
        emit();
        return leave;
      }),
      snapshot: () => inTurn(() => session.snapshot()),
      async restore(data) {
        const given = data.slice();
        return inTurn(() => session.restore(given));
      },
      resumePoint: () => session.resumePoint(),
      [Symbol.asyncIterator]: iterate,
    };
  }) as RemoteSession;
}

function ended(): RemoteError {
  return new RemoteError('Expected a session that goes on, got one that has ended', {
    fault: 'closed',
    retryable: false,
  });
}
