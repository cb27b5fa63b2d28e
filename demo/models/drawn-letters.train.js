// Trains the model `drawn-letters`: which letter is being drawn, point by point.
//
//   node demo/models/drawn-letters.train.js                   from the data, in a minute or two
//   node demo/models/drawn-letters.train.js --fold 0          without a quarter of what it learns from, and judged by it: for choosing settings
//   node demo/models/drawn-letters.train.js --judge FILE      the figures of a trained one, on the part held out
//
// Data: handwriting/character-trajectories under `../shared/data` (or EDDY_SHARED); dev.ndjson is never learned from.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  asked,
  createModel,
  createStrokes,
  createTrainer,
  encodeAll,
  fit,
  here,
  judge,
  loadModel,
  readLetters,
  saveModel,
  vary,
} from './ink.js';
import { createMean } from './mean.js';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '60' },
    units: { type: 'string', default: '96' },
    rate: { type: 'string', default: '0.006' },
    decay: { type: 'string', default: '0.01' },
    dropout: { type: 'string', default: '0.2' },
    spacing: { type: 'string', default: '0.8' },
    batch: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    fold: { type: 'string' },
    judge: { type: 'string' },
    out: { type: 'string', default: here('drawn-letters.safetensors') },
  },
});
const [epochs, units, rate, batch, seed] = ['epochs', 'units', 'rate', 'batch', 'seed'].map(name =>
  Number(values[name]),
);
const answerOf = labels => ink => labels.indexOf(ink.label);
const show = (model, encoder, inks) => {
  const { whole, half } = judge(model, encoder, inks, answerOf(model.config.labels));
  return `${inks.length} letters: ${(100 * whole).toFixed(2)} % at pen-up, ${(100 * half).toFixed(2)} % after half of the points`;
};

if (values.judge !== undefined) {
  const model = await loadModel(readFileSync(values.judge));
  console.log(`held out, ${show(model, createStrokes(model.config.encoder), readLetters('dev'))}`);
  process.exit(0);
}

const letters = readLetters('train');
const labels = [...new Set(letters.map(({ label }) => label))].sort();
/** Every fourth of each letter. */
const counts = new Map();
const folds = letters.map(({ label }) => {
  const count = counts.get(label) ?? 0;
  counts.set(label, count + 1);
  return count % 4;
});
const fold = values.fold === undefined ? undefined : Number(values.fold);
const learned = letters.filter((_, i) => folds[i] !== fold);
const encoder = createStrokes({ kind: 'strokes', spacing: Number(values.spacing), unit: 11 });
/** Epochs that are over. */
let past = 0;
const sequence = (ink, points) => {
  const inputs = encodeAll(encoder, points);
  const answer = labels.indexOf(ink.label);
  const last = inputs.map((_, i) => (i === inputs.length - 1 ? answer : null));
  // In the last 40 % of the epochs at the last input alone: what counts is the answer at pen-up.
  return { inputs, targets: past < 0.6 * epochs ? asked(inputs, answer) : last, ink };
};
const sequences = learned.map(ink => sequence(ink, ink.points));
const model = await createModel(
  {
    input: encoder.input,
    layers: [{ cell: 'gru', size: units }],
    output: { kind: 'classes', size: labels.length },
    encoder: encoder.config,
    labels,
  },
  { seed },
);
const trainer = createTrainer(model, {
  optimizer: {
    kind: 'adam',
    rate,
    beta1: 0.9,
    weightDecay: Number(values.decay),
    schedule: { kind: 'linear', steps: epochs * Math.ceil(sequences.length / batch), final: 0.01 },
  },
});
const mean = createMean();
const begin = performance.now();
await fit(trainer, sequences, {
  epochs,
  batch,
  seed,
  dropout: Number(values.dropout),
  // An m that is begun late is an n: no letter is.
  augment: ({ ink }, random) =>
    sequence(
      ink,
      vary(ink.points, random, { size: 1.35, aspect: 0.17, slant: 0.22, turn: 0.14, bend: 0.084, late: 0 }),
    ),
  onEpoch({ number, loss }) {
    past = number;
    if (number > 0.8 * epochs) mean.add(model.weights());
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(`epoch ${number} of ${epochs}: ${loss.toFixed(4)} nats (${seconds} s)`);
  },
});
model.setWeights(mean.weights());
if (fold === undefined) {
  writeFileSync(values.out, saveModel(model));
  console.log(`${values.out}: held out, ${show(model, encoder, readLetters('dev'))}`);
} else {
  const judged = letters.filter((_, i) => folds[i] === fold);
  console.log(`fold ${fold}, ${show(model, encoder, judged)}`);
}
