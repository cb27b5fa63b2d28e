import {
  type Carry,
  createModel,
  createTrainer,
  gradientsByLag,
  type Input,
  type LayerGates,
  type ModelConfig,
  type OptimizerConfig,
  type Target,
  type Update,
  watchGates,
} from 'eddy';
import { type Example, type LateTarget, type Learned, tbptt } from 'eddy/operators';
import { Subject } from 'rxjs';
import type { Lessons } from '../run/runner.js';
import type { Moment } from './feeds.js';

/** What is to be seen of a learner at work. */
export type Seen =
  | {
      readonly kind: 'step';
      readonly number: number;
      readonly label: string;
      readonly carry: Carry;
      readonly gates: LayerGates;
    }
  /** The target of a step is known, and how far off it was, in nats. */
  | { readonly kind: 'loss'; readonly number: number; readonly loss: number }
  | { readonly kind: 'update'; readonly update: Update };

/** How far back the loss of one step reaches. */
export interface Reach {
  readonly number: number;
  /** ‖∂L(t)/∂h(t − j)‖ for j = 1, 2, ..., as far as there were steps. */
  readonly norms: readonly number[];
}

export interface Probe {
  /** One step, and what is learned of it. */
  take(moment: Moment): void;
  /** Of the newest step with a target, over `most` steps, beyond the window too. */
  reach(most: number): Reach | undefined;
}

/** The items of moment `number`, as learners take them: the target of the step before it first, where that is this input. */
export function itemsOf({ input, target }: Moment, number: number): (Example | LateTarget)[] {
  if (target !== undefined) return [{ input, target }];
  return number === 1 ? [{ input }] : [{ forStep: number - 1, target: input }, { input }];
}

interface Kept {
  readonly before: Carry;
  readonly input: Input;
  target: Target;
}

/** Steps that are remembered, to look back over. */
const mostKept = 64;

/** A learner of its own, whose inside is told: a network that knows nothing yet, at the first step. */
export async function createProbe(config: ModelConfig, lessons: Lessons, tell: (seen: Seen) => void): Promise<Probe> {
  const model = await createModel(config);
  const trainer = createTrainer(model, { ...lessons, optimizer: lessons.optimizer as OptimizerConfig });
  const gatesOf = watchGates(model);
  const kept = new Map<number, Kept>();
  const items = new Subject<Example | LateTarget>();
  let current: Moment;
  let before = model.zeroCarry();
  let steps = 0;
  let labelled = 0;

  const learn = (number: number, target: Target, loss: number | null): void => {
    const step = kept.get(number);
    if (!step || loss === null) return;
    step.target = target;
    labelled = number;
    tell({ kind: 'loss', number, loss });
  };
  const told = (event: Learned): void => {
    if (event.kind === 'update') tell({ kind: 'update', update: event.update });
    else if (event.kind === 'late') learn(event.number, event.target, event.loss);
    else if (event.kind === 'step') {
      const { number, step, target = null, loss } = event;
      const { input, label } = current;
      kept.set(number, { before, input, target: null });
      kept.delete(number - mostKept);
      tell({ kind: 'step', number, label, carry: step.carry, gates: gatesOf(before, input)[0] });
      before = step.carry;
      learn(number, target, loss);
    }
  };
  items.pipe(tbptt(trainer)).subscribe(told);

  return {
    take(moment) {
      current = moment;
      for (const item of itemsOf(moment, ++steps)) items.next(item);
    },
    reach(most) {
      const from = Math.max(1, labelled - most + 1, steps - mostKept + 1);
      if (labelled < from) return undefined;
      const run = Array.from({ length: labelled - from + 1 }, (_, i) => kept.get(from + i)!);
      const gradients = gradientsByLag(trainer, {
        carry: run[0].before,
        inputs: run.map(({ input }) => input),
        targets: run.map(({ target }) => target),
      });
      return { number: labelled, norms: gradients.slice(0, labelled - 1).map(norm) };
    },
  };
}

function norm(values: Float32Array): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}
