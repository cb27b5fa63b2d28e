import type { Activations } from '../model/activations.js';
import type { Carry } from '../model/carry.js';
import type { Input } from '../model/input.js';
import type { Block } from '../model/network.js';
import type { Step } from '../model/transfer.js';
import type { Target } from './loss.js';
import type { Window } from './window.js';

/** The steps taken last, whose activations are in the rows: carries are values, so the very array tells where a window begins. */
export function createTape(rows: Activations) {
  const blocks: (readonly Block[])[] = Array.from({ length: rows.steps }, (_, row) => [
    { step: row, previous: row, count: 1 },
  ]);
  let first: Carry | undefined;
  let last: Carry | undefined;
  let version = -1;
  let inputs: (Input | null)[] = [];
  let newest: Float32Array | undefined;
  const losses = new Float64Array(rows.steps);
  const scored = new Array<Target>(rows.steps).fill(null);
  return {
    rows,
    block: (row: number) => blocks[row],
    /** The row for a step from this carry: after the last one if it goes on from there, else the first. */
    next(carry: Carry, current: number): number {
      if (carry !== last || version !== current || inputs.length === rows.steps) {
        first = carry;
        inputs = [];
        version = current;
      }
      // Until the step is there, no window is.
      last = undefined;
      return inputs.length;
    },
    add(input: Input | null, { carry, logits }: Step): void {
      scored[inputs.length] = null;
      inputs.push(input);
      last = carry;
      newest = logits;
    },
    /** The row that these logits were copied from, if it is the newest; else −1. */
    rowOf: (logits: Float32Array): number => (logits === newest ? inputs.length - 1 : -1),
    /** Keeps the loss of a row. */
    score(row: number, target: Target, loss: number): void {
      scored[row] = target;
      losses[row] = loss;
    },
    /** The loss of a row, if it was scored by this very target: an array may have changed since. */
    lossOf: (row: number, target: Target): number | undefined =>
      typeof target === 'number' && Object.is(scored[row], target) ? losses[row] : undefined,
    holds(window: Window, current: number): boolean {
      if (last === undefined || version !== current || window.carry !== first || window.inputs.length !== inputs.length)
        return false;
      return inputs.every((input, i) => input === window.inputs[i]);
    },
  };
}
