import type { CarryPart } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { InputError } from '../errors.js';
import type { ModelConfig } from './config.js';
import { notFinite } from './input.js';

/** What the network remembers between steps: one flat array, laid out by `carryLayout`; a value, never changed. */
export type Carry = Float32Array;

/** Where each part of a carry is: `layers.0.h`, `layers.0.c`, `layers.1.h`, ... */
export interface CarryLayout {
  /** Numbers in a carry. */
  readonly size: number;
  readonly parts: readonly {
    readonly name: string;
    readonly layer: number;
    readonly part: CarryPart;
    readonly offset: number;
    readonly length: number;
  }[];
}

export function carryLayout(config: ModelConfig): CarryLayout {
  let size = 0;
  const parts = config.layers.flatMap((layer, i) =>
    cells[layer.cell].parts.map(part => {
      const offset = size;
      size += layer.size;
      return { name: `layers.${i}.${part}`, layer: i, part, offset, length: layer.size };
    }),
  );
  return { size, parts };
}

/** @throws InputError if the carry has another length */
export function checkCarry(layout: CarryLayout, carry: Carry): void {
  if (carry?.length !== layout.size)
    throw new InputError(`Expected carry to have ${layout.size} numbers, got ${carry?.length}`);
}

/** The place of the first number that is not finite; -1 where all are. A loop: it is asked at single steps, where `every` would take as long as a fifth of them. */
export function firstNotFinite(numbers: Float32Array): number {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return i;
  return -1;
}

/** @throws InputError naming the first number that is not finite */
export function checkFinite(carry: Carry): void {
  const bad = firstNotFinite(carry);
  if (bad >= 0) throw notFinite('carry', carry[bad], bad);
}
