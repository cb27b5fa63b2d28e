/** Answers of one turn go out as few messages, in the order in which things happened. */
import type { Step } from '../model/transfer.js';
import {
  addEntry,
  addSteps,
  type Entries,
  type Entry,
  joinEntries,
  lengthOf,
  type ServerMessage,
} from '../wire/messages.js';
import { giveBack, takeEntries } from './entries.js';
import { say, sayPredictions } from './kept.js';
import { noLosses, type Session } from './session.js';

/** Bytes in one message of predictions, about. */
const largestMessage = 65_536;

/**
 * The entry of a frame: joins those before it; the newest one waits where only the last is wanted, and has the answer, whichever frame
 * made the last step.
 */
export function pushEntry(session: Session, seq: number, entry: Entry): void {
  if (!session.want.last) {
    joinEntry(session, seq, entry);
    return;
  }
  const answers = entry.stepCount === 0 ? (session.held?.entry.answers ?? []) : entry.answers.slice(-1);
  releaseHeld(session, false);
  // Its losses would be those of the next one.
  const losses = entry.losses?.map(said => ({ ...said }));
  session.held = { seq, entry: { ...entry, answers, losses } };
}

/** The entry that waited: with its answer, or empty since a later step came. */
export function releaseHeld(session: Session, answered: boolean): void {
  const { held } = session;
  if (held === undefined) return;
  session.held = undefined;
  joinEntry(session, held.seq, answered ? held.entry : { ...held.entry, answers: [] });
}

function joinEntry(session: Session, seq: number, entry: Entry): void {
  const entries = entriesOf(session, seq);
  const before = entries.end;
  addEntry(entries, entry);
  joined(session, entries, before);
}

/** The entries of frames of one step each, numbered from `seq`, that are answered with whole predictions and nothing else. */
export function pushSteps(
  session: Session,
  seq: number,
  firstStep: number,
  steps: readonly Step[],
  count: number,
): void {
  const entries = entriesOf(session, seq);
  const before = entries.end;
  addSteps(entries, firstStep, steps, count);
  joined(session, entries, before);
}

/** Those that are gathered; where there are none, the next are from frame `seq` on. */
function entriesOf(session: Session, seq: number): Entries {
  if (session.entries === undefined) {
    session.entries = takeEntries();
    session.firstEntry = seq;
  }
  return session.entries;
}

function joined(session: Session, entries: Entries, before: number): void {
  session.outlet.pending += entries.end - before;
  if (entries.end > largestMessage) flush(session);
}

/** Any other message: after all that came before it. */
export function pushMessage(session: Session, message: ServerMessage): void {
  flush(session);
  say(session, message);
}

/** Sends what has been gathered. */
export function flush(session: Session): void {
  const { entries, firstEntry, number } = session;
  if (entries !== undefined) {
    const last = firstEntry + entries.count - 1;
    letGo(session, entries);
    sayPredictions(session, joinEntries(number, firstEntry, entries), last, entries);
  }
  const losses = takeLosses(session);
  if (losses !== undefined) say(session, { type: 'losses', session: number, losses });
}

/** The losses that wait for the entry of a frame, or for a message of their own; undefined where there are none. */
export function takeLosses(session: Session): Session['losses'] | undefined {
  const { losses } = session;
  if (losses.length === 0) return undefined;
  session.losses = noLosses;
  return losses;
}

/** Forgets the entries that have not left. */
export function dropEntries(session: Session): void {
  const { entries } = session;
  if (entries === undefined) return;
  letGo(session, entries);
  giveBack(entries);
}

function letGo(session: Session, entries: Entries): void {
  session.entries = undefined;
  session.outlet.pending -= lengthOf(entries);
}
