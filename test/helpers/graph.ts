/** A number in a graph: the place of its node. */
export type Node = number;

/**
 * Reverse-mode differentiation of scalars in float64: each operation is noted with its slopes, and `gradient` goes back over
 * the notes. Slow, short, and without a formula of any cell in it.
 */
export interface Graph {
  constant(value: number): Node;
  value(node: Node): number;
  add(a: Node, b: Node): Node;
  subtract(a: Node, b: Node): Node;
  multiply(a: Node, b: Node): Node;
  scale(a: Node, by: number): Node;
  tanh(a: Node): Node;
  sigmoid(a: Node): Node;
  relu(a: Node): Node;
  exp(a: Node): Node;
  log(a: Node): Node;
  /** ∂root/∂(each node). */
  gradient(root: Node): Float64Array;
}

export function createGraph(): Graph {
  const values: number[] = [];
  const notes: (readonly [left: Node, leftSlope: number, right: Node, rightSlope: number])[] = [];

  const note = (value: number, left = -1, leftSlope = 0, right = -1, rightSlope = 0): Node => {
    notes.push([left, leftSlope, right, rightSlope]);
    return values.push(value) - 1;
  };
  const tanh = (a: Node): Node => {
    const y = Math.tanh(values[a]);
    return note(y, a, 1 - y * y);
  };
  const sigmoid = (a: Node): Node => {
    const y = 1 / (1 + Math.exp(-values[a]));
    return note(y, a, y * (1 - y));
  };
  const exp = (a: Node): Node => {
    const y = Math.exp(values[a]);
    return note(y, a, y);
  };

  return {
    constant: value => note(value),
    value: node => values[node],
    add: (a, b) => note(values[a] + values[b], a, 1, b, 1),
    subtract: (a, b) => note(values[a] - values[b], a, 1, b, -1),
    multiply: (a, b) => note(values[a] * values[b], a, values[b], b, values[a]),
    scale: (a, by) => note(values[a] * by, a, by),
    tanh,
    sigmoid,
    relu: a => note(Math.max(0, values[a]), a, values[a] > 0 ? 1 : 0),
    exp,
    log: a => note(Math.log(values[a]), a, 1 / values[a]),

    gradient(root) {
      const slopes = new Float64Array(values.length);
      slopes[root] = 1;
      for (let node = root; node >= 0; node--) {
        const slope = slopes[node];
        if (slope === 0) continue;
        const [left, leftSlope, right, rightSlope] = notes[node];
        if (left >= 0) slopes[left] += slope * leftSlope;
        if (right >= 0) slopes[right] += slope * rightSlope;
      }
      return slopes;
    },
  };
}
