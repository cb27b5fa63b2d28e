import { ConfigError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { OutputConfig, OutputKind } from '../model/output.js';
import { type BinaryCrossEntropyConfig, binaryCrossEntropy } from './binary-cross-entropy.js';
import { type CrossEntropyConfig, crossEntropy } from './cross-entropy.js';
import { type CtcConfig, ctc } from './ctc.js';
import { type GaussianConfig, gaussianLoss } from './gaussian-loss.js';
import { type HuberConfig, huber } from './huber.js';
import type { Loss, LossKind } from './loss.js';
import { type MixtureDensityConfig, mixtureDensity } from './mixture-density.js';
import { refuseOthers } from './settings.js';
import { type SquaredErrorConfig, squaredError } from './squared-error.js';

/** What is made small, with its settings: plain data, as it stands in a checkpoint. */
export type LossConfig =
  | CrossEntropyConfig
  | BinaryCrossEntropyConfig
  | SquaredErrorConfig
  | HuberConfig
  | GaussianConfig
  | CtcConfig
  | MixtureDensityConfig;

type Kind = LossConfig['kind'];

/** Every kind of loss, by its name in a configuration. */
const losses: { readonly [K in Kind]: LossKind<Extract<LossConfig, { kind: K }>> } = {
  'cross-entropy': crossEntropy,
  'binary-cross-entropy': binaryCrossEntropy,
  'squared-error': squaredError,
  ctc,
  huber,
  gaussian: gaussianLoss,
  'mixture-density': mixtureDensity,
};

/** The loss of each kind of output where none is asked for. */
const usual: Readonly<Record<OutputKind, Kind>> = {
  classes: 'cross-entropy',
  labels: 'binary-cross-entropy',
  values: 'squared-error',
  gaussian: 'gaussian',
  mixture: 'mixture-density',
};

/**
 * The loss that is asked for, or the one that the kind of output implies, with every default filled in.
 *
 * @throws ConfigError naming the setting that is wrong
 */
export function fillLoss(output: OutputConfig, asked?: LossConfig): LossConfig {
  const config = asked === undefined ? ({ kind: usual[output.kind] } as LossConfig) : asked;
  const known = Object.keys(losses).filter(kind => losses[kind as Kind].outputs.includes(output.kind));
  const kind: unknown = config?.kind;
  if (typeof kind !== 'string' || !known.includes(kind))
    throw new ConfigError(`Expected loss.kind to be ${known.join(' or ')} for ${output.kind}, got ${String(kind)}`);
  const filled = kindOf(config).fill(config, output);
  refuseOthers('loss', config, Object.keys(filled));
  return filled;
}

/** Steps have no loss of their own, whole windows alone. */
export function isOfWindows(config: LossConfig): boolean {
  return kindOf(config).whole === true;
}

/** @param config as `fillLoss` gave it */
export function createLoss(config: LossConfig, output: OutputConfig, kernels: Kernels): Loss {
  return kindOf(config).create(config, output, kernels);
}

/** The type of a kind follows from its name. */
function kindOf(config: LossConfig): LossKind<LossConfig> {
  return losses[config.kind] as unknown as LossKind<LossConfig>;
}
