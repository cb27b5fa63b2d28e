// TensorFlow.js on its WebAssembly backend: SIMD, one thread.
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

const require = createRequire(import.meta.url);

let loaded;

export function loadTfjs() {
  loaded ??= (async () => {
    const tf = require('@tensorflow/tfjs');
    const wasm = require('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')) + sep + join('dist', sep));
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    tf.enableProdMode();
    await tf.setBackend('wasm');
    await tf.ready();
    if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
      throw new Error('Expected SIMD in the wasm backend of tfjs');
    return tf;
  })();
  return loaded;
}

/** Rows of the four gates (PyTorch: i, f, g, o) in another order, transposed to (columns × 4H). */
function kernel(tf, rows, h, columns, order) {
  const values = order.flatMap(gate => [...rows.subarray(gate * h * columns, (gate + 1) * h * columns)]);
  return tf.tidy(() => tf.tensor2d(values, [4 * h, columns]).transpose());
}

function bias(tf, weights, h, order) {
  const { bias_ih_l0: bx, bias_hh_l0: bh } = weights;
  return tf.tensor1d(order.flatMap(gate => Array.from({ length: h }, (_, i) => bx[gate * h + i] + bh[gate * h + i])));
}

/** The two ways that take least: `basicLSTMCell`, whose gates are i, g, f, o, and the same from fewer operations. */
const ways = {
  cell: {
    order: [0, 2, 1, 3],
    next(tf, { kernel, bias }, x, h, c) {
      const [c1, h1] = tf.basicLSTMCell(0, kernel, bias, x, c, h);
      return [h1, c1];
    },
  },
  fused: {
    // The three sigmoids side by side, so that they are one.
    order: [0, 1, 3, 2],
    next(tf, { kernel, bias }, x, h, c) {
      const size = h.shape[1];
      const sums = tf.fused.matMul({ a: tf.concat2d([x, h], 1), b: kernel, bias });
      const [i, f, o] = tf.split(tf.sigmoid(tf.slice2d(sums, [0, 0], [1, 3 * size])), 3, 1);
      const g = tf.tanh(tf.slice2d(sums, [0, 3 * size], [1, size]));
      const c1 = tf.add(tf.mul(f, c), tf.mul(i, g));
      return [tf.mul(o, tf.tanh(c1)), c1];
    },
  },
};

/** One step whose prediction is read; h and c before are disposed of. */
function predict(tf, next, { size, cell, readout, readoutBias }, { h, c }, input) {
  const [h1, c1, p] = tf.tidy(() => {
    const [h1, c1] = next(tf, cell, tf.tensor2d(input, [1, size]), h, c);
    return [h1, c1, tf.softmax(tf.fused.matMul({ a: h1, b: readout, bias: readoutBias }))];
  });
  const prediction = p.dataSync();
  tf.dispose([h, c, p]);
  return { h: h1, c: c1, prediction };
}

/** @returns `steps(count)`, a stream that goes on with each call, and `trace()`, a run over all inputs from zeros */
export async function stepper(way, weights, { inputs: size, hidden, classes }, inputs) {
  const tf = await loadTfjs();
  const { order, next } = ways[way];
  const parameters = {
    size,
    cell: {
      kernel: tf.tidy(() =>
        tf.concat2d(
          [
            kernel(tf, weights.weight_ih_l0, hidden, size, order),
            kernel(tf, weights.weight_hh_l0, hidden, hidden, order),
          ],
          0,
        ),
      ),
      bias: bias(tf, weights, hidden, order),
    },
    readout: tf.tidy(() => tf.tensor2d(weights['readout.weight'], [classes, hidden]).transpose()),
    readoutBias: tf.tensor1d(weights['readout.bias']),
  };

  const zeros = () => ({ h: tf.zeros([1, hidden]), c: tf.zeros([1, hidden]) });
  let live = zeros();
  let at = 0;
  return {
    steps(count) {
      for (let i = 0; i < count; i++) {
        live = predict(tf, next, parameters, live, inputs[at]);
        at = (at + 1) % inputs.length;
      }
    },
    trace() {
      let state = zeros();
      return inputs.map(input => {
        state = predict(tf, next, parameters, state, input);
        return [...state.prediction, ...state.h.dataSync(), ...state.c.dataSync()];
      });
    },
  };
}

/**
 * Training windows with Adam: the loss is the mean cross-entropy of the steps, the state before is a constant. All input
 * products are one, and there is one bias: of several ways this took least (layers with `trainOnBatch` took 1.8 times as long).
 *
 * @returns `window()`, one update, whose loss it returns and whose last state the next one begins with; `predictions()`, those
 * of the steps of the next window, each read before the next step begins, as on a live stream; `gradients()` of the first
 * window, by PyTorch's names
 */
export async function learner(weights, { inputs: size, hidden, classes }, { rate, beta1, beta2, epsilon }, window) {
  const tf = await loadTfjs();
  const order = [0, 1, 3, 2];
  const length = window.inputs.length;
  const variables = {
    weight_ih_l0: tf.variable(kernel(tf, weights.weight_ih_l0, hidden, size, order)),
    weight_hh_l0: tf.variable(kernel(tf, weights.weight_hh_l0, hidden, hidden, order)),
    bias: tf.variable(bias(tf, weights, hidden, order)),
    'readout.weight': tf.variable(tf.tidy(() => tf.tensor2d(weights['readout.weight'], [classes, hidden]).transpose())),
    'readout.bias': tf.variable(tf.tensor1d(weights['readout.bias'])),
  };
  const optimizer = tf.train.adam(rate, beta1, beta2, epsilon);
  const flat = Float32Array.from(window.inputs.flatMap(input => [...input]));
  const labels = Int32Array.from(window.targets);
  let h = tf.zeros([1, hidden]);
  let c = tf.zeros([1, hidden]);

  /** The mean loss; `keep` gets the last state. */
  const loss = keep => {
    const v = variables;
    const products = tf.fused.matMul({ a: tf.tensor2d(flat, [length, size]), b: v.weight_ih_l0, bias: v.bias });
    const rows = tf.split(products, length, 0);
    const states = [];
    let [hidden1, cell1] = [h, c];
    for (const row of rows) {
      const sums = tf.add(row, tf.matMul(hidden1, v.weight_hh_l0));
      const [i, f, o] = tf.split(tf.sigmoid(tf.slice2d(sums, [0, 0], [1, 3 * hidden])), 3, 1);
      const g = tf.tanh(tf.slice2d(sums, [0, 3 * hidden], [1, hidden]));
      cell1 = tf.add(tf.mul(f, cell1), tf.mul(i, g));
      hidden1 = tf.mul(o, tf.tanh(cell1));
      states.push(hidden1);
    }
    keep?.(hidden1, cell1);
    const logits = tf.add(tf.matMul(tf.concat2d(states, 0), v['readout.weight']), v['readout.bias']);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), logits);
  };

  return {
    window() {
      let last;
      const cost = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() =>
          loss((h1, c1) => {
            last = [tf.keep(h1), tf.keep(c1)];
          }),
        );
        optimizer.applyGradients(grads);
        return value;
      });
      tf.dispose([h, c]);
      [h, c] = last;
      const value = cost.dataSync()[0];
      cost.dispose();
      return value;
    },
    gradients() {
      return tf.tidy(() => {
        const { grads } = tf.variableGrads(() => loss());
        const named = {};
        for (const [name, variable] of Object.entries(variables)) {
          const gradient = grads[variable.name];
          if (name === 'readout.weight') named[name] = [...gradient.transpose().dataSync()];
          else if (name === 'readout.bias') named[name] = [...gradient.dataSync()];
          else {
            const rows = gradient.rank === 2 ? [...gradient.transpose().dataSync()] : [...gradient.dataSync()];
            const block = rows.length / 4;
            const back = [];
            order.forEach((gate, i) => {
              back[gate] = rows.slice(i * block, (i + 1) * block);
            });
            named[name === 'bias' ? 'bias_ih_l0' : name] = back.flat();
          }
        }
        return named;
      });
    },
    predictions() {
      const parameters = {
        size,
        cell: { kernel: tf.concat2d([variables.weight_ih_l0, variables.weight_hh_l0], 0), bias: variables.bias },
        readout: variables['readout.weight'],
        readoutBias: variables['readout.bias'],
      };
      let state = { h: h.clone(), c: c.clone() };
      const predictions = window.inputs.map(input => {
        state = predict(tf, ways.fused.next, parameters, state, input);
        return state.prediction;
      });
      tf.dispose([state.h, state.c, parameters.cell.kernel]);
      return predictions;
    },
    tensors: () => tf.memory().numTensors,
  };
}
