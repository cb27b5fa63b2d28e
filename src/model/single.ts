import type { CarryPart } from '../cells/cell.js';
import { type Activations, createActivations } from './activations.js';
import { type Carry, type CarryLayout, checkCarry } from './carry.js';
import { checkShape, type Input, notFinite } from './input.js';
import { type Block, forward, type Network } from './network.js';
import { outputWidth } from './outputs.js';
import { createSlab } from './slab.js';
import { arrays, loadInput, type Step, viewsOf } from './transfer.js';

/** Where one step of one stream has its numbers: what it begins with lies as in a carry, and what it gives as it is emitted. */
interface Place {
  readonly rows: Activations;
  /** The carry before. */
  readonly before: number;
  /** The carry after, then o(t), then ŷ(t) where it is another. */
  readonly after: number;
}

/** So much room, in carries, may lie between the carry before a step and the one after it. */
const mostApart = 8;

/**
 * Makes the function that steps one stream, as a batch of one does, where the carry goes in as one piece and all that the step gives comes
 * out as one. Undefined for networks that do not lie so: layers whose size is no multiple of 4, or which have none in common.
 */
export function createSingle(
  network: Network,
  layout: CarryLayout,
): ((carry: Carry, input: Input | null) => Step) | undefined {
  const place = placeOf(network, layout);
  if (place === undefined) return undefined;
  const { kernels: k, config } = network;
  const { arena } = k;
  const { rows, before, after } = place;
  const { size } = layout;
  const outputs = outputWidth(config.output);
  const separate = rows.predictions !== rows.logits;
  const emitted = rows.predictions + rows.outputStride - after;
  const slab = createSlab(arrays(k));
  const View = viewsOf(k);
  const bytes = View.BYTES_PER_ELEMENT;
  const logitsAt = (rows.logits - after) * bytes;
  const predictionAt = (rows.predictions - after) * bytes;
  const blocks: readonly Block[] = [{ step: 0, previous: 0, count: 1 }];
  let memory = arena.floats;
  let given = memory.subarray(after, after + emitted);
  return (carry, input) => {
    checkShape(config, input);
    checkCarry(layout, carry);
    loadInput(network, rows, 0, input, rows.inputs);
    arena.floats.set(carry, before);
    const bad = k.load(before, before, size);
    if (bad >= 0) throw notFinite('carry', carry[bad], bad);
    forward(network, rows, 0, 1, blocks);
    if (memory !== arena.floats) {
      memory = arena.floats;
      given = memory.subarray(after, after + emitted);
    }
    const at = slab.take(emitted);
    slab.floats().set(given, at);
    const buffer = slab.buffer();
    const start = at * bytes;
    const logits = new View(buffer, start + logitsAt, outputs);
    return {
      logits,
      prediction: separate ? new View(buffer, start + predictionAt, outputs) : logits,
      carry: new View(buffer, start, size),
    };
  };
}

function placeOf({ kernels, config }: Network, { parts, size }: CarryLayout): Place | undefined {
  if (config.layers.some(layer => layer.size % 4 !== 0)) return undefined;
  const apart = distance(
    config.layers.map(layer => layer.size),
    size,
  );
  if (apart > mostApart * size) return undefined;
  const usual = createActivations(kernels.arena, config, 1, 1, false);
  const { outputStride } = usual;
  const separate = usual.predictions !== usual.logits;
  const before = kernels.arena.reserve(apart + size + (separate ? 2 : 1) * outputStride).address;
  const after = before + apart;
  const logits = after + size;
  const at = (index: number, name: CarryPart): number => {
    const found = parts.find(({ layer, part }) => layer === index && part === name);
    return found === undefined ? 0 : before + found.offset;
  };
  const layers = usual.layers.map(({ n, gates, squashed }, i) => ({
    n,
    gates,
    h: at(i, 'h'),
    c: at(i, 'c'),
    squashed,
    // The row of the state after, counted from that of the state before.
    lead: apart / n,
  }));
  const { streams, steps, inputs, inputStride, tokens } = usual;
  const predictions = separate ? logits + outputStride : logits;
  const rows: Activations = { streams, steps, inputs, inputStride, tokens, layers, logits, predictions, outputStride };
  return { rows, before, after };
}

/** The smallest common multiple of the sizes that is at least `least`. */
function distance(sizes: readonly number[], least: number): number {
  const common = sizes.reduce((a, b) => (a / divisor(a, b)) * b);
  return Math.ceil(least / common) * common;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
