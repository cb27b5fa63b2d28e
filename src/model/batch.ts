import { InputError } from '../errors.js';
import type { Region } from '../kernels/memory.js';
import { type Activations, createActivations } from './activations.js';
import { type Carry, type CarryLayout, checkCarry } from './carry.js';
import { checkShape, type Input } from './input.js';
import { type Block, forward, type Network } from './network.js';
import { createSingle } from './single.js';
import { emitStep, loadCarry, loadInput, type Step } from './transfer.js';

type Inputs = readonly (Input | null)[];

/** Steps through activations of one time step, which grow with the largest batch. */
export function createBatch(network: Network, layout: CarryLayout) {
  const { kernels: k, config } = network;
  const emit = emitStep(network, layout);
  let rows: Activations;
  let staging: Region;
  const alone: readonly Block[] = [{ step: 0, previous: 0, count: 1 }];
  const single = createSingle(network, layout);

  const grow = (streams: number): void => {
    rows = createActivations(k.arena, config, streams, streams, false);
    staging = k.arena.reserve(Math.max(config.input.size, layout.size));
  };
  grow(1);

  /** Puts the carry and the input of one stream in their rows. */
  const load = (row: number, carry: Carry, input: Input | null): void => {
    loadInput(network, rows, row, input, staging.address);
    loadCarry(network, layout, rows, row, carry, staging.address);
  };

  const check = (carry: Carry, input: Input | null): void => {
    checkShape(config, input);
    checkCarry(layout, carry);
  };

  /** All are checked before any is stepped. */
  const run = (carries: readonly Carry[], inputs: Inputs, count: number): void => {
    if (count > rows.streams) grow(Math.max(count, 2 * rows.streams));
    for (let row = 0; row < count; row++) check(carries[row], inputs[row]);
    for (let row = 0; row < count; row++) load(row, carries[row], inputs[row]);
    if (count > 0) forward(network, rows, 0, count, [{ step: 0, previous: 0, count }]);
  };

  return {
    step:
      single ??
      ((carry: Carry, input: Input | null): Step => {
        check(carry, input);
        load(0, carry, input);
        forward(network, rows, 0, 1, alone);
        return emit(rows, 0);
      }),

    stepMany(carries: readonly Carry[], inputs: Inputs): Step[] {
      if (carries.length !== inputs.length)
        throw new InputError(`Expected as many carries as inputs (${inputs.length}), got ${carries.length}`);
      run(carries, inputs, inputs.length);
      const steps: Step[] = [];
      for (let row = 0; row < inputs.length; row++) steps.push(emit(rows, row));
      return steps;
    },
  };
}
