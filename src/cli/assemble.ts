import { createEncoder } from '../encoders/encoders.js';
import { ConfigError } from '../errors.js';
import { loadModel } from '../model/checkpoint.js';
import type { LayerConfig, ModelConfig } from '../model/config.js';
import { createModel, type TrainableModel } from '../model/model.js';
import { createTrainer, type Trainer, type TrainerOptions } from '../training/trainer.js';
import type { Want } from './answer.js';
import type { Columns, Reading } from './columns.js';
import { createPipeline, type Outcome, type Pipeline } from './pipeline.js';
import { createReadingsTask, type Forecast } from './readings.js';
import type { Task } from './task.js';
import { createTokens } from './tokens.js';

/** Everything that decides what is predicted, besides the input and the checkpoint. Plain data. */
export interface Plan {
  /** What the input is made of: text and bytes are tokens, the rest rows. */
  readonly columns?: Columns;
  readonly horizon: number;
  readonly forecast: Forecast;
  /** The network, where there is no checkpoint. */
  readonly layers?: readonly LayerConfig[];
  readonly seed?: number;
  readonly learn: boolean;
  readonly trainer?: TrainerOptions;
  readonly want: Want;
  readonly topK: number;
}

/** A network, the pipeline that steps it, and what its steps mean. */
export interface Assembly {
  readonly model: TrainableModel;
  readonly trainer?: Trainer;
  readonly task: Task<number> | Task<Reading>;
  readonly pipeline: Pipeline;
}

/** @param checkpoint the bytes of a checkpoint, where the network comes from one */
export async function assemble(
  plan: Plan,
  checkpoint: Uint8Array | undefined,
  outcome: (outcome: Outcome) => void,
): Promise<Assembly> {
  const { columns, horizon, layers, learn } = plan;
  const model = checkpoint
    ? await loadModel(checkpoint)
    : await createModel(configOf(columns, layers!), { seed: plan.seed });
  const trainer = learn ? createTrainer(model, { lateness: Math.max(0, horizon - 1), ...plan.trainer }) : undefined;
  const task = columns
    ? createReadingsTask({ columns, horizon, forecast: plan.forecast })
    : createTokens({ config: model.config, horizon, want: plan.want, topK: plan.topK, steps: 0 });
  const pipeline = createPipeline({ model, trainer, keyed: columns?.key !== undefined, outcome });
  return { model, trainer, task, pipeline };
}

/** A network of these layers for text, or for rows of these columns. */
export function configOf(columns: Columns | undefined, layers: readonly LayerConfig[]): ModelConfig {
  if (columns === undefined) {
    const encoder = createEncoder({ kind: 'bytes' });
    return {
      input: encoder.input,
      layers,
      output: { kind: 'classes', size: encoder.input.size },
      encoder: encoder.config,
    };
  }
  const encoder = createEncoder({
    kind: 'readings',
    columns: columns.inputs.map(name => ({ name, nullable: true })),
  });
  return {
    input: encoder.input,
    layers,
    output: { kind: 'values', size: columns.targets.length },
    encoder: encoder.config as { kind: string },
    labels: columns.targets,
  };
}

/** @throws ConfigError if the network takes something else than the input has */
export function checkFits(config: ModelConfig, columns: Columns | undefined): void {
  const wanted = columns === undefined ? 'token' : 'features';
  if (config.input.kind !== wanted) {
    const found = config.input.kind === 'token' ? 'text or bytes' : 'rows of numbers';
    throw new ConfigError(`Expected a network that takes ${wanted}, got one that takes ${found}: see --format`);
  }
}
