// onnxruntime on one thread, fed back its own state: in Node by its promise and by the call inside it, and as WebAssembly.
import { createRequire } from 'node:module';

const threads = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' };

/** The values of a step, and what it gives, as tensors of `ort`. */
function values(ort, { inputs: size, hidden }, inputs) {
  const state = () => new ort.Tensor('float32', new Float32Array(hidden), [1, 1, hidden]);
  return { rows: inputs.map(input => new ort.Tensor('float32', input, [1, 1, size])), state };
}

/** Outputs to allocate. */
const wanted = { P: null, h1: null, c1: null };

const row = ({ P, h1, c1 }) => [...P.data, ...h1.data, ...c1.data];

/** @returns `steps(count)`, a stream that goes on with each call, and `trace()`, a run over all inputs from zeros */
function asyncContender(ort, session, sizes, inputs) {
  const { rows, state } = values(ort, sizes, inputs);
  let h0 = state();
  let c0 = state();
  let at = 0;
  return {
    async steps(count) {
      for (let i = 0; i < count; i++) {
        const { h1, c1 } = await session.run({ X: rows[at], h0, c0 });
        h0 = h1;
        c0 = c1;
        at = (at + 1) % rows.length;
      }
    },
    async trace() {
      let [h, c] = [state(), state()];
      const found = [];
      for (const X of rows) {
        const result = await session.run({ X, h0: h, c0: c });
        found.push(row(result));
        h = result.h1;
        c = result.c1;
      }
      return found;
    },
  };
}

/** Through `session.run`, which goes by way of the event loop. */
export async function nodeAsync(model, sizes, inputs) {
  const ort = (await import('onnxruntime-node')).default;
  const session = await ort.InferenceSession.create(model, { executionProviders: ['cpu'], ...threads });
  return asyncContender(ort, session, sizes, inputs);
}

/** Through the binding that `session.run` calls, without the event loop: nothing that the package offers. */
export async function nodeSync(model, sizes, inputs) {
  const ort = (await import('onnxruntime-node')).default;
  const { binding, initOrt } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js');
  initOrt();
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, { executionProviders: ['cpu'], ...threads });
  const { rows, state } = values(ort, sizes, inputs);
  let h0 = state();
  let c0 = state();
  let at = 0;
  const options = {};
  return {
    steps(count) {
      for (let i = 0; i < count; i++) {
        const { h1, c1 } = session.run({ X: rows[at], h0, c0 }, wanted, options);
        h0 = h1;
        c0 = c1;
        at = (at + 1) % rows.length;
      }
    },
    trace() {
      let [h, c] = [state(), state()];
      return rows.map(X => {
        const result = session.run({ X, h0: h, c0: c }, wanted, options);
        h = result.h1;
        c = result.c1;
        return row(result);
      });
    },
  };
}

/** onnxruntime-web: SIMD, one thread. */
export async function web(model, sizes, inputs) {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: ['wasm'] });
  return asyncContender(ort, session, sizes, inputs);
}
