import type { Assembly } from './assemble.js';
import { describeRollback } from './guarded.js';
import type { Outcome } from './pipeline.js';
import type { Recorder } from './record.js';
import type { Sink } from './sink.js';
import type { Told } from './told.js';

export interface AnsweringOptions {
  readonly sink: Sink;
  readonly recorder: Recorder | undefined;
  /** Of how many steps one has a line. */
  readonly every: number;
  readonly told: Told;
  readonly say: (text: string) => void;
}

/** What the network does becomes lines, counts and, where a guard went back, a word. */
export function createAnswering({ sink, recorder, every, told, say }: AnsweringOptions) {
  return ({ task, before }: Assembly, outcome: Outcome): void => {
    if (outcome.kind === 'update') {
      const { count, rollback, shortened } = outcome.update;
      told.updates = count;
      if (shortened) told.shortened++;
      if (rollback) say(describeRollback(rollback));
    }
    if (outcome.kind !== 'step') return;
    const line = task.answer(outcome.step);
    if (outcome.limited) told.limited++;
    recorder?.prediction(outcome.step.prediction);
    told.answered++;
    if ((before + told.answered) % every === 0)
      sink.line(JSON.stringify(outcome.limited ? { ...line, limited: true } : line));
  };
}
