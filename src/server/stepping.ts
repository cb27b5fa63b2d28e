/** What a session does when its turn comes. */
import type { Run } from '../model/moving.js';
import type { Parts } from '../parts.js';
import type { Totals } from '../wire/messages.js';
import { nextInput, nextRun, pushRest } from './frames.js';
import { allSent, drop, isFull, say } from './kept.js';
import { finishLearning, learnStep, learnTargets, startLearning } from './learning.js';
import { dropEntries, flush, releaseHeld } from './outbox.js';
import { at } from './queue.js';
import { dequeue, enqueueFirst, type FrameRun, type Item, noLosses, type Session, sayFault } from './session.js';
import { takeSnapshot } from './snapshot.js';

/** Targets that are taken in one round of a session, at most. */
const targetsInRound = 256;

/**
 * Moves a session on until it has something to be stepped in the batch, which is put in `run` (true), or has had its share of this
 * round: one reset, or so many targets, or one step of a learner.
 *
 * @param most steps of a run
 * @param inTime whether others need not have their turn yet
 */
export function advance(session: Session, run: Run, most: number, inTime: () => boolean): boolean {
  if (session.broken !== undefined) throw session.broken.error;
  let left = targetsInRound;
  while (left > 0 && canGoOn(session)) {
    const item = at(session.queue, 0);
    if (item.kind !== 'frames') {
      left -= control(session, item, left, inTime);
      continue;
    }
    if (session.learner === undefined) {
      // Each step of a run has its answer, but not a carry of its own.
      if (nextRun(session, item, run, session.want.carry ? 1 : most)) return true;
      continue;
    }
    const input = nextInput(session, item);
    if (input === undefined) continue;
    goOn(session, learnStep(session, item, input), inTime);
    return false;
  }
  return false;
}

/** Something waits, and its peer reads and acknowledges what it has read; the end waits for no acknowledgement. */
export function canGoOn(session: Session): boolean {
  if (session.queue.length === 0 || session.paused || session.outlet.blocked()) return false;
  return session.leaving || !isFull(session) || at(session.queue, 0).kind === 'finish';
}

/** Does what an item asks that is no frame. Returns how much of the round it took, of the `most` that is left. */
function control(session: Session, item: Exclude<Item, FrameRun>, most: number, inTime: () => boolean): number {
  switch (item.kind) {
    case 'targets': {
      const { forStep, targets, weights, done } = item;
      const taken = targets.slice(done, done + most);
      item.done += taken.length;
      if (item.done === targets.length) dequeue(session);
      goOn(session, learnTargets(session, forStep + done, taken, weights?.slice(done, done + most)), inTime);
      return Math.max(1, taken.length);
    }
    case 'update':
      dequeue(session);
      goOn(session, item.rest, inTime);
      return most;
    case 'reset':
      dequeue(session);
      finishLearning(session);
      if (item.weights) session.learner?.restore();
      if (session.opened === undefined) session.carry.fill(0);
      else session.carry.set(session.opened);
      session.encoding = session.served.encoder?.initial();
      startLearning(session);
      return most;
    case 'refused':
      dequeue(session);
      flush(session);
      sayFault(session, 'bad_reset', item.message);
      return 1;
    case 'restored':
      flush(session);
      if (!allSent(session)) return most;
      dequeue(session);
      session.outlet.send(item.tell());
      return 1;
    case 'snapshot':
      flush(session);
      if (!allSent(session)) return most;
      dequeue(session);
      session.outlet.send({
        type: 'snapshotData',
        session: session.number,
        data: takeSnapshot(session),
        seq: session.nextSeq - 1 - session.waiting,
        step: session.steps,
        modelHash: session.served.hash,
      });
      return most;
    case 'restore':
      dequeue(session);
      session.paused = true;
      item.begin();
      return most;
    case 'put':
      dequeue(session);
      finishLearning(session);
      item.put();
      return most;
    case 'finish':
      // Little is left to say, and who has all answers acknowledges the last of them with `finished`.
      session.leaving = true;
      if (item.learn && pushRest(session)) return 1;
      dequeue(session);
      if (item.learn) finishLearning(session);
      releaseHeld(session, true);
      end(session, item.carry ? session.carry : undefined, item.state ? takeSnapshot(session) : undefined);
      return most;
  }
}

/** What a learner does, part by part while there is time; what is left is then first in its queue, before the frame or the targets that it is for. */
function goOn(session: Session, parts: Parts<void> | undefined, inTime: () => boolean): void {
  while (parts?.next().done === false) {
    if (inTime()) continue;
    enqueueFirst(session, { kind: 'update', cost: 0, rest: parts });
    return;
  }
}

/** The session's last message; what waits is dropped. It is kept, as are answers. */
export function end(session: Session, carry?: Float32Array, state?: Uint8Array): void {
  if (session.ended) return;
  flush(session);
  halt(session);
  say(session, {
    type: 'finished',
    session: session.number,
    ...(carry === undefined ? {} : { carry: carry.slice() }),
    ...(state === undefined ? {} : { state }),
    totals: totalsOf(session),
  });
  session.outlet.ended(session);
}

/** Nothing more is stepped, and what waits is dropped. */
function halt(session: Session): void {
  session.ended = true;
  session.finishing = true;
  while (session.queue.length > 0) dequeue(session);
  session.waiting = 0;
  dropEntries(session);
  session.losses = noLosses;
  session.stream = undefined;
}

/** Nothing is left of the session. */
export function forget(session: Session): void {
  halt(session);
  drop(session);
}

function totalsOf(session: Session): Totals {
  const { loss, ...counts } = session.totals;
  return { ...counts, steps: session.steps, ...(counts.targets > 0 ? { meanLoss: loss / counts.targets } : {}) };
}
