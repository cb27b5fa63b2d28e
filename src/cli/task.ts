import type { Step } from '../model/transfer.js';
import type { Metrics } from '../training/judge.js';
import type { StreamState } from '../training/stream.js';
import type { Item } from './pipeline.js';

/** What a kind of data means to the network: items out of frames, lines out of steps. */
export interface Task<Frame> {
  /** The targets that a frame brings and its input, in the order in which they are applied. */
  items(frame: Frame): readonly Item[];
  /** What the step of the oldest frame that has no answer says, and how well that frame was foretold. */
  answer(step: Step): object;
  /** What the last line says when no more comes in; undefined if nothing is left to say. */
  end?(): object | undefined;
  /** How well things go, what matters most first: bits per character, error beside that of persistence. */
  progress(): readonly string[];
  /** How well things went, beside the trivial predictors; undefined before this run has scored anything. */
  metrics?(): Metrics | undefined;
  /** Frames that were foretold and that no metrics count, as not all of their targets can be compared. */
  partial?(): number;
  /** What it remembers besides the states of its streams: plain data. */
  save(): unknown;
  /** Frames as a record has them: plain data. */
  write(frame: Frame): unknown;
  /** The frame that was written; undefined where this is none. */
  read(written: unknown): Frame | undefined;
  /** What output number `index` is called. */
  outputName(index: number): string;
}

/** Where a task goes on from: the states of its streams, and what it saved. */
export interface Resumed {
  readonly states: ReadonlyMap<string, StreamState>;
  readonly saved: unknown;
}
