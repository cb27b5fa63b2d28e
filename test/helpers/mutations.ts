import { cells } from '../../src/cells/cells.js';
import { reorderGates, transpose } from '../../src/interchange/layout.js';
import type { Golden } from './golden.js';

/** A golden with one mistake in its weights, the kind an import makes. */
export interface Mutant {
  readonly mistake: string;
  readonly golden: Golden;
}

function permutations(letters: string): string[] {
  if (letters.length <= 1) return [letters];
  return [...letters].flatMap((letter, i) =>
    permutations(letters.slice(0, i) + letters.slice(i + 1)).map(rest => letter + rest),
  );
}

const letters = { rnn_tanh: 'h', rnn_relu: 'h', gru: 'rzn', lstm: 'ifgo' };

function changed(golden: Golden, mistake: string, weights: Record<string, Float32Array>): Mutant {
  return { mistake: `${golden.name}: ${mistake}`, golden: { ...golden, weights: { ...golden.weights, ...weights } } };
}

/** Every wrong order of the gates of layer l, in all its arrays, and in its recurrent matrix alone. */
export function gatesPermuted(golden: Golden, l: number): Mutant[] {
  const right = letters[golden.config.layers[l].cell];
  const names = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map(part => `${part}_l${l}`);
  const wrong = (order: string, which: string[]) =>
    Object.fromEntries(which.map(name => [name, reorderGates(golden.weights[name], order, right)]));
  return permutations(right)
    .filter(order => order !== right)
    .flatMap(order => [
      changed(golden, `gates of layer ${l} as ${order}`, wrong(order, names)),
      changed(golden, `recurrent gates of layer ${l} as ${order}`, wrong(order, [`weight_hh_l${l}`])),
    ]);
}

/** The two biases of layer l, each in the place of the other. */
export function biasesSwapped(golden: Golden, l: number): Mutant {
  return changed(golden, `biases of layer ${l} swapped`, {
    [`bias_ih_l${l}`]: golden.weights[`bias_hh_l${l}`],
    [`bias_hh_l${l}`]: golden.weights[`bias_ih_l${l}`],
  });
}

/** One of the biases of layer l lost. */
export function biasLost(golden: Golden, l: number, part: 'bias_ih' | 'bias_hh'): Mutant {
  const name = `${part}_l${l}`;
  return changed(golden, `${name} lost`, { [name]: new Float32Array(golden.weights[name].length) });
}

/** The matrices of layer l transposed: each recurrent gate by itself, the whole one as if stored (H, gates · H), the input one so. */
export function matricesTransposed(golden: Golden, l: number): Mutant[] {
  const { cell, size } = golden.config.layers[l];
  const hh = golden.weights[`weight_hh_l${l}`];
  const ih = golden.weights[`weight_ih_l${l}`];
  const rows = cells[cell].inputOrder.length * size;
  const eachGate = new Float32Array(hh.length);
  for (let at = 0; at < hh.length; at += size * size) {
    eachGate.set(transpose(hh.subarray(at, at + size * size), size, size), at);
  }
  const mutants = [
    changed(golden, `weight_hh_l${l}, each gate transposed`, { [`weight_hh_l${l}`]: eachGate }),
    changed(golden, `weight_hh_l${l} transposed`, { [`weight_hh_l${l}`]: transpose(hh, rows, size) }),
  ];
  // A single column is its own transpose.
  if (ih.length > rows) {
    mutants.push(
      changed(golden, `weight_ih_l${l} transposed`, { [`weight_ih_l${l}`]: transpose(ih, rows, ih.length / rows) }),
    );
  }
  return mutants;
}
