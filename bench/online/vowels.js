// JapaneseVowels: which of nine speakers said /ae/, 270 utterances to learn from and 370 to judge by; the label is the target
// of the last step. Inputs in units of the training part; while learning, normal noise is added and a fifth of the frames left out.
//
//   node bench/online/vowels.js --seeds 5
//   node bench/online/vowels.js --validation 0.2     tuning: a part of the 270 is held out, the 370 are not looked at
import { parseArgs } from 'node:util';
import { eddy, manyToOne, median, readShared, standardizer, stopwatch } from '../helpers/offline.js';

const { createModel, createTrainer, evaluate, fit, splitSequences, withNoise } = eddy;
const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    cell: { type: 'string', default: 'gru' },
    size: { type: 'string', default: '64' },
    layers: { type: 'string', default: '1' },
    rate: { type: 'string', default: '0.005' },
    noise: { type: 'string', default: '0.6' },
    epochs: { type: 'string', default: '80' },
    batch: { type: 'string', default: '16' },
    drop: { type: 'string', default: '0.2' },
    every: { type: 'boolean', default: false },
    validation: { type: 'string', default: '0' },
  },
});
const number = name => Number(flags[name]);

function read(part) {
  const lines = readShared(`audio/japanese-vowels/JapaneseVowels_${part}.ts`).split(/\r?\n/);
  return lines
    .filter(line => line !== '' && !/^[#@]/.test(line))
    .map(line => {
      const fields = line.split(':');
      const columns = fields.slice(0, -1).map(field => field.split(',').map(Number));
      return { rows: columns[0].map((_, t) => columns.map(column => column[t])), target: Number(fields.at(-1)) - 1 };
    });
}

const given = read('TRAIN');
const test = number('validation') > 0 ? [] : read('TEST');
const sequences = (some, scale) => some.map(({ rows, target }) => manyToOne(rows.map(scale), target));

/** Noise; frames left out; with --every, the label at each step of what is learned, as it is at the last of what is judged. */
function augment(sequence, random) {
  const { inputs, targets } = withNoise(number('noise'))(sequence, random);
  const last = targets.at(-1);
  const kept = inputs.filter((_, t) => t === inputs.length - 1 || random.uniform() >= number('drop'));
  return flags.every ? { inputs: kept, targets: kept.map(() => last) } : manyToOne(kept, last);
}

const elapsed = stopwatch();
const results = [];
for (let seed = 1; seed <= number('seeds'); seed++) {
  // Tuning: another part is held out for each seed.
  const parts =
    test.length > 0 ? { training: given, validation: test } : splitSequences(given, number('validation'), seed);
  const scale = standardizer(parts.training);
  const [training, judged] = [sequences(parts.training, scale), sequences(parts.validation, scale)];
  const model = await createModel(
    {
      input: { kind: 'features', size: 12 },
      layers: Array.from({ length: number('layers') }, () => ({ cell: flags.cell, size: number('size') })),
      output: { kind: 'classes', size: 9 },
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
    augment,
  });
  const { accuracy } = evaluate(trainer, judged);
  results.push(accuracy);
  console.log(`seed ${seed}: accuracy ${accuracy.toFixed(4)} of ${judged.length}, ${elapsed().toFixed(1)} s`);
}
console.log(`median ${median(results).toFixed(4)}   (published: .955 to .986)`);
