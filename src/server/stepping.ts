/** What a session does when its turn comes. */
import type { Input } from '../model/input.js';
import type { Totals } from '../wire/messages.js';
import { nextInput } from './frames.js';
import { finishLearning, learnStep, learnTargets, startLearning } from './learning.js';
import { flush, releaseHeld } from './outbox.js';
import type { Frame, Item, Session } from './session.js';

/** Targets that are taken in one round of a session, at most. */
const targetsInRound = 256;

/**
 * Moves a session on until it has an input to be stepped in the batch, which is returned, or has had its share of this
 * round: one reset, or so many targets, or one step of a learner.
 */
export function advance(session: Session): Input | undefined {
  let left = targetsInRound;
  while (left > 0 && session.queue.length > 0 && !session.outlet.blocked()) {
    const item = session.queue[0];
    if (item.kind !== 'frame') {
      left -= control(session, item, left);
      continue;
    }
    const input = nextInput(session, item);
    if (input === undefined) continue;
    if (session.learner === undefined) return input;
    learnStep(session, item, input);
    return undefined;
  }
  return undefined;
}

/** What it took of the `most` that may be taken. */
function control(session: Session, item: Exclude<Item, Frame>, most: number): number {
  const { queue, outlet } = session;
  switch (item.kind) {
    case 'targets': {
      const { forStep, targets, done } = item;
      const taken = targets.slice(done, done + most);
      item.done += taken.length;
      if (item.done === targets.length) {
        queue.shift();
        outlet.queued -= item.cost;
      }
      learnTargets(session, forStep + done, taken);
      return Math.max(1, taken.length);
    }
    case 'reset':
      queue.shift();
      outlet.queued -= item.cost;
      finishLearning(session);
      if (item.weights) session.learner?.restore();
      session.carry.set(session.opened);
      session.encoding = session.served.encoder?.initial();
      startLearning(session);
      return most;
    case 'finish':
      queue.shift();
      if (item.learn) finishLearning(session);
      releaseHeld(session, true);
      end(session, item.carry ? session.carry : undefined);
      return most;
  }
}

/** The session's last message; what waits is dropped. */
export function end(session: Session, carry?: Float32Array): void {
  if (session.ended) return;
  flush(session);
  forget(session);
  session.outlet.send({
    type: 'finished',
    session: session.number,
    ...(carry === undefined ? {} : { carry }),
    totals: totalsOf(session),
  });
  session.outlet.ended(session);
}

/** Drops what waits. */
export function forget(session: Session): void {
  session.ended = true;
  for (const item of session.queue.splice(0)) session.outlet.queued -= 'cost' in item ? item.cost : 0;
  session.waiting = 0;
  session.outlet.pending -= 4 * session.size;
  session.size = 0;
  session.entries = [];
  session.stream = undefined;
}

function totalsOf(session: Session): Totals {
  const { loss, ...counts } = session.totals;
  return { ...counts, steps: session.steps, ...(counts.targets > 0 ? { meanLoss: loss / counts.targets } : {}) };
}
