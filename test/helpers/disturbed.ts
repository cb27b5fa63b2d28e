import type { CellKind } from '../../src/cells/cell.js';
import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { createModel } from '../../src/model/model.js';
import type { Learned } from '../../src/operators/learned.js';
import { createLearner } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { loadTrainer, saveTrainer } from '../../src/training/checkpoint.js';
import type { Target } from '../../src/training/loss.js';
import type { TrainerOptions } from '../../src/training/options.js';
import type { StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { config } from './models.js';

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

/** A stream of one kind: what comes at each moment, and what its network takes and says. */
interface Kind {
  readonly input: ModelConfig['input'];
  readonly output: ModelConfig['output'];
  /** `length` moments of a stream; each is foretold from those before it. */
  make(seed: number, length: number): number[];
  inputOf(moment: number): number | Float32Array;
  targetOf(moment: number): number | Float32Array;
  /** What breaks in, from a draw below 1. */
  wild(draw: number): number;
}

const words = [
  [0, 1, 2, 3],
  [0, 2, 1],
  [4, 5, 4, 5, 6],
  [7, 3],
  [7, 1, 6, 2],
  [5, 0, 3],
];

const readings = {
  input: { kind: 'features', size: 1 },
  output: { kind: 'values', size: 1 },
  inputOf: (moment: number) => Float32Array.of(moment),
  targetOf: (moment: number) => Float32Array.of(moment),
  wild: (draw: number) => (draw < 0.5 ? 1e6 : -1e6),
} as const;

const kinds = {
  sine: { ...readings, make: series },
  /** A noisy sine whose frequency and level are others every 300 steps: what was good is bad, and good again. */
  switching: {
    ...readings,
    make(seed, length) {
      const random = createRandom(seed);
      let [phase, slow, high] = [0, false, false];
      return Array.from({ length }, (_, i) => {
        if (i % 300 === 0) [slow, high] = [random.uniform() < 0.5, random.uniform() < 0.5];
        phase += slow ? 0.1 : 0.5;
        return Math.sin(phase) + (high ? 1 : 0) + 0.3 * random.normal();
      });
    },
  },
  /** Words of eight symbols, one after the other as it comes. */
  symbols: {
    input: { kind: 'token', size: 8 },
    output: { kind: 'classes', size: 8 },
    make(seed, length) {
      const random = createRandom(seed);
      const moments: number[] = [];
      while (moments.length < length) moments.push(...words[random.integer(words.length)]);
      return moments.slice(0, length);
    },
    inputOf: moment => moment,
    targetOf: moment => moment,
    wild: draw => Math.floor(8 * draw),
  },
} satisfies Record<string, Kind>;

export type StreamKind = keyof typeof kinds;

interface Setting {
  readonly cell?: CellKind;
  readonly stream?: StreamKind;
  readonly seed?: number;
}

/** A learner when the calm steps are over, as its checkpoint: what is disturbed in different ways begins as the same. */
const begun = new Map<string, Promise<Uint8Array>>();

const learning = {
  optimizer: { kind: 'adam', rate: 0.001 },
  k2: 16,
  replay: { windows: 1, capacity: 500 },
  lateness: 2,
} as const;

/** Learns a stream that is disturbed for 500 steps after 3,000 calm ones, or one that is not. Tells the events from there on. */
export async function learnDisturbed(
  what: readonly Disturbance[],
  options: TrainerOptions = {},
  { cell = 'gru', stream = 'sine', seed = 1 }: Setting = {},
): Promise<Run> {
  const kind: Kind = kinds[stream];
  const moments = kind.make(100 + seed, calm + disturbed + rest + 1);
  const key = JSON.stringify([options, cell, stream, seed], (_, value) =>
    value === Number.POSITIVE_INFINITY ? 'none' : value,
  );
  if (!begun.has(key)) begun.set(key, learnCalm(kind, moments, options, { cell, seed }));
  const { trainer, states } = await loadTrainer((await begun.get(key))!);
  const dice = createRandom(200 + seed);
  for (let i = 0; i < 5 * calm; i++) dice.uniform();
  const happens = new Set(what);
  const events: Learned[] = [];
  let sum = 0;
  let rollbacks = 0;
  let step = calm;
  const learner = createLearner(
    trainer,
    event => {
      events.push(event);
      if (event.kind === 'rollback') rollbacks++;
      if (event.kind === 'step' && event.number > calm + disturbed + 500) sum += event.loss!;
    },
    states.get(''),
  );
  for (let i = calm; i < moments.length - 1; i++) {
    const now = i < calm + disturbed;
    trainer.optimizer.rate = (now && happens.has('high rate') ? 100 : 1) * learning.optimizer.rate;
    // The same draws whatever happens, so that one disturbance has no part in another.
    const [a, b, c, d, e] = Array.from({ length: 5 }, () => dice.uniform());
    let input: Input | null = kind.inputOf(moments[i]);
    let target: Target = kind.targetOf(moments[i + 1]);
    if (now && happens.has('missing values') && a < 0.2) input = null;
    if (now && happens.has('spikes') && b < 0.05) input = kind.inputOf(kind.wild(20 * b));
    if (now && happens.has('spikes') && c < 0.05) target = kind.targetOf(kind.wild(20 * c));
    if (now && happens.has('missing targets') && d < 0.2) target = null;
    learner.next({ input, target });
    step++;
    if (now && happens.has('duplicate targets') && e < 0.2)
      learner.next({ forStep: step - Math.min(step - 1, 1), target: kind.targetOf(moments[i]) });
  }
  learner.finish();
  return { after: sum / 500, rollbacks, events, trainer };
}

async function learnCalm(
  kind: Kind,
  moments: readonly number[],
  options: TrainerOptions,
  { cell, seed }: { readonly cell: CellKind; readonly seed: number },
): Promise<Uint8Array> {
  const model = await createModel(config(cell, [16], kind.input, kind.output), { seed });
  const trainer = createTrainer(model, { ...learning, ...options });
  let state: (() => StreamState) | undefined;
  const learner = createLearner(trainer, event => {
    if ('state' in event) state = event.state;
  });
  for (let i = 0; i < calm; i++) {
    trainer.optimizer.rate = learning.optimizer.rate;
    learner.next({ input: kind.inputOf(moments[i]), target: kind.targetOf(moments[i + 1]) });
  }
  return saveTrainer(trainer, new Map([['', state!()]]));
}
