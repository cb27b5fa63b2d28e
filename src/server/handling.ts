/** What the messages of a client do to a session that is open. */
import { CheckpointError, LimitError } from '../errors.js';
import type { Authenticate, ClientMessage } from '../wire/messages.js';
import { acceptFrames, planReset, pushReset, refuseAck, refuseGap } from './accept.js';
import { acknowledge, pump, rewind } from './kept.js';
import { openedOf } from './open.js';
import type { Settings } from './options.js';
import { enqueue, enqueueFirst, fault, type Session, sayFault } from './session.js';
import { putSnapshot, readSnapshot } from './snapshot.js';

/** A message for one session. */
export type SessionMessage = Exclude<ClientMessage, Authenticate>;

/** What a stream that ends cannot do any more; frames may have come before. */
const needsStream: ReadonlySet<SessionMessage['type']> = new Set(['targets', 'reset', 'snapshot', 'restore']);

/** Who has the session. */
interface Keeper {
  /** Nothing of it is left. */
  close(session: Session): void;
  /** It may have something to do. */
  wakeUp(session: Session): void;
  /** Something went wrong where nobody waits for it. */
  failed(error: unknown): void;
}

/** Makes the function that takes a message of so many bytes for a session. */
export function createHandling(settings: Settings, { close, wakeUp, failed }: Keeper) {
  function handle(session: Session, message: SessionMessage, bytes: number): void {
    if (session.finishing && needsStream.has(message.type)) {
      // With a number, as for frames: it is not kept, and so not counted by the client.
      const details = { forSeq: session.nextSeq };
      fault(session, 'session_finished', `Expected no ${message.type} after finish, got one`, details);
      return;
    }
    switch (message.type) {
      case 'frames':
        acceptFrames(session, message);
        break;
      case 'ack':
        acknowledged(session, message.seq);
        break;
      case 'targets': {
        const { forStep, targets, weights } = message;
        session.taken++;
        enqueue(session, { kind: 'targets', forStep, targets, weights, cost: 64 + bytes, done: 0 });
        break;
      }
      case 'finish':
        if (message.afterSeq !== undefined && message.afterSeq >= session.nextSeq)
          refuseGap(session, message.afterSeq + 1);
        else finish(session, message.carry ?? false, message.state ?? false, true);
        break;
      case 'snapshot':
        enqueue(session, { kind: 'snapshot', cost: 64 });
        break;
      case 'restore':
        restore(session, message.data);
        break;
      case 'reset':
        session.taken++;
        reset(session, message.beforeSeq ?? session.nextSeq, message.weights ?? false);
        break;
      case 'close':
        if (session.ended) close(session);
        else finish(session, false, false, false);
        break;
    }
  }

  /** Takes an acknowledgement: a session is closed once its end is acknowledged. */
  function acknowledged(session: Session, seq: number): void {
    if (!acknowledge(session, seq)) refuseAck(session, seq);
    else if (session.ended && seq >= session.kept!.answered) close(session);
  }

  /**
   * Ends the session when all that has come is answered. A second time it changes nothing: if it has ended, and everything was sent on
   * this connection, everything is sent again.
   */
  function finish(session: Session, carry: boolean, state: boolean, learn: boolean): void {
    const { ended, kept } = session;
    if (ended && kept !== undefined && kept.sent === kept.messages.length) rewind(session, kept.acked, 0);
    pump(session);
    if (session.finishing) return;
    session.finishing = true;
    enqueue(session, { kind: 'finish', carry, state, learn });
  }

  function reset(session: Session, before: number, weights: boolean): void {
    const refuse = (message: string): void => enqueue(session, { kind: 'refused', message, cost: 64 + message.length });
    if (weights && !session.learner?.own) {
      refuse('Expected weights only where learn is private: there are none to go back to');
    } else if (before < session.nextSeq) {
      refuse(`Expected beforeSeq to be ${session.nextSeq} or later, got ${before}, which has come`);
    } else if (before === session.nextSeq) {
      pushReset(session, weights);
    } else if (!planReset(session, before, weights)) {
      refuse(`Expected at most ${session.credit} resets before later frames, got one more`);
    }
  }

  function restore(session: Session, data: Uint8Array): void {
    session.taken++;
    const cost = 64 + data.byteLength;
    const begin = (): void => {
      readSnapshot(session, data, settings.maxLearnerBytes)
        .then(restored => {
          if (session.ended) return;
          const put = (): void => {
            putSnapshot(session, restored);
            enqueueFirst(session, { kind: 'restored', cost: 64, tell: () => openedOf(session, settings) });
          };
          enqueueFirst(session, { kind: 'put', cost, put });
        })
        .catch((error: unknown) => {
          if (!(error instanceof CheckpointError || error instanceof LimitError)) settings.onError(error);
          if (!session.ended) sayFault(session, 'bad_snapshot', (error as Error).message);
        })
        .finally(() => {
          session.paused = false;
          wakeUp(session);
        })
        .catch(failed);
    };
    enqueue(session, { kind: 'restore', cost, begin });
  }

  return handle;
}
