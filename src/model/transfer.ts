import type { Kernels } from '../kernels/kernels.js';
import type { Floats } from '../kernels/memory.js';
import type { Activations } from './activations.js';
import type { Carry, CarryLayout } from './carry.js';
import { type Input, notFinite } from './input.js';
import { type Network, noToken } from './network.js';
import { outputs as kinds, outputWidth } from './outputs.js';
import { createSlab } from './slab.js';

/** What one step gives. None of it is ever changed. */
export interface Step {
  /** o(t); as many numbers as the kind of output has, most often output.size. */
  readonly logits: Float32Array;
  /** ŷ(t), as many: probabilities for `classes` and `labels`, o(t) itself for `values`. */
  readonly prediction: Float32Array;
  /** h(t), and c(t) where the cell has one; laid out by `carryLayout`. */
  readonly carry: Carry;
}

/**
 * Puts a carry in the state rows before the first step of a stream.
 *
 * @throws InputError if a number of it is not finite: a state that grew beyond float32 ends its own stream
 */
export function loadCarry(
  network: Network,
  layout: CarryLayout,
  rows: Activations,
  stream: number,
  carry: Carry,
  staging: number,
): void {
  const bad = putCarry(network, layout, rows, stream, carry, staging);
  if (bad >= 0) throw notFinite('carry', carry[bad], bad);
}

/** The same of any carry. Returns the place of the first number that is not finite, or −1. */
export function putCarry(
  network: Network,
  layout: CarryLayout,
  rows: Activations,
  stream: number,
  carry: Carry,
  staging: number,
): number {
  const { kernels: k } = network;
  k.arena.floats.set(carry, staging);
  const { parts } = layout;
  let first = -1;
  for (let i = 0; i < parts.length; i++) {
    const { layer: index, part, offset, length } = parts[i];
    const layer = rows.layers[index];
    const bad = k.load(staging + offset, (part === 'h' ? layer.h : layer.c) + stream * layer.n, length);
    if (bad >= 0 && first < 0) first = offset + bad;
  }
  return first;
}

/**
 * Where the state rows before a step hold its carry already.
 *
 * @throws InputError as `loadCarry`
 */
export function checkLoaded(network: Network, layout: CarryLayout, rows: Activations, row: number, carry: Carry): void {
  const { kernels: k } = network;
  const { parts } = layout;
  for (let i = 0; i < parts.length; i++) {
    const { layer: index, part, offset, length } = parts[i];
    const layer = rows.layers[index];
    const address = (part === 'h' ? layer.h : layer.c) + row * layer.n;
    const bad = k.load(address, address, length);
    if (bad >= 0) throw notFinite('carry', carry[offset + bad], offset + bad);
  }
}

/**
 * Puts the input of one step in its row; null is no input.
 *
 * @throws InputError if a feature is not finite; the kind and shape are the caller's to check
 */
export function loadInput(
  network: Network,
  rows: Activations,
  row: number,
  input: Input | null,
  staging: number,
): void {
  const { kernels: k, config } = network;
  if (input === null) {
    if (config.input.kind === 'token') rows.tokens[row] = noToken;
    else k.clear(rows.inputs + row * rows.inputStride, rows.inputStride);
    return;
  }
  if (typeof input === 'number') {
    rows.tokens[row] = input;
    return;
  }
  k.arena.floats.set(input, staging);
  const bad = k.load(staging, rows.inputs + row * rows.inputStride, config.input.size);
  if (bad >= 0) throw notFinite('input', input[bad], bad);
}

/** Makes the function that copies what a step left in its row into arrays of its own. */
export function emitStep(network: Network, layout: CarryLayout): (rows: Activations, row: number) => Step {
  const { kernels: k, config } = network;
  const { parts, size } = layout;
  const outputs = outputWidth(config.output);
  const separate = kinds[config.output.kind].predict !== undefined;
  const emitted = size + outputs + (separate ? outputs : 0);
  const out = k.arena.reserve(emitted);
  const slab = createSlab(arrays(k));
  const View = viewsOf(k);
  const bytes = View.BYTES_PER_ELEMENT;
  return (rows, row) => {
    for (let i = 0; i < parts.length; i++) {
      const { layer: index, part, offset, length } = parts[i];
      const layer = rows.layers[index];
      k.copy((part === 'h' ? layer.h : layer.c) + (layer.lead + row) * layer.n, out.address + offset, length);
    }
    k.copy(rows.logits + row * rows.outputStride, out.address + size, outputs);
    if (separate) k.copy(rows.predictions + row * rows.outputStride, out.address + size + outputs, outputs);
    const place = slab.take(emitted);
    slab.floats().set(out.array, place);
    const buffer = slab.buffer();
    const start = place * bytes;
    const carry = new View(buffer, start, size);
    const logits = new View(buffer, start + size * bytes, outputs);
    const prediction = separate ? new View(buffer, start + (size + outputs) * bytes, outputs) : logits;
    return { logits, prediction, carry };
  };
}

/** The constructor of views of the precision that the kernels work in: it costs half of what `subarray` does. */
export function viewsOf(kernels: Kernels): typeof Float32Array {
  return (kernels.name === 'float64' ? Float64Array : Float32Array) as typeof Float32Array;
}

/** Arrays of the precision that the kernels work in. */
export function arrays(kernels: Kernels): (length: number) => Floats {
  return kernels.name === 'float64' ? n => new Float64Array(n) : n => new Float32Array(n);
}
