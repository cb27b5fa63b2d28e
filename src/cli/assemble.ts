import { createEncoder } from '../encoders/encoders.js';
import { CheckpointError, ConfigError, LimitError } from '../errors.js';
import { loadModel, readCheckpoint } from '../model/checkpoint.js';
import type { LayerConfig, ModelConfig } from '../model/config.js';
import { createModel, type TrainableModel } from '../model/model.js';
import { loadTrainer, saveTrainer } from '../training/checkpoint.js';
import { checkState, type StreamState } from '../training/stream.js';
import { createTrainer, type Trainer, type TrainerOptions } from '../training/trainer.js';
import type { Want } from './answer.js';
import type { Columns, RowFrame } from './columns.js';
import { counted, withNulls } from './numbers.js';
import { createPipeline, type Outcome, type Pipeline } from './pipeline.js';
import { createReadingsTask, type ForecastKind } from './readings.js';
import { createRows } from './rows.js';
import { inputSize, outputSize } from './sizes.js';
import type { Resumed, Task } from './task.js';
import { createTokens } from './tokens.js';

/** Everything that decides what is predicted, besides the input and the checkpoint. Plain data. */
export interface Plan {
  /** Of rows; left out for text and bytes. */
  readonly columns?: Columns;
  readonly horizon: number;
  readonly forecast: ForecastKind;
  /** The network, where there is no checkpoint. */
  readonly layers?: readonly LayerConfig[];
  readonly seed?: number;
  /** A new network foretells a mean and a deviation of each target. */
  readonly band?: boolean;
  /** Undefined: nothing is learned. */
  readonly trainer?: TrainerOptions;
  /** The learner of the checkpoint and its streams go on; else streams begin, and a new learner with the weights. */
  readonly resume: boolean;
  readonly maxKeys: number;
  /** Deviations above the usual surprise from which a reading is unusual; left out, none is looked for. */
  readonly anomaly?: number;
  /** The network was made elsewhere: its rows are not standardised here, and what it says is said as it is. */
  readonly asIs?: boolean;
}

/** How much lines say, and how often one comes. */
export interface Answers {
  readonly want?: Want;
  readonly topK?: number;
  readonly every?: number;
  readonly metrics?: boolean;
  readonly season?: number;
}

/** What a checkpoint of `eddy pipe` says besides its learner. */
export interface Extra {
  readonly writer: 'eddy pipe';
  readonly columns?: Columns;
  readonly horizon: number;
  readonly forecast: ForecastKind;
  readonly task: unknown;
}

/** A network, the pipeline that steps it, and what its steps mean. */
export interface Assembly {
  readonly model: TrainableModel;
  readonly trainer?: Trainer;
  readonly task: Task<number | RowFrame>;
  readonly pipeline: Pipeline;
  /** Steps of all streams before these. */
  readonly before: number;
  /** A checkpoint of this moment, between two frames; `lost` are streams that cannot go on, and are not in it. */
  save(): { readonly bytes: Uint8Array; readonly lost: readonly string[] };
}

/**
 * @param checkpoint its bytes, where the network comes from one
 * @throws CheckpointError or ConfigError if things do not fit
 */
export async function assemble(
  plan: Plan,
  checkpoint: Uint8Array | undefined,
  answers: Answers,
  outcome: (outcome: Outcome) => void,
): Promise<Assembly> {
  const { columns, horizon, forecast, maxKeys, anomaly } = plan;
  const { want = 'top-k', topK = 3, every } = answers;
  const { model, trainer, resumed, known } = await network(plan, checkpoint);
  checkFits(model.config, plan);
  const before = [...(resumed?.states.values() ?? [])];
  if (before.length > maxKeys) {
    throw new LimitError(
      `Expected at most ${counted(maxKeys, 'stream')}, got ${before.length} in the checkpoint: raise --max-keys`,
    );
  }
  const measure = { measured: answers.metrics, season: answers.season };
  const task = plan.asIs
    ? createRows({ config: model.config, columns: columns!, want, topK, every })
    : columns
      ? createReadingsTask({
          ...measure,
          columns,
          horizon,
          forecast,
          band: model.config.output.kind === 'gaussian',
          anomaly,
          maxKeys,
          resumed,
          known,
        })
      : createTokens({ config: model.config, horizon, want, topK, ...measure, resumed });
  const pipeline = createPipeline({
    model,
    trainer,
    keyed: columns?.key !== undefined,
    states: resumed?.states,
    maxStreams: maxKeys,
    outcome,
  });
  return {
    model,
    trainer,
    task: task as Task<number | RowFrame>,
    pipeline,
    before: before.reduce((sum, { steps }) => sum + steps, 0),
    save() {
      const extra: Extra = { writer: 'eddy pipe', columns, horizon, forecast, task: withNulls(task.save()) };
      const states = [...pipeline.states()];
      const lost = states.filter(([, state]) => !canGoOn(trainer!, state)).map(([key]) => key);
      const bytes = saveTrainer(trainer!, new Map(states.filter(([key]) => !lost.includes(key))), extra);
      return { bytes, lost };
    },
  };
}

interface Origin {
  readonly model: TrainableModel;
  readonly trainer?: Trainer;
  readonly resumed?: Resumed;
  readonly known?: unknown;
}

async function network(plan: Plan, checkpoint: Uint8Array | undefined): Promise<Origin> {
  const lateness = Math.max(0, plan.horizon - 1);
  const train = (model: TrainableModel) =>
    plan.trainer ? createTrainer(model, { lateness, ...plan.trainer }) : undefined;
  if (checkpoint === undefined) {
    const model = await createModel(configOf(plan), { seed: plan.seed });
    if (plan.columns) beginWithPersistence(model);
    return { model, trainer: train(model) };
  }
  const extra = extraOf(checkpoint);
  if (plan.resume) {
    const { trainer, states } = await loadTrainer(checkpoint);
    if (trainer.options.lateness < lateness) {
      throw new ConfigError(
        `Expected a learner that waits ${counted(lateness, 'step')} for targets, got ${trainer.options.lateness}`,
      );
    }
    return { model: trainer.model, trainer, resumed: { states, saved: extra?.task } };
  }
  const model = await loadModel(checkpoint);
  return { model, trainer: train(model), known: extra?.columns === undefined ? undefined : extra.task };
}

/** Nothing goes on from a carry that has left the finite numbers. */
function canGoOn(trainer: Trainer, state: StreamState): boolean {
  try {
    checkState(trainer, state);
    return state.carry.every(Number.isFinite);
  } catch {
    return false;
  }
}

/** With a readout of zeros a forecast of changes is no change: a new network is not worse than persistence. */
function beginWithPersistence(model: TrainableModel): void {
  const weights = model.weights();
  const names = ['readout.weight', 'readout.bias'];
  model.setWeights(Object.fromEntries(names.map(name => [name, new Float32Array(weights[name].length)])));
}

/** What the file says for `eddy pipe`; undefined where another wrote it. */
export function extraOf(checkpoint: Uint8Array): Extra | undefined {
  const learner = readCheckpoint(checkpoint).rest.trainer as { readonly extra?: Partial<Extra> | null } | undefined;
  const extra = learner?.extra;
  if (extra?.writer !== 'eddy pipe') return undefined;
  const fits =
    Number.isSafeInteger(extra.horizon) &&
    extra.horizon! >= 0 &&
    (extra.forecast === 'change' || extra.forecast === 'level') &&
    (extra.columns === undefined || isColumns(extra.columns));
  if (!fits) throw new CheckpointError('Expected a checkpoint of eddy pipe to say its columns, horizon and forecast');
  return extra as Extra;
}

export function isColumns(found: unknown): found is Columns {
  const columns = found as Partial<Columns> | null;
  const isNames = (list: unknown) => Array.isArray(list) && list.every(name => typeof name === 'string');
  return (
    isNames(columns?.inputs) &&
    columns!.inputs!.length > 0 &&
    isNames(columns?.targets) &&
    (columns!.key === undefined || typeof columns!.key === 'string')
  );
}

/** A network of these layers for text, or for rows of these columns. */
export function configOf({ columns, layers = [], band }: Pick<Plan, 'columns' | 'layers' | 'band'>): ModelConfig {
  if (columns === undefined) {
    const { config, input } = createEncoder({ kind: 'bytes' });
    return { input, layers, output: { kind: 'classes', size: input.size }, encoder: { ...config } };
  }
  const { config, input } = createEncoder({
    kind: 'readings',
    columns: columns.inputs.map(name => ({ name, nullable: true })),
  });
  return {
    input,
    layers,
    output: { kind: band ? 'gaussian' : 'values', size: columns.targets.length },
    encoder: { ...config },
    labels: columns.targets,
  };
}

/** @throws ConfigError if the network takes something else than the input has */
function checkFits({ input, output }: ModelConfig, { columns, asIs }: Plan): void {
  const wanted = columns === undefined ? 'token' : 'features';
  if (input.kind !== wanted) {
    const say = (kind: string) => (kind === 'token' ? 'text or bytes' : 'rows of numbers');
    throw new ConfigError(
      `Expected a network that takes ${say(wanted)}, got one that takes ${say(input.kind)}: see --format`,
    );
  }
  if (columns === undefined) {
    if (output.kind !== 'classes' || output.size < input.size) {
      throw new ConfigError(
        `Expected a network with a class for each of ${inputSize(input)}, got ${outputSize(output)}`,
      );
    }
    return;
  }
  if (asIs) return;
  const numbers = output.kind === 'values' || output.kind === 'gaussian';
  if (input.size !== 2 * columns.inputs.length || !numbers || output.size !== columns.targets.length) {
    throw new ConfigError(
      `Expected a network for ${counted(columns.inputs.length, 'column')} of input and ${columns.targets.length} of output, ` +
        `got one of ${inputSize(input)} and ${outputSize(output)}`,
    );
  }
}
