// How long does one LSTM step take, beside what runs in browsers: onnxruntime-web and tfjs, both WebAssembly with SIMD on one thread?
import { expectAgreement, trace } from './helpers/agreement.js';
import { createModel, drawInputs, lstmConfig } from './helpers/eddy.js';
import { writeLstm } from './helpers/onnx-model.js';
import { web } from './helpers/onnxruntime.js';
import { faster, race, ratios, settings, spread } from './helpers/race.js';
import { stepper } from './helpers/tfjs.js';
import { stepping } from './one-step.js';

const sizes = { inputs: 40, hidden: 128, classes: 10 };

export async function measure(quick) {
  const model = await createModel(lstmConfig(sizes.inputs, sizes.hidden, sizes.classes));
  const rows = drawInputs(64, sizes.inputs);
  const peers = {
    'onnxruntime-web': await web(writeLstm(sizes, model.weights()), sizes, rows),
    'tfjs wasm, basicLSTMCell': await stepper('cell', model.weights(), sizes, rows),
    'tfjs wasm, fused': await stepper('fused', model.weights(), sizes, rows),
  };
  const ours = trace(model, rows);
  for (const [name, peer] of Object.entries(peers)) expectAgreement(name, ours, await peer.trace());

  const contenders = Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, peer.steps]));
  const times = await race({ 'model.step': stepping(model, rows), ...contenders }, settings(quick));
  const tfjs = faster(times, ['tfjs wasm, basicLSTMCell', 'tfjs wasm, fused']);
  return [
    [tfjs, 10],
    ['onnxruntime-web', 5],
  ].map(([peer, least]) => ({
    question: `one step, LSTM ${sizes.hidden}: ${peer} / model.step`,
    answer: spread(ratios(times[peer], times['model.step'])),
    unit: '×',
    least,
    times,
  }));
}
