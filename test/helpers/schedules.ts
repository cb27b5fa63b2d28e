import type { ModelConfig } from '../../src/model/config.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import type { Random } from '../../src/random.js';
import type { Target } from '../../src/training/loss.js';
import { anyInput, shuffled } from './arbitraries.js';
import { randomInput, randomTarget } from './models.js';
import type { Told } from './replay.js';

export interface Schedule {
  readonly steps: number;
  /** How late a target may be and count. */
  readonly lateness: number;
  /** Share of the examples whose target comes with them. */
  readonly prompt?: number;
  /** Only inputs that float64 and float32 take alike. */
  readonly plain?: boolean;
}

/**
 * A stream as it may come: targets with their example, later, much later, in any order, twice, or never; and examples that
 * are known to have none.
 */
export function drawItems(
  random: Random,
  model: { readonly config: ModelConfig },
  { steps, lateness, prompt = 0.4, plain = false }: Schedule,
): (Example | LateTarget)[] {
  const items: (Example | LateTarget)[] = [];
  const waiting: { readonly after: number; readonly item: LateTarget }[] = [];
  const late = (forStep: number, target: Target): void => {
    const item = { forStep, target, ...drawWeight(random) };
    waiting.push({ after: forStep + random.integer(lateness + 3), item });
    if (random.uniform() < 0.2) waiting.push({ after: forStep + random.integer(lateness + 3), item });
  };
  for (let number = 1; number <= steps; number++) {
    const input = plain ? randomInput(random, model) : anyInput(random, model);
    const target = randomTarget(random, model);
    const fate = random.uniform();
    if (fate < prompt) items.push({ input, target, ...drawWeight(random) });
    else if (fate < prompt + 0.1) items.push({ input, target: null });
    else items.push({ input });
    if (fate >= prompt + 0.1 ? random.uniform() < 0.85 : random.uniform() < 0.1) late(number, target);
    const due = waiting.filter(({ after }) => after <= number);
    for (const i of shuffled(random, due.length)) items.push(due[i].item);
    for (const one of due) waiting.splice(waiting.indexOf(one), 1);
  }
  return items;
}

/** What an operator told, in the form in which the log of everything tells it; which targets an update learned is not told. */
export function tell(event: Learned): Omit<Told, 'learned'> & { readonly labelled?: number } {
  if (event.kind === 'update') {
    const { labelled, readout } = event.update;
    return { kind: 'update', labelled, ...(readout && { readout }) };
  }
  return { kind: event.kind, number: event.number } as Told;
}

export function tellCount(told: Told): ReturnType<typeof tell> {
  if (told.kind !== 'update') return told;
  return { kind: 'update', labelled: told.learned.length, ...(told.readout && { readout: told.readout }) };
}

/** Most steps have none. */
function drawWeight(random: Random): { weight?: number } {
  return random.uniform() < 0.7 ? {} : { weight: random.integer(5) / 2 };
}
