import { cells } from '../cells/cells.js';
import { createActivations } from './activations.js';
import { type Carry, checkCarry } from './carry.js';
import { checkShape, type Input } from './input.js';
import { checkModel, type TrainableModel } from './model.js';
import { type Block, forward } from './network.js';
import { loadCarry, loadInput } from './transfer.js';

/** The gates of one layer by name, (units) each: of a GRU `reset`, `update`, `candidate`; of an LSTM `input`, `forget`, `candidate`, `output`. */
export type LayerGates = Readonly<Record<string, Float32Array>>;

/**
 * What the gates say in a step, layer by layer, with the weights as they are now: for looking, not for stepping. A GRU's
 * h(t) = (1 − update) ∘ candidate + update ∘ h(t − 1); an LSTM's c(t) = forget ∘ c(t − 1) + input ∘ candidate and
 * h(t) = output ∘ tanh(c(t)). Elman's cell has none.
 *
 * @returns a function with room of its own in the model's arena: make one, and use it often. It throws `InputError` as `step`.
 * @throws ConfigError if it is no model
 */
export function watchGates(model: TrainableModel): (carry: Carry, input: Input | null) => LayerGates[] {
  checkModel(model);
  const { network, config, carryLayout: layout } = model;
  const { arena } = network.kernels;
  const rows = createActivations(arena, config, 1, 1, false);
  const staging = arena.reserve(Math.max(config.input.size, layout.size));
  const single: readonly Block[] = [{ step: 0, previous: 0, count: 1 }];
  return (carry, input) => {
    checkShape(config, input);
    checkCarry(layout, carry);
    loadInput(network, rows, 0, input, staging.address);
    loadCarry(network, layout, rows, 0, carry, staging.address);
    forward(network, rows, 0, 1, single);
    return rows.layers.map(({ gates, n }, i) => {
      const { cell, size } = config.layers[i];
      const blocks = Object.entries(cells[cell].gates);
      return Object.fromEntries(
        blocks.map(([name, block]) => [
          name,
          Float32Array.from(arena.floats.subarray(gates + block * n, gates + block * n + size)),
        ]),
      );
    });
  };
}
