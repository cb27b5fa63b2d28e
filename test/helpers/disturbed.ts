import type { CellKind } from '../../src/cells/cell.js';
import { createModel } from '../../src/model/model.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { createLearner } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import type { TrainerOptions } from '../../src/training/options.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { config } from './models.js';

type Item = Example<Float32Array> | LateTarget;

/** What may befall a stream for a while. */
export type Disturbance = 'missing values' | 'spikes' | 'missing targets' | 'duplicate targets' | 'high rate';

export const disturbances: readonly Disturbance[] = [
  'missing values',
  'spikes',
  'missing targets',
  'duplicate targets',
  'high rate',
];

export interface Run {
  /** Mean loss of the steps 501 to 1,000 after the disturbance. */
  readonly after: number;
  readonly rollbacks: number;
  readonly events: readonly Learned[];
  readonly trainer: Trainer;
}

const calm = 3000;
const disturbed = 500;
const rest = 1000;

/** A noisy sine, forecast one step ahead. */
export function series(seed: number, length: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length }, (_, i) => Math.sin(i / 5) + 0.3 * random.normal());
}

/** Learns a stream that is disturbed for 500 steps, or one that is not. */
export async function learnDisturbed(
  what: readonly Disturbance[],
  options: TrainerOptions = {},
  { cell = 'gru' as CellKind, seed = 1, events = [] as Learned[] } = {},
): Promise<Run> {
  const model = await createModel(config(cell, [16], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }), {
    seed,
  });
  const trainer = createTrainer(model, {
    optimizer: { kind: 'adam', rate: 0.001 },
    k2: 16,
    replay: { windows: 1, capacity: 500 },
    lateness: 2,
    ...options,
  });
  const { rate } = trainer.optimizer;
  const values = series(100 + seed, calm + disturbed + rest + 1);
  const dice = createRandom(200 + seed);
  const happens = new Set(what);
  let sum = 0;
  let rollbacks = 0;
  let step = 0;
  const learner = createLearner(trainer, event => {
    events.push(event);
    if (event.kind === 'rollback') rollbacks++;
    if (event.kind === 'step' && event.number > calm + disturbed + 500) sum += event.loss!;
  });
  for (let i = 0; i < values.length - 1; i++) {
    const now = i >= calm && i < calm + disturbed;
    trainer.optimizer.rate = now && happens.has('high rate') ? 100 * rate : rate;
    // The same draws whatever happens, so that one disturbance has no part in another.
    const [a, b, c, d, e] = Array.from({ length: 5 }, () => dice.uniform());
    let input: Float32Array | null = Float32Array.of(values[i]);
    let target: Float32Array | null = Float32Array.of(values[i + 1]);
    if (now && happens.has('missing values') && a < 0.2) input = null;
    if (now && happens.has('spikes') && b < 0.05) input = Float32Array.of(b < 0.025 ? 1e6 : -1e6);
    if (now && happens.has('spikes') && c < 0.05) target = Float32Array.of(c < 0.025 ? 1e6 : -1e6);
    if (now && happens.has('missing targets') && d < 0.2) target = null;
    const item: Item = { input, target };
    learner.next(item);
    step++;
    if (now && happens.has('duplicate targets') && e < 0.2)
      learner.next({ forStep: step - Math.min(step - 1, 1), target: Float32Array.of(values[i]) });
  }
  learner.finish();
  return { after: sum / 500, rollbacks, events, trainer };
}
