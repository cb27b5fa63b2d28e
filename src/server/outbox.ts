/** Answers of one turn go out as few messages, in the order in which things happened. */
import type { Entry, ServerMessage } from '../wire/messages.js';
import { answerSize } from './answer.js';
import { say } from './kept.js';
import type { Session } from './session.js';

/** Numbers in one message of predictions, about. */
const largestMessage = 16_384;

/** The entry of a frame: joins those before it; the newest one waits where only the last is wanted. */
export function pushEntry(session: Session, seq: number, entry: Entry): void {
  if (!session.want.last) {
    joinEntry(session, seq, entry);
    return;
  }
  if (entry.stepCount === 0) {
    releaseHeld(session, true);
    joinEntry(session, seq, entry);
    return;
  }
  releaseHeld(session, false);
  session.held = { seq, entry: { ...entry, answers: entry.answers.slice(-1) } };
}

/** The entry that waited: with its answer, or empty since a later step came. */
export function releaseHeld(session: Session, answered: boolean): void {
  const { held } = session;
  if (held === undefined) return;
  session.held = undefined;
  joinEntry(session, held.seq, answered ? held.entry : { ...held.entry, answers: [] });
}

function joinEntry(session: Session, seq: number, entry: Entry): void {
  if (session.losses.length > 0) flush(session);
  if (session.entries.length === 0) session.firstEntry = seq;
  session.entries.push(entry);
  let size = 8;
  for (const answer of entry.answers) size += answerSize(answer);
  session.outlet.pending += 4 * size;
  session.size += size;
  if (session.size > largestMessage) flush(session);
}

export function pushLoss(session: Session, step: number, loss: number): void {
  if (session.entries.length > 0) flush(session);
  session.losses.push({ step, loss });
}

/** Any other message: after all that came before it. */
export function pushMessage(session: Session, message: ServerMessage): void {
  flush(session);
  say(session, message);
}

/** Sends what has been gathered. */
export function flush(session: Session): void {
  const { number, outlet } = session;
  if (session.entries.length > 0) {
    const entries = session.entries;
    session.entries = [];
    outlet.pending -= 4 * session.size;
    session.size = 0;
    say(session, { type: 'predictions', session: number, firstSeq: session.firstEntry, entries });
  }
  if (session.losses.length > 0) {
    const losses = session.losses;
    session.losses = [];
    say(session, { type: 'losses', session: number, losses });
  }
}
