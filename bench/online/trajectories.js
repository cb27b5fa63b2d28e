// Character Trajectories: which of twenty letters a pen wrote, from its velocity and force; the label is the target of the last
// step. The published figures (about .99) are of another split of the same letters.
//
//   node bench/online/trajectories.js --seeds 3
//   node bench/online/trajectories.js --validation 0.15     tuning: a part of train is held out, dev is not looked at
import { parseArgs } from 'node:util';
import { eddy, manyToOne, median, readShared, standardizer, stopwatch } from '../helpers/offline.js';

const { createModel, createTrainer, evaluate, fit, splitSequences, withNoise } = eddy;
const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    cell: { type: 'string', default: 'gru' },
    size: { type: 'string', default: '64' },
    rate: { type: 'string', default: '0.005' },
    noise: { type: 'string', default: '0.1' },
    epochs: { type: 'string', default: '25' },
    batch: { type: 'string', default: '16' },
    stride: { type: 'string', default: '2' },
    validation: { type: 'string', default: '0' },
  },
});
const number = name => Number(flags[name]);

/** Each row the mean of `stride` rows; leading and trailing rows of zeros, where the pen was not there, are left out. */
function read(part) {
  const lines = readShared(`handwriting/character-trajectories/${part}.ndjson`).trim().split(/\r?\n/);
  const stride = number('stride');
  return lines.map(line => {
    const { label, x } = JSON.parse(line);
    const moves = x.map(row => row.some(value => value !== 0));
    const rows = x.slice(moves.indexOf(true), moves.lastIndexOf(true) + 1);
    const count = Math.ceil(rows.length / stride);
    const short = Array.from({ length: count }, (_, i) => {
      const some = rows.slice(i * stride, (i + 1) * stride);
      return some[0].map((_, k) => some.reduce((sum, row) => sum + row[k], 0) / some.length);
    });
    return { rows: short, label: String(label) };
  });
}

const given = read('train');
const parts =
  number('validation') > 0
    ? splitSequences(given, number('validation'), 0)
    : { training: given, validation: read('dev') };
const labels = [...new Set(given.map(({ label }) => label))].sort();
const scale = standardizer(parts.training);
const sequences = some => some.map(({ rows, label }) => manyToOne(rows.map(scale), labels.indexOf(label)));
const [training, judged] = [sequences(parts.training), sequences(parts.validation)];

const elapsed = stopwatch();
const results = [];
for (let seed = 1; seed <= number('seeds'); seed++) {
  const model = await createModel(
    {
      input: { kind: 'features', size: 3 },
      layers: [{ cell: flags.cell, size: number('size') }],
      output: { kind: 'classes', size: labels.length },
    },
    { seed },
  );
  const steps = number('epochs') * Math.ceil(training.length / number('batch'));
  const schedule = { kind: 'linear', steps, final: 0.02 };
  const trainer = createTrainer(model, { optimizer: { kind: 'adam', rate: number('rate'), beta1: 0.9, schedule } });
  await fit(trainer, training, {
    epochs: number('epochs'),
    batch: number('batch'),
    seed,
    augment: withNoise(number('noise')),
  });
  const { accuracy } = evaluate(trainer, judged);
  results.push(accuracy);
  console.log(`seed ${seed}: accuracy ${accuracy.toFixed(4)} of ${judged.length}, ${elapsed().toFixed(1)} s`);
}
console.log(`median ${median(results).toFixed(4)}   (published: about .99 on another split)`);
