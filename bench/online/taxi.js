// NYC taxi passengers, five half-hours ahead, one pass: the target of the forecast made at t − 5 arrives at t.
// MAPE = Σ|y − ŷ| / Σ|y| over the forecasts of t from 10,000 on, beside published figures.
//
//   node bench/online/taxi.js --seeds 5
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { createModel, createReadings, createTrainer } = await import(join(root, 'dist/src/index.js'));
const { createLearner } = await import(join(root, 'dist/src/operators/tbptt.js'));

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    size: { type: 'string', default: '32' },
    k2: { type: 'string', default: '16' },
    rate: { type: 'string', default: '0.0004' },
    replay: { type: 'string', default: '1' },
    capacity: { type: 'string', default: '2000' },
    clip: { type: 'string', default: '1' },
    until: { type: 'string', default: '17520' },
    from: { type: 'string', default: '10000' },
  },
});
const number = name => Number(flags[name]);
const horizon = 5;

const path = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
const rows = readFileSync(join(path, 'sensors/nyc_taxi.csv'), 'utf8')
  .trim()
  .split(/\r?\n/)
  .slice(3)
  .slice(0, number('until'))
  .map(line => {
    const [, count, minutes, day] = line.split(',');
    return { count: Number(count), minutes: Number(minutes), day: Number(day) };
  });

/** The calendar: time of day with harmonics, time of week, weekend. */
function calendar({ minutes, day }) {
  const time = (2 * Math.PI * minutes) / 1440;
  const week = (2 * Math.PI * (day + minutes / 1440)) / 7;
  const waves = [1, 2, 3].flatMap(h => [Math.sin(h * time), Math.cos(h * time)]);
  return [...waves, Math.sin(week), Math.cos(week), Math.sin(2 * week), Math.cos(2 * week), day >= 5 ? 1 : 0];
}

async function run(seed) {
  const encoder = createReadings({ kind: 'readings', columns: [{ name: 'count' }] });
  const inputs = 1 + calendar(rows[0]).length;
  const model = await createModel(
    {
      input: { kind: 'features', size: inputs },
      layers: [{ cell: 'gru', size: number('size') }],
      output: { kind: 'values', size: 1 },
    },
    { seed },
  );
  const trainer = createTrainer(model, {
    k1: 1,
    k2: number('k2'),
    lateness: horizon,
    maxGradientNorm: number('clip'),
    optimizer: { kind: 'adam', rate: number('rate') },
    replay: { windows: number('replay'), capacity: number('capacity'), seed },
  });
  let forecast = Number.NaN;
  let state = encoder.initial();
  let scale;
  const learner = createLearner(trainer, event => {
    if (event.kind === 'step') [forecast] = encoder.unscale(scale, event.step.prediction);
  });
  const made = [];
  const scales = [];
  let [errors, weekErrors, total] = [0, 0, 0];
  rows.forEach((row, t) => {
    if (t >= horizon) {
      const error = Math.abs(row.count - made[t - horizon]);
      if (t >= number('from')) {
        errors += error;
        weekErrors += Math.abs(row.count - rows[t - 336].count);
        total += row.count;
      }
      // Learned in the scale of the time of its forecast.
      learner.next({ forStep: t - horizon + 1, target: encoder.standardize(scales[t - horizon], [row.count]) });
    }
    const encoded = encoder.encode(state, [row.count]);
    state = encoded.state;
    scale = encoder.scale(state);
    scales.push(scale);
    learner.next({ input: Float32Array.from([encoded.inputs[0][0], ...calendar(row)]) });
    made.push(forecast);
  });
  return { mape: errors / total, week: weekErrors / total };
}

const begin = process.cpuUsage();
const results = [];
for (let seed = 1; seed <= number('seeds'); seed++) {
  const { mape, week } = await run(seed);
  results.push(mape);
  console.log(
    `seed ${seed}: MAPE ${mape.toFixed(4)}   (last week ${week.toFixed(4)}; published: HTM .0810, LSTM-6000 .0819)`,
  );
}
const { user, system } = process.cpuUsage(begin);
const sorted = results.toSorted((a, b) => a - b);
console.log(
  `median ${sorted[sorted.length >> 1].toFixed(4)}, ${((user + system) / 1e6 / results.length).toFixed(1)} s a year`,
);
