import type { Moved, Run } from '../model/moving.js';
import { createHistograms, type Histograms, observe } from './counts.js';
import { completeRun } from './frames.js';
import { flush } from './outbox.js';
import { add, at, createQueue, take } from './queue.js';
import type { Served } from './served.js';
import { type Session, sayFault } from './session.js';
import { advance, canGoOn, end } from './stepping.js';

/** Sessions that take their turn together, and streams in one `moveMany`, at most. */
const largestBatch = 64;

/** Steps of one session before it is the turn of those behind it. */
const stepsOfTurn = 16;
/** The same where no other waits: its client has these to work on while the next are made. */
const stepsAlone = 8;

/** Milliseconds after which sockets are looked at again. */
const budget = 8;
/** The same where some learn: an answer waits for no more than that, and the part of an update that is under way then. */
const learningBudget = 0.1;

/** Steps the sessions that have something to do. */
export interface Batcher {
  /** The session has something in its queue. True if others before it are a whole batch: what they have sent has come. */
  add(session: Session): boolean;
  /**
   * Until nothing is left, or some milliseconds have passed: some of those that predict after the others, all of a model in one
   * `moveMany`, each some steps, so that the answers of a session leave together. Or
   * those that learn: they have every other run, so that no answer waits for long. True
   * if something is left.
   *
   * @param batch one batch of those that predict, and no more
   */
  run(batch?: boolean): boolean;
}

/** Gathered for one `moveMany`: `count` of each, in arrays that keep their places. */
interface Batch {
  readonly served: Served;
  readonly sessions: Session[];
  readonly runs: Run[];
  count: number;
}

/** In a place that nothing is in. */
const nothing = undefined as never;
const noRun = (): Run => ({ carry: nothing, inputs: nothing, from: 0, count: 0 });

export function createBatcher(
  onError: (error: unknown) => void,
  now = () => performance.now(),
  histograms: Pick<Histograms, 'step' | 'wait' | 'batch'> = createHistograms(),
): Batcher {
  /** When the first of those that wait came, and when the run is to end. Fields of a record: a variable has a new object for each time. */
  const times = { since: 0.5, deadline: 0.5 };
  /** Those that predict, the next ones first. */
  const predicting = createQueue<Session>();
  /** Those that learn, the next one first. */
  const learning = createQueue<Session>();
  /** It is the turn of those that learn. */
  let predictedLast = false;
  const batches = new WeakMap<Served, Batch>();
  const gathered = createQueue<Batch>();
  /** Those that predict in this turn, and have something left. */
  const group = createQueue<Session>();
  /** Those that had their turn, and whose answers are to leave. */
  const touched = createQueue<Session>();

  const inTime = (): boolean => now() < times.deadline;

  const fail = (session: Session, error: unknown): void => {
    onError(error);
    flush(session);
    sayFault(session, 'internal', 'Expected the step to succeed, it failed: the session has ended');
    end(session);
  };

  const stepBatch = (batch: Batch): void => {
    const { served, sessions, runs, count } = batch;
    batch.count = 0;
    const began = now();
    let moved: readonly Moved[] | undefined;
    try {
      moved = served.model.moveMany(runs, count, inTime);
    } catch {
      // One of them alone may be at fault, or there is no room for all: nothing has moved, and each makes one step alone.
    }
    const seconds = (now() - began) / 1000;
    let most = 1;
    for (let i = 0; i < count; i++) {
      try {
        const result = moved === undefined ? served.model.moveMany([{ ...runs[i], count: 1 }], 1)[0] : moved[i];
        completeRun(sessions[i], result);
        // One was counted when its turn came.
        sessions[i].turnSteps += Math.max(0, result.made - 1);
        most = Math.max(most, result.made);
      } catch (error) {
        fail(sessions[i], error);
      }
      sessions[i] = runs[i].carry = runs[i].inputs = nothing;
    }
    observe(histograms.step, seconds / most);
    observe(histograms.batch, count);
  };

  const batchOf = (served: Served): Batch => {
    // Most often the one that the session before is in.
    const last = gathered.length > 0 ? at(gathered, gathered.length - 1) : undefined;
    if (last?.served === served) return last;
    let batch = batches.get(served);
    if (batch === undefined) {
      batch = { served, sessions: [], runs: [], count: 0 };
      batches.set(served, batch);
    }
    return batch;
  };

  const advanceOne = (session: Session, most: number): void => {
    const batch = batchOf(session.served);
    const place = batch.count;
    if (batch.runs.length === place) batch.runs.push(noRun());
    const run = batch.runs[place];
    try {
      if (!advance(session, run, most, inTime)) return;
      run.carry = session.carry;
      batch.sessions[place] = session;
      if (batch.count++ === 0) add(gathered, batch);
    } catch (error) {
      fail(session, error);
    }
  };

  /** Whether it stays in its list; one whose peer does not read is added again when it does. */
  const stays = (session: Session): boolean => {
    session.active = canGoOn(session);
    return session.active;
  };

  /** The next ones step until they have answered what has come, or others wait too long. */
  const predictInTurn = (): void => {
    while (predicting.length > 0 && group.length < largestBatch) {
      const session = take(predicting);
      session.turnSteps = 0;
      add(group, session);
      add(touched, session);
    }
    const most = group.length > 1 ? stepsOfTurn : stepsAlone;
    while (group.length > 0) {
      for (let i = 0; i < group.length; i++) {
        const session = at(group, i);
        advanceOne(session, most - session.turnSteps++);
      }
      while (gathered.length > 0) stepBatch(take(gathered));
      for (let others = group.length; others > 0; others--) {
        const session = take(group);
        if (stays(session)) add(session.turnSteps < most ? group : predicting, session);
      }
      if (group.length > 0 && !inTime()) break;
    }
    while (group.length > 0) add(predicting, take(group));
  };

  /** One after the other, until it is time for the answers of the others. */
  const learnInTurn = (): void => {
    do {
      const session = take(learning);
      add(touched, session);
      advanceOne(session, 1);
      if (stays(session)) add(learning, session);
    } while (learning.length > 0 && inTime());
  };

  return {
    add(session) {
      if (session.active || session.queue.length === 0) return false;
      if (predicting.length + learning.length === 0) times.since = now();
      session.active = true;
      add(session.learner === undefined ? predicting : learning, session);
      return predicting.length > largestBatch;
    },
    run(batch = false) {
      if (predicting.length + learning.length === 0) return false;
      const began = now();
      observe(histograms.wait, (began - times.since) / 1000);
      times.since = began;
      times.deadline = began + (learning.length > 0 ? learningBudget : budget);
      const lessonsDue = predicting.length === 0 || (predictedLast && learning.length > 0);
      if (!batch && lessonsDue) {
        learnInTurn();
        predictedLast = false;
      } else {
        const alone = predicting.length === 1;
        do predictInTurn();
        while (predicting.length > 0 && !batch && !alone && inTime());
        predictedLast = true;
      }
      while (touched.length > 0) flush(take(touched));
      return predicting.length + learning.length > 0;
    },
  };
}
