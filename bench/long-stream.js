// Does a step cost after 1,000,000 steps what it costs after 10, also where states decay towards zero, and does the heap stay flat?
import { createModel, drawInputs } from './helpers/eddy.js';
import { race, ratios, settings, spread } from './helpers/race.js';

const hidden = 64;
const inputs = 40;
const young = 10;
const old = 1_000_000;
const turn = 500;

export async function measure(quick) {
  const results = [];
  for (const cell of ['lstm', 'gru', 'rnn_tanh']) {
    const config = {
      input: { kind: 'features', size: inputs },
      layers: [{ cell, size: hidden }],
      output: { kind: 'classes', size: 10 },
    };
    const model = await createModel(config);
    const rows = drawInputs(64, inputs);
    results.push(...(await compare(`${cell} ${hidden}, driven`, model, rows, model.zeroCarry(), quick)));

    // Without biases and inputs, states shrink at each step: towards, through and below the subnormal numbers.
    const decaying = await createModel(config);
    const weights = decaying.weights();
    for (const [name, tensor] of Object.entries(weights)) if (name.startsWith('bias')) tensor.fill(0);
    decaying.setWeights(weights);
    const random = drawInputs(1, decaying.carryLayout.size, 2)[0];
    const silence = [new Float32Array(inputs)];
    results.push(...(await compare(`${cell} ${hidden}, decaying`, decaying, silence, random, quick)));
  }
  return results;
}

async function compare(name, model, rows, carry, quick) {
  let at = 0;
  const run = (from, count) => {
    let current = from;
    for (let i = 0; i < count; i++) {
      current = model.step(current, rows[at]).carry;
      at = (at + 1) % rows.length;
    }
    return current;
  };
  const early = run(carry, young);
  let late = run(early, old / 100 - young);
  const before = heapBytes();
  late = run(late, old - old / 100);
  const grown = heapBytes() - before;

  const times = await race(
    {
      // From step 10 on, and from there again: what is young stays young.
      [`after ${young} steps`]: count => {
        for (let left = count; left > 0; left -= turn) run(early, Math.min(turn, left));
      },
      [`after ${old} steps`]: count => {
        late = run(late, count);
      },
    },
    settings(quick),
  );
  const cost = ratios(times[`after ${old} steps`], times[`after ${young} steps`]);
  return [
    {
      question: `${name}: a step after ${old} steps / after ${young}`,
      answer: spread(cost),
      unit: '×',
      most: 1.1,
      times,
    },
    {
      question: `${name}: heap after ${old} steps − after ${old / 100}`,
      answer: { min: grown, median: grown, max: grown },
      unit: 'KB',
      most: 256,
      times: {},
    },
  ];
}

/** What the program still reaches, in KB, buffers included. */
function heapBytes() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return Math.round((heapUsed + arrayBuffers) / 1024);
}
