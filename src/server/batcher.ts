import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import type { Model } from '../model/model.js';
import type { Step } from '../model/transfer.js';
import { createHistograms, type Histograms, observe } from './counts.js';
import { completeStep } from './frames.js';
import { flush } from './outbox.js';
import type { Served } from './served.js';
import { type Session, sayFault } from './session.js';
import { advance, canGoOn, end } from './stepping.js';

/** Streams in one `stepMany`, at most. */
const largestBatch = 256;

/** Milliseconds after which sockets are looked at again. */
const budget = 8;
/** The same where some learn: an answer waits for little more than one update. */
const learningBudget = 0.25;

/** Steps the sessions that have something to do. */
export interface Batcher {
  /** The session has something in its queue. */
  add(session: Session): void;
  /**
   * Rounds until nothing is left, or some milliseconds have passed: in each at most one frame of a session, all that
   * predict with a model in one `stepMany`, then those that learn. True if something is left.
   */
  run(): boolean;
}

/** Gathered for one `stepMany`; empty between two. */
interface Batch {
  readonly model: Model;
  readonly sessions: Session[];
  readonly carries: Carry[];
  readonly inputs: Input[];
}

export function createBatcher(
  onError: (error: unknown) => void,
  now = () => performance.now(),
  histograms: Pick<Histograms, 'step' | 'wait' | 'batch'> = createHistograms(),
): Batcher {
  /** When the first of those that wait came. */
  let since = 0;
  const predicting: Session[] = [];
  /** Those that learn, the next one first. */
  const learning: Session[] = [];
  const batches = new WeakMap<Served, Batch>();
  const gathered: Batch[] = [];

  const fail = (session: Session, error: unknown): void => {
    onError(error);
    flush(session);
    sayFault(session, 'internal', 'Expected the step to succeed, it failed: the session has ended');
    end(session);
  };

  const stepBatch = ({ model, sessions, carries, inputs }: Batch): void => {
    let steps: Step[] | undefined;
    const began = performance.now();
    try {
      steps = model.stepMany(carries, inputs);
      observe(histograms.step, (performance.now() - began) / 1000);
      observe(histograms.batch, sessions.length);
    } catch {
      // One of them alone is at fault: found by stepping each by itself.
    }
    for (let i = 0; i < sessions.length; i++) {
      try {
        completeStep(sessions[i], steps?.[i] ?? model.step(carries[i], inputs[i]), null);
      } catch (error) {
        fail(sessions[i], error);
      }
    }
    sessions.length = carries.length = inputs.length = 0;
  };

  const gather = (session: Session, input: Input): void => {
    const { served } = session;
    let batch = batches.get(served);
    if (batch === undefined) {
      batch = { model: served.model, sessions: [], carries: [], inputs: [] };
      batches.set(served, batch);
    }
    if (batch.sessions.length === 0) gathered.push(batch);
    batch.sessions.push(session);
    batch.carries.push(session.carry);
    batch.inputs.push(input);
    if (batch.sessions.length === largestBatch) stepBatch(batch);
  };

  const advanceOne = (session: Session): void => {
    try {
      const input = advance(session);
      if (input !== undefined) gather(session, input);
    } catch (error) {
      fail(session, error);
    }
  };

  /** Whether it stays in its list; one whose peer does not read is added again when it does. */
  const stays = (session: Session): boolean => {
    session.active = canGoOn(session);
    return session.active;
  };

  const round = (deadline: number): void => {
    for (const session of predicting) advanceOne(session);
    for (const batch of gathered) if (batch.sessions.length > 0) stepBatch(batch);
    gathered.length = 0;
    let kept = 0;
    for (const session of predicting) if (stays(session)) predicting[kept++] = session;
    predicting.length = kept;
    // Learners in turn: an update is long, and the answers of the others wait for it.
    for (let left = learning.length; left > 0; left--) {
      const session = learning.shift()!;
      advanceOne(session);
      if (stays(session)) learning.push(session);
      if (now() >= deadline) return;
    }
  };

  return {
    add(session) {
      if (session.active || session.queue.length === 0) return;
      if (predicting.length + learning.length === 0) since = performance.now();
      session.active = true;
      (session.learner === undefined ? predicting : learning).push(session);
    },
    run() {
      if (predicting.length + learning.length === 0) return false;
      const touched = [...predicting, ...learning];
      const began = performance.now();
      observe(histograms.wait, (began - since) / 1000);
      since = began;
      const deadline = now() + (learning.length > 0 ? learningBudget : budget);
      do round(deadline);
      while (predicting.length + learning.length > 0 && now() < deadline);
      for (const session of touched) flush(session);
      return predicting.length + learning.length > 0;
    },
  };
}
