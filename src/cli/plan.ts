import type { CellKind } from '../cells/cell.js';
import { ConfigError } from '../errors.js';
import { readCheckpoint } from '../model/checkpoint.js';
import type { LayerConfig, ModelConfig } from '../model/config.js';
import type { TrainerOptions } from '../training/trainer.js';
import type { Want } from './answer.js';
import { type Extra, extraOf, type Plan } from './assemble.js';
import { type Columns, chooseColumns, listed } from './columns.js';
import type { Row } from './formats/format.js';
import type { ForecastKind } from './readings.js';
import { columnsOf } from './rows.js';

export const readingLosses = ['squared-error', 'huber', 'gaussian'] as const;
/** What a forecast of readings makes small; `gaussian` is an output of another kind as well. */
export type ReadingLoss = (typeof readingLosses)[number];

/** What can be asked for; what is left out is chosen here. */
export interface PlanOptions {
  readonly columns?: readonly string[];
  readonly ignore?: readonly string[];
  readonly unnamed?: string;
  readonly key?: string;
  readonly maxKeys?: number;
  readonly target?: readonly string[];
  readonly horizon?: number;
  readonly forecast?: ForecastKind;
  readonly learn?: boolean;
  readonly resume?: boolean;
  readonly cell?: CellKind;
  readonly hidden?: number;
  readonly layers?: number;
  readonly seed?: number;
  readonly k1?: number;
  readonly k2?: number;
  readonly rate?: number;
  readonly loss?: ReadingLoss;
  readonly replay?: number;
  readonly guard?: boolean;
  readonly anomaly?: number | true;
  readonly want?: Want;
  readonly topK?: number;
  readonly metrics?: boolean;
}

/** Measured on tinyshakespeare and on readings of motion: see docs/cli.md. */
const defaults = {
  tokens: { hidden: 128, k1: 8, k2: 16, rate: 0.003 },
  readings: { hidden: 32, k1: 1, k2: 16, rate: 0.002 },
};

/** Steps that replay looks back on: older ones hurt after a change. */
export const replayCapacity = 2000;

/**
 * What is done with the input: as asked, as the checkpoint says, or else as is usual.
 *
 * @param names of the columns of rows; undefined for text and bytes
 * @throws ConfigError if an option says something else than the checkpoint
 */
export function makePlan(
  options: PlanOptions,
  checkpoint: Uint8Array | undefined,
  names: readonly string[] | undefined,
  first: Row | undefined,
): { plan: Plan; leftOut: readonly string[] } {
  const extra = checkpoint && extraOf(checkpoint);
  if (checkpoint) checkAgreement(options, checkpoint, extra);
  if (checkpoint && names && !extra) return planAsIs(options, readCheckpoint(checkpoint).config, names, first!);
  const horizon = extra?.horizon ?? options.horizon ?? 1;
  if (names === undefined) checkText(options);
  else if (options.want !== undefined || options.topK !== undefined)
    throw new ConfigError(
      `Expected text with --${options.want === undefined ? 'top-k' : 'want'}, got rows: see --format`,
    );
  if (names === undefined && horizon === 0) {
    throw new ConfigError('Expected horizon to be at least 1 for text, got 0: a token does not foretell itself');
  }
  const known = names && extra?.columns;
  const chosen = names === undefined || known ? undefined : chooseColumns(names, first!, { ...options, horizon });
  const columns: Columns | undefined = known
    ? { ...known, ...(options.key === undefined ? {} : { key: options.key }) }
    : chosen && {
        inputs: chosen.inputs,
        targets: chosen.targets,
        ...(chosen.key === undefined ? {} : { key: chosen.key }),
      };
  checkKey(options, columns?.key);
  const usual = names === undefined ? defaults.tokens : defaults.readings;
  const { seed = 0, cell = 'gru', hidden = usual.hidden, layers = 1 } = options;
  return {
    plan: {
      ...(columns ? { columns } : {}),
      horizon,
      forecast: extra?.forecast ?? options.forecast ?? 'change',
      ...(checkpoint
        ? {}
        : {
            layers: Array.from({ length: layers }, (): LayerConfig => ({ cell, size: hidden })),
            seed,
            ...(options.loss === 'gaussian' ? { band: true } : {}),
          }),
      ...(options.learn ? { trainer: trainerOptions(options, usual) } : {}),
      resume: checkpoint !== undefined && options.resume === true,
      maxKeys: options.maxKeys ?? 10_000,
      ...(options.anomaly === undefined ? {} : { anomaly: options.anomaly === true ? 5 : options.anomaly }),
    },
    leftOut: chosen?.leftOut ?? [],
  };
}

/** The columns that are named, by options or by the checkpoint: the first row need not have them all. @throws CheckpointError */
export function namedColumns(
  { columns = [], target = [], ignore = [], key }: PlanOptions,
  checkpoint: Uint8Array | undefined,
): readonly string[] {
  const known = checkpoint && extraOf(checkpoint)?.columns;
  const seen = known
    ? [...known.inputs, ...known.targets]
    : checkpoint && columnsOf(readCheckpoint(checkpoint).config)?.names;
  return [key ?? known?.key ?? [], seen ?? [], columns, target, ignore].flat();
}

/** Text has no columns: who names some wants it read otherwise. */
function checkText(options: PlanOptions): void {
  for (const name of ['columns', 'ignore', 'key', 'target', 'forecast', 'loss', 'anomaly'] as const) {
    if (options[name] !== undefined) throw new ConfigError(`Expected rows with --${name}, got text: see --format`);
  }
}

function checkKey({ maxKeys }: PlanOptions, key: string | undefined): void {
  if (maxKeys !== undefined && key === undefined) throw new ConfigError('Expected --key with --max-keys');
}

/** Rows for a network that was made elsewhere. */
function planAsIs(
  options: PlanOptions,
  config: ModelConfig,
  names: readonly string[],
  first: Row,
): { plan: Plan; leftOut: readonly string[] } {
  if (options.learn) {
    throw new ConfigError(
      'Expected a checkpoint that eddy pipe --save wrote with --learn and rows: it says what its outputs foretell',
    );
  }
  for (const name of ['target', 'horizon', 'forecast', 'anomaly', 'metrics'] as const)
    if (options[name] !== undefined)
      throw new ConfigError(
        `Expected a checkpoint of eddy pipe with --${name}, got another: it says itself what it foretells`,
      );
  const known = columnsOf(config);
  if (options.columns === undefined && known?.names.some(name => !names.includes(name)))
    throw new ConfigError(
      `Expected the columns that the network takes (${listed(known.names)}), got ${listed(names)}: --columns names others in their place`,
    );
  const chosen = chooseColumns(names, first, { ...options, columns: options.columns ?? known?.names, horizon: 1 });
  const { key, inputs } = chosen;
  checkKey(options, key);
  return {
    plan: {
      columns: {
        inputs,
        targets: [],
        ...(key === undefined ? {} : { key }),
        ...(known && Object.keys(known.kinds).length > 0 ? { kinds: known.kinds } : {}),
      },
      horizon: 1,
      forecast: 'level',
      resume: false,
      maxKeys: options.maxKeys ?? 10_000,
      asIs: true,
    },
    leftOut: chosen.leftOut,
  };
}

function trainerOptions(options: PlanOptions, usual: { k1: number; k2: number; rate: number }): TrainerOptions {
  const k1 = options.k1 ?? Math.min(usual.k1, options.k2 ?? usual.k1);
  return {
    k1,
    k2: options.k2 ?? Math.max(usual.k2, k1),
    optimizer: { kind: 'adam', rate: options.rate ?? usual.rate },
    ...(options.loss ? { loss: { kind: options.loss } } : {}),
    ...(options.replay ? { replay: { windows: options.replay, capacity: replayCapacity } } : {}),
    ...(options.guard ? { guard: {} } : {}),
  };
}

/** What stands in the file and is asked for as well has to be the same: one of the two would be passed over otherwise. */
function checkAgreement(options: PlanOptions, checkpoint: Uint8Array, extra: Extra | undefined): void {
  const { config, rest } = readCheckpoint(checkpoint);
  if (options.resume && rest.trainer === undefined) {
    throw new ConfigError(
      'Expected a checkpoint of eddy pipe --save with --resume, got one of a network alone: without --resume it begins to learn',
    );
  }
  const learner = options.resume ? (rest.trainer as { options?: TrainerOptions } | undefined)?.options : undefined;
  const agree = (name: string, asked: unknown, found: unknown): void => {
    if (asked === undefined || found === undefined || JSON.stringify(asked) === JSON.stringify(found)) return;
    const say = (value: unknown) => (Array.isArray(value) ? value.join(',') : String(value));
    throw new ConfigError(
      `Expected --${name} to be ${say(found)}, as the checkpoint has it, got ${say(asked)}: leave it out, or begin without the checkpoint`,
    );
  };
  agree('cell', options.cell, config.layers[0].cell);
  agree('hidden', options.hidden, config.layers[0].size);
  agree('layers', options.layers, config.layers.length);
  agree('k1', options.k1, learner?.k1);
  agree('k2', options.k2, learner?.k2);
  agree('rate', options.rate, learner?.optimizer?.rate);
  agree('loss', options.loss, config.output.kind === 'gaussian' ? 'gaussian' : learner?.loss?.kind);
  agree('replay', options.replay, learner && (learner.replay?.windows ?? 0));
  agree('guard', options.guard, learner && learner.guard !== undefined);
  agree('horizon', options.horizon, extra?.horizon);
  agree('forecast', options.forecast, extra?.forecast);
  agree('columns', options.columns, extra?.columns?.inputs);
  agree('target', options.target, extra?.columns?.targets);
  const { inputs = [], targets = [], key } = extra?.columns ?? {};
  const seen = options.ignore?.find(name => [...inputs, ...targets, key].includes(name));
  if (seen !== undefined) {
    throw new ConfigError(
      `Expected --ignore to name columns that the checkpoint does not, got ${seen}: leave it out, or begin without the checkpoint`,
    );
  }
  if (options.resume) agree('key', options.key, extra && (extra.columns?.key ?? 'none'));
}
