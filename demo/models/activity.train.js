// Trains the model `activity`: what a person who carries a phone does, frame by frame.
//
//   node demo/models/activity.train.js [--held s07] [--out demo/models/activity.safetensors]
//   node demo/models/activity.train.js --held s01 --out none      another subject held out, for the figures alone
//   node demo/models/activity.train.js --judge demo/models/activity.safetensors
//
// Data: sensors/sp-sw-har under `../shared/data` (or EDDY_SHARED), the runs of the phone. All runs of one subject are held out.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { argmax, createEncoder, createModel, createRandom, createTrainer, loadModel, saveModel } = await import(
  join(root, 'dist/src/index.js')
);

const { values } = parseArgs({
  options: {
    held: { type: 'string', default: 's07' },
    epochs: { type: 'string', default: '40' },
    size: { type: 'string', default: '48' },
    steps: { type: 'string', default: '100' },
    rate: { type: 'string', default: '0.004' },
    noise: { type: 'string', default: '0.2' },
    seed: { type: 'string', default: '1' },
    judge: { type: 'string' },
    out: { type: 'string', default: join(root, 'demo/models/activity.safetensors') },
  },
});
const number = name => Number(values[name]);

const labels = ['SEATED', 'STANDING_UP', 'WALKING', 'TURNING', 'SITTING_DOWN'];
const columns = ['x_acc', 'y_acc', 'z_acc', 'x_gyro', 'y_gyro', 'z_gyro'];
const folder = join(process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data'), 'sensors/sp-sw-har');
const runs = readdirSync(folder)
  .filter(name => name.endsWith('_sp.csv'))
  .map(name => {
    const [head, ...lines] = readFileSync(join(folder, name), 'utf8').trim().split('\n');
    const names = head.split(',');
    const at = [...columns, 'timestamp'].map(column => names.indexOf(column));
    const rows = lines.map(line => line.split(',')).map(cells => at.map(i => Number(cells[i])));
    const targets = lines.map(line => labels.indexOf(line.split(',').at(-1).trim()));
    return { name, subject: name.slice(0, 3), rows, targets };
  });
const [learned, held] = [false, true].map(out => runs.filter(({ subject }) => (subject === values.held) === out));

// What stands in the encoder comes from the runs that are learned from alone.
const all = learned.flatMap(({ rows }) => rows);
const statistics = columns.map((_, i) => {
  const mean = all.reduce((sum, row) => sum + row[i], 0) / all.length;
  // They count as much as two seconds of rows: what follows is taken in with the stream.
  return { count: 200, mean, variance: all.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / all.length };
});
const encoder = createEncoder({
  kind: 'readings',
  columns: columns.map(name => ({ name })),
  time: 'timestamp',
  statistics,
});
/** The phone held in another way: a random turn of both its sensors (a quaternion). */
const turned = rows => {
  const [a, b, c, d] = [2 + random.normal(), random.normal(), random.normal(), random.normal()];
  const length = Math.sqrt(a * a + b * b + c * c + d * d);
  const [w, x, y, z] = [a, b, c, d].map(value => value / length);
  const matrix = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  const turn = vector => matrix.map(row => row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2]);
  return rows.map(row => [...turn(row.slice(0, 3)), ...turn(row.slice(3, 6)), row[6]]);
};
const encode = ({ rows, targets, name }) => {
  let state = encoder.initial();
  const inputs = rows.map(row => {
    const encoded = encoder.encode(state, row);
    state = encoded.state;
    return encoded.inputs[0];
  });
  return { inputs, targets, name };
};
const random = createRandom(number('seed'));
const judged = held.map(encode);

const fresh = () =>
  createModel(
    {
      input: encoder.input,
      layers: [{ cell: 'gru', size: number('size') }],
      output: { kind: 'classes', size: labels.length },
      labels,
      encoder: encoder.config,
    },
    { seed: number('seed') },
  );
const model = values.judge === undefined ? await fresh() : await loadModel(readFileSync(values.judge));

/** Runs from their beginnings, in pieces that take the carry on; `stride` windows are one update. */
const [steps, epochs] = ['steps', 'epochs'].map(number);
const pieces = learned.reduce((sum, { rows }) => Math.max(sum, Math.ceil(rows.length / steps)), 0);
const trainer = createTrainer(model, {
  k1: steps,
  k2: steps,
  optimizer: {
    kind: 'adam',
    rate: number('rate'),
    beta1: 0.9,
    weightDecay: 0.05,
    schedule: { kind: 'linear', steps: epochs * pieces, final: 0.02 },
  },
});
const noisy = input => input.map(value => value + number('noise') * random.normal());

/** Of the frames of the runs: how many are said rightly. */
function judge(sequences) {
  let [right, changes, frames] = [0, 0, 0];
  const confusion = labels.map(() => labels.map(() => 0));
  for (const { inputs, targets } of sequences) {
    let carry = model.zeroCarry();
    inputs.forEach((input, t) => {
      const step = model.step(carry, input);
      carry = step.carry;
      const said = argmax(step.logits);
      confusion[targets[t]][said]++;
      if (said === targets[t]) right++;
      if (t > 0 && targets[t] === targets[t - 1]) changes++;
      frames++;
    });
  }
  const counts = confusion.map(row => row.reduce((a, b) => a + b, 0));
  return { accuracy: right / frames, majority: Math.max(...counts) / frames, noChange: changes / frames, confusion };
}

for (let epoch = 1; epoch <= epochs && values.judge === undefined; epoch++) {
  const training = learned.map(run => encode({ ...run, rows: turned(run.rows) }));
  let carries = training.map(() => model.zeroCarry());
  // The runs begin elsewhere each time: what came before is not known then either.
  const offsets = training.map(() => random.integer(steps));
  let [nats, updates] = [0, 0];
  for (let piece = 0; piece < pieces; piece++) {
    const windows = training.flatMap(({ inputs, targets }, i) => {
      const from = offsets[i] + piece * steps;
      const seen = inputs.slice(from, from + steps).map(noisy);
      return seen.length === 0
        ? []
        : [{ i, carry: carries[i], inputs: seen, targets: targets.slice(from, from + steps) }];
    });
    if (windows.length === 0) break;
    const after = [...carries];
    for (const { i, carry, inputs } of windows)
      after[i] = inputs.reduce((before, input) => model.step(before, input).carry, carry).slice();
    nats += trainer.learnMany(windows).loss;
    updates++;
    carries = after;
  }
  if (epoch % 5 === 0) {
    const { accuracy } = judge(judged);
    console.log(
      `epoch ${epoch}  learned ${(nats / updates).toFixed(4)} nats a frame  ${values.held}: ${(100 * accuracy).toFixed(1)} %`,
    );
  }
}
const { accuracy, majority, noChange, confusion } = judge(judged);
const percent = share => `${(100 * share).toFixed(1)} %`;
console.log(`${values.held}, not learned from: ${percent(accuracy)} of the frames`);
console.log(`saying WALKING always ${percent(majority)}, the true label of the frame before ${percent(noChange)}`);
console.log(`rows: what it was; columns: what was said (${labels.join(', ')})`);
for (const [i, row] of confusion.entries())
  console.log(`${labels[i].padEnd(13)}${row.map(count => String(count).padStart(6)).join('')}`);
if (values.out !== 'none' && values.judge === undefined) writeFileSync(values.out, saveModel(model));
