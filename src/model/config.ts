import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { ConfigError, expectKnown } from '../errors.js';
import { type Initialization, initializationsOf } from './initialization.js';
import type { OutputConfig, OutputKind } from './output.js';
import { outputs, outputWidth } from './outputs.js';

export type { OutputConfig, OutputKind } from './output.js';

export interface LayerConfig {
  readonly cell: CellKind;
  /** Units of the layer. */
  readonly size: number;
  /** How its weights are drawn; each cell has a default. */
  readonly initialization?: Initialization;
}

/** What a network is, without its weights: plain data, as it stands in a checkpoint. */
export interface ModelConfig {
  /** One of `size` tokens, or a row of `size` features, at each step. */
  readonly input: { readonly kind: 'token' | 'features'; readonly size: number };
  readonly layers: readonly LayerConfig[];
  /**
   * `classes`: softmax and cross-entropy; `labels`: sigmoids and binary cross-entropy; `values`: identity and squared error;
   * `gaussian`: a mean and a deviation of each value, and the likelihood of a normal density; `mixture`: `size` normal densities of the plane, and
   * whether the pen leaves, and their likelihood.
   */
  readonly output: OutputConfig;
  /** Every layer sees the input, and the readout every layer. */
  readonly skip?: boolean;
  /** How raw data becomes inputs: the `config` of an encoder, whose `input` is that of the model. The checkpoint carries it, for whoever encodes. */
  readonly encoder?: Readonly<Record<string, unknown>> & { readonly kind: string };
  /** Names of the outputs. */
  readonly labels?: readonly string[];
}

const largestSize = 65_536;
const mostLayers = 64;

/**
 * The configuration as it is used: checked, with every default filled in.
 *
 * @throws ConfigError naming the field, what it should be and what it is; one that the network does not know is refused, as it would change nothing
 */
export function checkConfig(config: ModelConfig): ModelConfig {
  expect(isRecord(config), 'config', 'an object', config);
  const { input, layers, output, skip, encoder, labels } = config;
  expectKnown('a field of config', config, ['input', 'layers', 'output', 'skip', 'encoder', 'labels']);
  expect(isRecord(input), 'input', 'an object', input);
  expectKnown('a field of input', input, ['kind', 'size']);
  expect(input.kind === 'token' || input.kind === 'features', 'input.kind', "'token' or 'features'", input.kind);
  expectSize('input.size', input.size);
  expect(
    Array.isArray(layers) && layers.length >= 1 && layers.length <= mostLayers,
    'layers',
    `1 to ${mostLayers} layers`,
    layers,
  );
  const said = checkOutput(output);
  expect(skip === undefined || typeof skip === 'boolean', 'skip', 'true or false', skip);
  expect(
    encoder === undefined || (isRecord(encoder) && typeof encoder.kind === 'string'),
    'encoder',
    'an object with a kind',
    encoder,
  );
  if (labels !== undefined) {
    const fits =
      Array.isArray(labels) && labels.length === output.size && labels.every(label => typeof label === 'string');
    expect(fits, 'labels', `${output.size} strings, one for each output`, labels);
  }
  return {
    input: { kind: input.kind, size: input.size },
    layers: layers.map((layer, i) => checkLayer(layer, i)),
    output: said,
    ...(skip ? { skip } : {}),
    ...(encoder ? { encoder } : {}),
    ...(labels ? { labels: [...labels] } : {}),
  };
}

function checkOutput(output: OutputConfig): OutputConfig {
  expect(isRecord(output), 'output', 'an object', output);
  expectKnown('a field of output', output, ['kind', 'size']);
  const { kind, size } = output;
  checkOutputKind(kind);
  expectSize('output.size', size);
  const checked = { kind, size };
  expectSize('numbers of the output', outputWidth(checked));
  return checked;
}

/** @throws ConfigError */
export function checkOutputKind(kind: unknown): asserts kind is OutputKind {
  expect(typeof kind === 'string' && Object.hasOwn(outputs, kind), 'output.kind', oneOf(Object.keys(outputs)), kind);
}

function oneOf(names: readonly string[]): string {
  const quoted = names.map(name => `'${name}'`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

function checkLayer(layer: LayerConfig, i: number): Required<LayerConfig> {
  expect(isRecord(layer), `layers[${i}]`, 'an object', layer);
  expectKnown(`a field of layers[${i}]`, layer, ['cell', 'size', 'initialization']);
  const kinds = Object.keys(cells);
  expect(
    typeof layer.cell === 'string' && kinds.includes(layer.cell),
    `layers[${i}].cell`,
    `one of ${kinds.join(', ')}`,
    layer.cell,
  );
  expectSize(`layers[${i}].size`, layer.size);
  const allowed = initializationsOf(layer.cell);
  const initialization = layer.initialization ?? allowed[0];
  expect(
    allowed.includes(initialization),
    `layers[${i}].initialization`,
    `one of ${allowed.join(', ')} for ${layer.cell}`,
    initialization,
  );
  return { cell: layer.cell, size: layer.size, initialization };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function expectSize(name: string, value: unknown): void {
  expect(
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= largestSize,
    name,
    `an integer from 1 to ${largestSize}`,
    value,
  );
}

function expect(condition: boolean, name: string, wanted: string, found: unknown): asserts condition {
  if (condition) return;
  const text = show(found);
  throw new ConfigError(`Expected ${name} to be ${wanted}, got ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`);
}

function show(found: unknown): string {
  try {
    return (typeof found === 'object' ? JSON.stringify(found) : String(found)) ?? 'nothing';
  } catch {
    return 'what is no plain data, or too deep';
  }
}
