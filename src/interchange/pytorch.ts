import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { CheckpointError, ConfigError, expectOptions, kindOf } from '../errors.js';
import { checkOutputKind, type OutputKind } from '../model/config.js';
import { quote } from '../model/safetensors-header.js';
import { floats, type Tensor } from '../model/tensor.js';
import { biasOf, type Imported, type ImportedLayer, type ImportedReadout, matrixShape, stack } from './imported.js';

export interface PyTorchOptions {
  /** What the readout means: a state dictionary does not say. */
  readonly output: OutputKind;
  /** The recurrent modules in the order they run, as named in the model (`['gru', 'gru2']`); needed when there are several. */
  readonly recurrent?: readonly string[];
  /** The Linear that reads out (`'fc'`); needed when there are several. */
  readonly readout?: string;
  /** Of `nn.RNN`, which does not store it; default: tanh. */
  readonly nonlinearity?: 'tanh' | 'relu';
}

const recurrentName = /^(?:(.*)\.)?(?:weight|bias)_(?:ih|hh|hr)(?:_l(\d+))?(_reverse)?$/s;

function refuse(expected: string, found: string): never {
  throw new CheckpointError(`Expected ${expected}, got ${found}`);
}

function join(module: string, name: string): string {
  return module === '' ? name : `${module}.${name}`;
}

function cellOf(name: string, rows: number, size: number, nonlinearity: 'tanh' | 'relu'): CellKind {
  if (rows === size) return `rnn_${nonlinearity}`;
  if (rows === cells.gru.inputOrder.length * size) return 'gru';
  if (rows === cells.lstm.inputOrder.length * size) return 'lstm';
  return refuse(`tensor ${quote(name)} to have 1, 3 or 4 times as many rows as columns`, `${rows} and ${size}`);
}

/** Takes tensors out of the dictionary by name and remembers which, so that the rest can be told. */
function taker(tensors: ReadonlyMap<string, Tensor>) {
  const taken = new Set<string>();
  return {
    take: (name: string) => {
      taken.add(name);
      return tensors.get(name);
    },
    rest: () => [...tensors.keys()].filter(name => !taken.has(name)),
  };
}

function layerOf(
  take: (name: string) => Tensor | undefined,
  prefix: string,
  suffix: string,
  nonlinearity: 'tanh' | 'relu',
) {
  const named = (part: string) => join(prefix, part + suffix);
  const weightHh = take(named('weight_hh'));
  const weightIh = take(named('weight_ih'));
  const [rows, size] = matrixShape(weightHh, named('weight_hh'));
  const [, inputs] = matrixShape(weightIh, named('weight_ih'));
  const [biasIh, biasHh] = [take(named('bias_ih')), take(named('bias_hh'))];
  if ((biasIh === undefined) !== (biasHh === undefined)) {
    const [there, missing] = biasIh === undefined ? ['bias_hh', 'bias_ih'] : ['bias_ih', 'bias_hh'];
    refuse(`tensor ${quote(named(missing))} beside ${quote(named(there))}`, 'no such tensor');
  }
  const layer: ImportedLayer = {
    cell: cellOf(named('weight_hh'), rows, size, nonlinearity),
    inputs,
    size,
    weight_ih: floats(weightIh, named('weight_ih'), [rows, inputs]),
    weight_hh: floats(weightHh, named('weight_hh'), [rows, size]),
    bias_ih: biasOf(biasIh, named('bias_ih'), rows),
    bias_hh: biasOf(biasHh, named('bias_hh'), rows),
  };
  return layer;
}

/**
 * A PyTorch state dictionary (`nn.RNN`, `nn.GRU`, `nn.LSTM` or their cells, then one `nn.Linear`) as a configuration and
 * weights; `bias=False` is read as zeros.
 *
 * @param tensors by name, as `readSafetensors` gives them
 * @throws CheckpointError for both directions, projections, tensors left over, and modules that do not fit together
 * @throws ConfigError if `tensors` is no Map, or an option is none
 * Source: PyTorch `nn.GRU` and `nn.LSTM`, "Variables"; gate orders r z n and i f g o, which are ours.
 */
export function fromPyTorch(tensors: ReadonlyMap<string, Tensor>, options: PyTorchOptions): Imported {
  if (!(tensors instanceof Map)) {
    throw new ConfigError(
      `Expected tensors to be a Map by name, such as the tensors of readSafetensors(bytes), got ${kindOf(tensors)}`,
    );
  }
  const { output, nonlinearity = 'tanh' } = options ?? {};
  checkOutputKind(output);
  expectOptions(options, ['output', 'recurrent', 'readout', 'nonlinearity']);
  if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
    throw new ConfigError(`Expected nonlinearity to be 'tanh' or 'relu', got ${String(nonlinearity)}`);
  const found = new Map<string, Set<number | undefined>>();
  for (const name of tensors.keys()) {
    const match = recurrentName.exec(name);
    if (match === null) continue;
    const [, module = '', layer, reverse] = match;
    if (reverse !== undefined) refuse('a network that runs forwards only', `tensor ${quote(name)}`);
    if (name.includes('weight_hr')) refuse('an LSTM without a projection', `tensor ${quote(name)}`);
    found.set(module, (found.get(module) ?? new Set()).add(layer === undefined ? undefined : Number(layer)));
  }
  const modules = options.recurrent ?? [...found.keys()];
  if (modules.length !== 1 && options.recurrent === undefined) {
    const names = modules.map(quote).join(', ') || 'none';
    refuse('one recurrent module, or the option `recurrent` to give their order', names);
  }
  const { take, rest } = taker(tensors);
  const layers = modules.flatMap(module => {
    const numbers = [...(found.get(module) ?? refuse(`a recurrent module ${quote(module)}`, 'no such tensors'))];
    // A cell (`nn.GRUCell`) has no layer numbers; a numbered stack must begin at 0 and miss none.
    const suffixes = numbers[0] === undefined ? [''] : numbers.map((_, i) => `_l${i}`);
    return suffixes.map(suffix => layerOf(take, module, suffix, nonlinearity));
  });
  const linears = rest().filter(name => /(^|\.)weight$/.test(name));
  const linear = options.readout === undefined ? linears[0] : join(options.readout, 'weight');
  if (linear === undefined || (options.readout === undefined && linears.length > 1)) {
    const names = linears.map(quote).join(', ') || 'none';
    refuse('one Linear as readout, or the option `readout` to name it', names);
  }
  const weight = take(linear);
  const [size, inputs] = matrixShape(weight, linear);
  const biasName = linear.replace(/weight$/, 'bias');
  const readout: ImportedReadout = {
    kind: output,
    inputs,
    size,
    weight: floats(weight, linear, [size, inputs]),
    bias: biasOf(take(biasName), biasName, size),
  };
  const left = rest();
  if (left.length > 0) refuse('each tensor to have a place', `${left.slice(0, 8).map(quote).join(', ')} without one`);
  return stack(layers, readout);
}
