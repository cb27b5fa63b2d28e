import type { Step } from '../model/transfer.js';
import type { Item } from './pipeline.js';

/** What a kind of data means to the network: items out of frames, lines out of steps. */
export interface Task<Frame> {
  keyOf(frame: Frame): string;
  /** The targets that a frame brings and its input, in the order in which they are applied. */
  items(frame: Frame): readonly Item[];
  /** What the step of the oldest frame that has no answer says, and how well that frame was foretold. */
  answer(step: Step): object;
  /** How well things go: bits per character, error beside that of persistence. */
  progress(): string;
}
