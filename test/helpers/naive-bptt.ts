import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { outputWidth } from '../../src/model/outputs.js';
import type { Target } from '../../src/training/loss.js';
import { createGraph, type Graph, type Node } from './graph.js';
import type { Backend, Run } from './replay.js';

/** h of each layer, and c where the cell has one. */
export interface Memory {
  readonly h: readonly (readonly number[])[];
  readonly c: readonly (readonly number[])[];
}

export type NaiveWeights = Record<string, number[]>;

interface Nodes {
  readonly h: Node[][];
  readonly c: Node[][];
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * A network in float64 that steps and learns by stochastic gradient descent: PyTorch's formulas of the cells, written in a
 * graph of scalars that is differentiated by itself. The carry before a window is a constant: there the graph is cut.
 */
export function createNaiveLearner(
  config: ModelConfig,
  weights: NaiveWeights,
  { rate, maxGradientNorm }: { readonly rate: number; readonly maxGradientNorm: number },
): Backend<Memory> {
  const { layers, input: inputs, output, skip } = config;

  /** The row of a matrix times a vector, and the bias of the row. */
  const affine = (graph: Graph, matrix: Node[], bias: Node[], row: number, x: readonly Node[]): Node =>
    x.reduce((sum, node, i) => graph.add(sum, graph.multiply(matrix[row * x.length + i], node)), bias[row]);

  const cell = (graph: Graph, w: Record<string, Node[]>, l: number, x: readonly Node[], h: Node[], c: Node[]) => {
    const { size, cell: kind } = layers[l];
    const fromInput = (row: number): Node => affine(graph, w[`weight_ih_l${l}`], w[`bias_ih_l${l}`], row, x);
    const fromHidden = (row: number): Node => affine(graph, w[`weight_hh_l${l}`], w[`bias_hh_l${l}`], row, h);
    const both = (row: number): Node => graph.add(fromInput(row), fromHidden(row));
    if (kind === 'rnn_tanh') return { h: range(size).map(j => graph.tanh(both(j))), c };
    if (kind === 'rnn_relu') return { h: range(size).map(j => graph.relu(both(j))), c };
    if (kind === 'gru') {
      const next = range(size).map(j => {
        const r = graph.sigmoid(both(j));
        const z = graph.sigmoid(both(size + j));
        const n = graph.tanh(graph.add(fromInput(2 * size + j), graph.multiply(r, fromHidden(2 * size + j))));
        return graph.add(graph.multiply(graph.subtract(graph.constant(1), z), n), graph.multiply(z, h[j]));
      });
      return { h: next, c };
    }
    const cells = range(size).map(j => {
      const [i, f] = [graph.sigmoid(both(j)), graph.sigmoid(both(size + j))];
      const g = graph.tanh(both(2 * size + j));
      return graph.add(graph.multiply(f, c[j]), graph.multiply(i, g));
    });
    return { h: cells.map((node, j) => graph.multiply(graph.sigmoid(both(3 * size + j)), graph.tanh(node))), c: cells };
  };

  const step = (graph: Graph, w: Record<string, Node[]>, before: Nodes, input: Input | null) => {
    const features = range(inputs.size).map(i => {
      if (input === null) return 0;
      return typeof input === 'number' ? Number(i === input) : input[i];
    });
    const x = features.map(graph.constant);
    const after: Nodes = { h: [], c: [] };
    layers.forEach((_, l) => {
      const below = l === 0 ? x : skip ? [...x, ...after.h[l - 1]] : after.h[l - 1];
      const { h, c } = cell(graph, w, l, below, before.h[l], before.c[l]);
      after.h.push(h);
      after.c.push(c);
    });
    const read = skip ? after.h.flat() : after.h[layers.length - 1];
    const logits = range(outputWidth(output)).map(row =>
      affine(graph, w['readout.weight'], w['readout.bias'], row, read),
    );
    return { after, logits };
  };

  const loss = (graph: Graph, logits: Node[], target: Exclude<Target, null>): Node => {
    const sum = (nodes: Node[]): Node => nodes.reduce((total, node) => graph.add(total, node), graph.constant(0));
    if (output.kind === 'classes') {
      return graph.subtract(graph.log(sum(logits.map(graph.exp))), logits[target as number]);
    }
    const y = typeof target === 'number' ? [target] : Array.from(target);
    if (output.kind === 'labels') {
      // −y log σ(o) − (1 − y) log(1 − σ(o)) = log(1 + e^o) − y o
      const one = graph.constant(1);
      const soft = (o: Node): Node => graph.log(graph.add(one, graph.exp(o)));
      return sum(logits.map((o, i) => graph.subtract(soft(o), graph.scale(o, y[i]))));
    }
    if (output.kind === 'gaussian') {
      // log σ + ½ log 2π + ½ (m − y)² e^(−2 log σ), σ = log(1 + e^s) + 2⁻¹⁰
      const [one, least] = [graph.constant(1), graph.constant(2 ** -10)];
      const parts = range(output.size).map(i => {
        const soft = graph.log(graph.add(one, graph.exp(logits[output.size + i])));
        const logDeviation = graph.log(graph.add(soft, least));
        const error = graph.subtract(logits[i], graph.constant(y[i]));
        const precision = graph.exp(graph.scale(logDeviation, -2));
        const half = graph.scale(graph.multiply(graph.multiply(error, error), precision), 0.5);
        return graph.add(graph.add(logDeviation, graph.constant(0.5 * Math.log(2 * Math.PI))), half);
      });
      return sum(parts);
    }
    const errors = logits.map((o, i) => graph.subtract(o, graph.constant(y[i])));
    return graph.scale(sum(errors.map(error => graph.multiply(error, error))), 0.5);
  };

  const begin = (memory: Memory) => {
    const graph = createGraph();
    const w = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.map(graph.constant)]));
    const nodes = { h: memory.h.map(h => h.map(graph.constant)), c: memory.c.map(c => c.map(graph.constant)) };
    return { graph, w, nodes };
  };

  return {
    zero: () => ({
      h: layers.map(({ size }) => range(size).map(() => 0)),
      c: layers.map(({ size, cell }) => (cell === 'lstm' ? range(size).map(() => 0) : [])),
    }),

    step(memory, input) {
      const { graph, w, nodes } = begin(memory);
      const { h, c } = step(graph, w, nodes, input).after;
      return { h: h.map(row => row.map(graph.value)), c: c.map(row => row.map(graph.value)) };
    },

    learn(windows: readonly Run<Memory>[]) {
      const labelled = windows.flatMap(({ targets }) => targets).filter(target => target !== null).length;
      const gradient: NaiveWeights = Object.fromEntries(
        Object.entries(weights).map(([name, values]) => [name, values.map(() => 0)]),
      );
      for (const { before, inputs, targets, weights: shares } of windows) {
        const { graph, w, nodes } = begin(before);
        let state: Nodes = nodes;
        let total = graph.constant(0);
        inputs.forEach((input, i) => {
          const { after, logits } = step(graph, w, state, input);
          state = after;
          const target = targets[i];
          if (target !== null) total = graph.add(total, graph.scale(loss(graph, logits, target), shares[i]));
        });
        const slopes = graph.gradient(total);
        for (const [name, leaves] of Object.entries(w)) {
          leaves.forEach((leaf, i) => {
            gradient[name][i] += slopes[leaf] / labelled;
          });
        }
      }
      const norm = Math.sqrt(
        Object.values(gradient)
          .flat()
          .reduce((sum, g) => sum + g * g, 0),
      );
      const scale = norm > maxGradientNorm ? maxGradientNorm / norm : 1;
      for (const [name, values] of Object.entries(weights)) {
        values.forEach((_, i) => {
          values[i] -= rate * scale * gradient[name][i];
        });
      }
    },
  };
}
