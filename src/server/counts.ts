/** What has happened since the server started: plain numbers, which cost nothing to count and are read when someone asks. */
import { type FaultCode, isCloseCode } from '../wire/messages.js';

export interface Counts {
  /** Frames by what became of them: `gap` and `duplicate` were not taken; `rejected` are those refused, and those beyond the credit. */
  readonly frames: { applied: number; duplicate: number; gap: number; rejected: number };
  readonly sessions: { opened: number; finished: number };
  /** Sessions that were put away for good, by reason. */
  readonly evictions: Map<string, number>;
  /** Sessions that a client asked to go on with, by outcome. */
  readonly resumes: Map<string, number>;
  readonly faults: Map<FaultCode, number>;
  /** Connections that ended, by close code; clients may make up any from 3000 on: those that mean nothing here are `other`. */
  readonly closes: Map<number | 'other', number>;
  /** Times that a connection was not read from, since it sent too fast, or did not read. */
  readonly pauses: { rate: number; unread: number };
  /** Handshakes and requests that no token covered. */
  unauthorised: number;
  readonly updates: { applied: number; skipped: number; rollbacks: number; shortened: number };
  /** Inputs that a guard brought down. */
  limitedInputs: number;
  /** Updates that were skipped, or led to a rollback, by the client whose frame they came with. */
  readonly badUpdates: Map<string, number>;
  hibernations: number;
  /** Of answers that are kept, at present. */
  unacknowledgedBytes: number;
}

export function createCounts(): Counts {
  return {
    frames: { applied: 0, duplicate: 0, gap: 0, rejected: 0 },
    sessions: { opened: 0, finished: 0 },
    evictions: new Map(),
    resumes: new Map(),
    faults: new Map(),
    closes: new Map(),
    pauses: { rate: 0, unread: 0 },
    unauthorised: 0,
    updates: { applied: 0, skipped: 0, rollbacks: 0, shortened: 0 },
    limitedInputs: 0,
    badUpdates: new Map(),
    hibernations: 0,
    unacknowledgedBytes: 0,
  };
}

/** One more of this kind. */
export function countOne<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** One more connection that ended with this code. */
export function countClose({ closes }: Counts, code: number): void {
  countOne(closes, code < 3000 || isCloseCode(code) ? code : 'other');
}

/** Numbers in bins: how many were at most each bound, and all of them together. */
export interface Histogram {
  readonly bounds: readonly number[];
  /** One more than there are bounds: the last is beyond all of them. */
  readonly bins: number[];
  sum: number;
  count: number;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, bins: new Array(bounds.length + 1).fill(0), sum: 0, count: 0 };
}

/** A number that is not finite would stay in the sum for ever: it is not taken. */
export function observe(histogram: Histogram, value: number): void {
  if (!Number.isFinite(value)) return;
  const { bounds, bins } = histogram;
  let bin = 0;
  while (bin < bounds.length && value > bounds[bin]) bin++;
  bins[bin]++;
  histogram.sum += value;
  histogram.count++;
}

/** How long things take, and how large they are. Seconds. */
export interface Histograms {
  /** One step of a `moveMany`, or of a learner. */
  readonly step: Histogram;
  /** From the first message of a turn to the step. */
  readonly wait: Histogram;
  readonly update: Histogram;
  readonly batch: Histogram;
  readonly gradientNorm: Histogram;
}

const microsecondsToSeconds = [
  5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1,
];

export function createHistograms(): Histograms {
  return {
    step: createHistogram(microsecondsToSeconds),
    wait: createHistogram(microsecondsToSeconds),
    update: createHistogram(microsecondsToSeconds),
    batch: createHistogram([1, 2, 4, 8, 16, 32, 64, 128, 256]),
    gradientNorm: createHistogram([1e-3, 1e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 100, 1000]),
  };
}
