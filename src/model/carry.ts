import type { CarryPart } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { InputError } from '../errors.js';
import type { ModelConfig } from './config.js';

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

/**
 * The place of the first number that is not finite; -1 where all are. It is asked at single steps: four sums take a third of
 * what a test of each number does, and 0 · x is NaN, which a sum keeps, for just those.
 */
export function firstNotFinite(numbers: Float32Array): number {
  const whole = numbers.length & ~3;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < whole; i += 4) {
    a += numbers[i] * 0;
    b += numbers[i + 1] * 0;
    c += numbers[i + 2] * 0;
    d += numbers[i + 3] * 0;
  }
  for (let i = whole; i < numbers.length; i++) a += numbers[i] * 0;
  return a + b + c + d === 0 ? -1 : numbers.findIndex(x => !Number.isFinite(x));
}
