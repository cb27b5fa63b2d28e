// Trains the model `spoken-digits`: which digit a recording says.
//
//   node demo/models/spoken-digits.train.js                       the model, from all speakers
//   node demo/models/spoken-digits.train.js --without theo        how well it hears a speaker that it does not know
//   node demo/models/spoken-digits.train.js --without fifth       ... a random fifth of the recordings
//
// Data: audio/fsdd under `../shared/data` (or EDDY_SHARED); with --voices <folder> also those that voices.js has written.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMean } from './mean.js';
import {
  createEncoder,
  createModel,
  createRandom,
  createTrainer,
  features,
  readDigits,
  root,
  saveModel,
  say,
  settings,
  shared,
  shuffle,
  statisticsOf,
  worn,
} from './spoken.js';

const { values } = parseArgs({
  options: {
    without: { type: 'string' },
    voices: { type: 'string' },
    epochs: { type: 'string', default: '60' },
    hidden: { type: 'string', default: '192' },
    rate: { type: 'string', default: '0.005' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const [epochs, hidden, seed] = [values.epochs, values.hidden, values.seed].map(Number);
const batch = 25;
/** Recordings of synthetic voices in an epoch. */
const voicesEach = 400;

const all = readDigits(join(shared, 'audio/fsdd'));
const fifth = new Set(shuffle([...all], createRandom(77)).slice(0, all.length / 5));
const isHeldOut = one => (values.without === 'fifth' ? fifth.has(one) : one.speaker === values.without);
const heldOut = all.filter(isHeldOut);
const known = all.filter(one => !isHeldOut(one));
const voices = values.voices === undefined ? [] : readDigits(values.voices);
const others = Array.from({ length: 10 }, (_, digit) => [...known, ...voices].filter(one => one.digit === digit));

const statistics = statisticsOf(known);
const encoder = createEncoder({ ...settings, statistics });
const model = await createModel(
  {
    input: encoder.input,
    layers: [{ cell: 'gru', size: hidden }],
    output: { kind: 'classes', size: 10 },
    encoder: { ...encoder.config },
    labels: Array.from('0123456789'),
  },
  { seed },
);
const each = known.length + Math.min(voicesEach, voices.length);
const updates = epochs * Math.ceil(each / batch);
const trainer = createTrainer(model, {
  optimizer: {
    kind: 'adam',
    rate: Number(values.rate),
    beta1: 0.9,
    schedule: { kind: 'linear', steps: updates, final: 0.1, warmup: 20 },
  },
});
const random = createRandom(seed);
const mean = createMean();
console.log(
  `${known.length} recordings and ${voices.length} of synthetic voices to learn from, ${heldOut.length} to judge by`,
);

for (let epoch = 1; epoch <= epochs; epoch++) {
  const order = shuffle([...known, ...shuffle([...voices], random).slice(0, voicesEach)], random);
  let loss = 0;
  for (let first = 0; first < order.length; first += batch) {
    const windows = order.slice(first, first + batch).map(one => {
      const inputs = worn(features(say(one, others, random), statistics), random);
      // The second half of a word tells which it is.
      const targets = inputs.map((_, t) => (t >= inputs.length / 2 ? one.digit : null));
      return { carry: model.zeroCarry(), inputs, targets };
    });
    loss += (trainer.learnMany(windows).loss * windows.length) / order.length;
    if (epoch > 0.7 * epochs) mean.add(model.weights());
  }
  if (epoch % 10 === 0 || epoch === epochs) console.log(`epoch ${epoch}  loss ${loss.toFixed(4)}`);
}
model.setWeights(mean.weights());

/** The likeliest digit by the mean of ln ŷ over the second half of the frames, as the encoder of the checkpoint gives them. */
function hear({ samples }) {
  const { inputs } = encoder.encode(encoder.initial(), samples);
  const sums = new Float64Array(10);
  let carry = model.zeroCarry();
  inputs.forEach((input, t) => {
    const step = model.step(carry, input);
    carry = step.carry;
    if (t >= inputs.length / 2) for (const [digit, p] of step.prediction.entries()) sums[digit] += Math.log(p + 1e-9);
  });
  return sums.indexOf(Math.max(...sums));
}

if (heldOut.length > 0) {
  const right = heldOut.filter(one => hear(one) === one.digit).length;
  const wrong = new Map();
  for (const one of heldOut) {
    const heard = hear(one);
    if (heard !== one.digit) wrong.set(`${one.digit} as ${heard}`, (wrong.get(`${one.digit} as ${heard}`) ?? 0) + 1);
  }
  console.log(`without ${values.without}: ${((100 * right) / heldOut.length).toFixed(1)} % of ${heldOut.length} right`);
  console.log(
    [...wrong]
      .sort((a, b) => b[1] - a[1])
      .map(([what, count]) => `${what}: ${count}`)
      .join(', '),
  );
}
const out =
  values.out ?? (values.without === undefined ? join(root, 'demo/models/spoken-digits.safetensors') : undefined);
if (out !== undefined) writeFileSync(out, saveModel(model));
