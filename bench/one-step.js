// How long does one LSTM step take through the public API, beside onnxruntime-node fed back its own state?
import { expectAgreement, expectDisagreement, trace } from './helpers/agreement.js';
import { createModel, drawInputs, lstmConfig } from './helpers/eddy.js';
import { writeLstm } from './helpers/onnx-model.js';
import { nodeAsync, nodeSync } from './helpers/onnxruntime.js';
import { faster, race, ratios, settings, spread } from './helpers/race.js';

const inputs = 40;
const classes = 10;
const least = { 32: 10, 128: 3, 256: 1.4, 512: 1.15 };

export async function measure(quick) {
  const results = [];
  for (const hidden of [32, 128, 256, 512]) {
    const sizes = { inputs, hidden, classes };
    const model = await createModel(lstmConfig(inputs, hidden, classes));
    const rows = drawInputs(64, inputs);
    const file = writeLstm(sizes, model.weights());
    const viaPromise = await nodeAsync(file, sizes, rows);
    const direct = await nodeSync(file, sizes, rows);
    const ours = trace(model, rows);
    expectAgreement('onnxruntime-node, session.run', ours, await viaPromise.trace());
    expectAgreement('onnxruntime-node, direct call', ours, direct.trace());
    const wrong = await nodeSync(writeLstm(sizes, model.weights(), [0, 1, 2, 3]), sizes, rows);
    expectDisagreement('another order of gates', ours, wrong.trace());

    const times = await race(
      {
        'model.step': stepping(model, rows),
        'onnxruntime-node, session.run': viaPromise.steps,
        'onnxruntime-node, direct call': direct.steps,
      },
      settings(quick),
    );
    const peer = faster(times, ['onnxruntime-node, session.run', 'onnxruntime-node, direct call']);
    results.push({
      question: `one step, LSTM ${hidden}: ${peer} / model.step`,
      answer: spread(ratios(times[peer], times['model.step'])),
      unit: '×',
      least: least[hidden],
      times,
    });
  }
  return results;
}

/** A stream of steps, carry in, carry out. */
export function stepping(model, rows) {
  let carry = model.zeroCarry();
  let at = 0;
  return count => {
    for (let i = 0; i < count; i++) {
      carry = model.step(carry, rows[at]).carry;
      at = (at + 1) % rows.length;
    }
  };
}
