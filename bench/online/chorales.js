// JSB chorales: which of 88 keys sound in the next frame. Negative log-likelihood a frame, in nats, over frames 2 to T of each
// test chorale; the epoch that is best in validation is kept.
//
//   node bench/online/chorales.js --cell lstm --size 200 --seeds 5
import { parseArgs } from 'node:util';
import { eddy, median, readShared, stopwatch } from '../helpers/offline.js';

const { createModel, createTrainer, evaluate, fit } = eddy;
const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    cell: { type: 'string', default: 'lstm' },
    size: { type: 'string', default: '200' },
    layers: { type: 'string', default: '1' },
    rate: { type: 'string', default: '0.008' },
    epochs: { type: 'string', default: '45' },
    patience: { type: 'string', default: '8' },
    batch: { type: 'string', default: '4' },
    decay: { type: 'string', default: '0.3' },
    drop: { type: 'string', default: '0.2' },
    transpose: { type: 'string', default: '0' },
  },
});
const number = name => Number(flags[name]);

const { dims, train, valid, test } = JSON.parse(readShared('tokens/jsb-chorales.json'));
const frame = keys => {
  const row = new Float32Array(dims);
  for (const key of keys) row[key] = 1;
  return row;
};
const sequences = some =>
  some.map(steps => {
    const frames = steps.map(frame);
    return { inputs: frames.slice(0, -1), targets: frames.slice(1) };
  });

/** Keys of the input are left out at random, and the chorale is moved up or down by some semitones. */
function augment({ inputs, targets }, random) {
  const reach = number('transpose');
  const by = reach > 0 ? random.integer(2 * reach + 1) - reach : 0;
  const moved = row => {
    if (by === 0) return row;
    const out = new Float32Array(dims);
    row.forEach((value, key) => {
      if (value > 0 && out[key + by] !== undefined) out[key + by] = value;
    });
    return out;
  };
  const keep = row => (number('drop') > 0 ? row.map(value => (random.uniform() < number('drop') ? 0 : value)) : row);
  return { inputs: inputs.map(row => keep(moved(row))), targets: targets.map(moved) };
}

/** The test loss of one seed. */
async function run(seed) {
  const model = await createModel(
    {
      input: { kind: 'features', size: dims },
      layers: Array.from({ length: number('layers') }, () => ({ cell: flags.cell, size: number('size') })),
      output: { kind: 'labels', size: dims },
    },
    { seed },
  );
  const steps = number('epochs') * Math.ceil(train.length / number('batch'));
  const trainer = createTrainer(model, {
    optimizer: {
      kind: 'adam',
      rate: number('rate'),
      beta1: 0.9,
      weightDecay: number('decay'),
      schedule: { kind: 'linear', steps, final: 0.02 },
    },
  });

  const elapsed = stopwatch();
  const { best, stopped, epochs } = await fit(trainer, sequences(train), {
    epochs: number('epochs'),
    batch: number('batch'),
    seed,
    validation: sequences(valid),
    patience: number('patience'),
    ...(number('drop') > 0 || number('transpose') > 0 ? { augment } : {}),
    onEpoch: ({ number: count, loss, validation }) => {
      if (count % 5 === 0)
        console.log(`epoch ${count}: learned ${loss.toFixed(3)}, validation ${validation.loss.toFixed(3)}`);
    },
  });
  const { loss } = evaluate(trainer, sequences(test));
  console.log(
    `${flags.cell} ${flags.size}: test NLL ${loss.toFixed(3)} nats a frame, validation ${best.validation.loss.toFixed(3)} ` +
      `(epoch ${best.number} of ${epochs.length}, ${stopped}), ${elapsed().toFixed(0)} s`,
  );
  return loss;
}

const found = [];
for (let i = 0; i < number('seeds'); i++) found.push(await run(number('seed') + i));
if (found.length > 1) console.log(`median of ${found.length} seeds ${median(found).toFixed(3)}`);
console.log('published (Bai et al. 2018): TCN 8.10, GRU 8.43, LSTM 8.45, RNN 8.91; static baseline 11.09');
