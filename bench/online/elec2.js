// Elec2: will the price go up? Prequential accuracy over 45,312 half-hours, with the label of the row before among the inputs.
// κ-temporal compares with "no change" (Žliobaitė et al. 2015).
//
//   node bench/online/elec2.js --seeds 5
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { argmax, createModel, createReadings, createTrainer } = await import(join(root, 'dist/src/index.js'));
const { createLearner } = await import(join(root, 'dist/src/operators/tbptt.js'));

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    size: { type: 'string', default: '32' },
    k1: { type: 'string', default: '1' },
    k2: { type: 'string', default: '16' },
    rate: { type: 'string', default: '0.001' },
    replay: { type: 'string', default: '1' },
    capacity: { type: 'string', default: '1000' },
    clip: { type: 'string', default: '1' },
    until: { type: 'string', default: '45312' },
  },
});
const number = name => Number(flags[name]);
const path = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
const [header, ...lines] = readFileSync(join(path, 'sensors/elec2/elec.csv'), 'utf8').trim().split(/\r?\n/);
const columns = header
  .split(',')
  .slice(0, -1)
  .map(name => ({ name }));
const rows = lines.slice(0, number('until')).map(line => line.split(',').map(Number));

async function run(seed) {
  const encoder = createReadings({ kind: 'readings', columns });
  const model = await createModel(
    {
      input: { kind: 'features', size: columns.length + 1 },
      layers: [{ cell: 'gru', size: number('size') }],
      output: { kind: 'classes', size: 2 },
    },
    { seed },
  );
  const trainer = createTrainer(model, {
    k1: number('k1'),
    k2: number('k2'),
    maxGradientNorm: number('clip'),
    optimizer: { kind: 'adam', rate: number('rate') },
    replay: { windows: number('replay'), capacity: number('capacity'), seed },
  });
  let [right, same] = [0, 0];
  const learner = createLearner(trainer, event => {
    if (event.kind === 'step' && argmax(event.step.logits) === event.target) right++;
  });
  let state = encoder.initial();
  let label = 0;
  for (const row of rows) {
    const encoded = encoder.encode(state, row.slice(0, -1));
    state = encoded.state;
    const target = row.at(-1);
    learner.next({ input: Float32Array.from([...encoded.inputs[0], label === 1 ? 1 : -1]), target });
    if (target === label) same++;
    label = target;
  }
  const [accuracy, persistence] = [right / rows.length, same / rows.length];
  return { accuracy, persistence, kappa: (accuracy - persistence) / (1 - persistence) };
}

const begin = process.cpuUsage();
const results = [];
for (let seed = 1; seed <= number('seeds'); seed++) {
  const { accuracy, persistence, kappa } = await run(seed);
  results.push(accuracy);
  console.log(
    `seed ${seed}: accuracy ${accuracy.toFixed(4)}, no change ${persistence.toFixed(4)}, κ-temporal ${kappa.toFixed(3)}`,
  );
}
const { user, system } = process.cpuUsage(begin);
const sorted = results.toSorted((a, b) => a - b);
console.log(
  `median ${sorted[sorted.length >> 1].toFixed(4)} (published: adaptive random forest .891, deep-river LSTM .836), ${((user + system) / 1e6 / results.length).toFixed(1)} s`,
);
