// Trains the model `drawn-letters`: which letter is being drawn, point by point.
//
//   node demo/models/drawn-letters.train.js --out FILE                        from the data, in a minute or two
//   node demo/models/drawn-letters.train.js --from FILE --rate 0.003          goes on, and asks for the answer at the last input alone
//   node demo/models/drawn-letters.train.js --judge FILE                      the figures of a trained one, on the part held out
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

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '45' },
    units: { type: 'string', default: '64' },
    rate: { type: 'string', default: '0.006' },
    decay: { type: 'string', default: '0.01' },
    batch: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string' },
    judge: { type: 'string' },
    out: { type: 'string', default: here('drawn-letters.safetensors') },
  },
});
const [epochs, units, rate, batch, seed] = ['epochs', 'units', 'rate', 'batch', 'seed'].map(name =>
  Number(values[name]),
);
const show = ({ whole, half }) =>
  `${(100 * whole).toFixed(2)} % at pen-up, ${(100 * half).toFixed(2)} % after half of the points`;

const held = readLetters('dev');
if (values.judge !== undefined) {
  const model = await loadModel(readFileSync(values.judge));
  const { labels, encoder } = model.config;
  const figures = judge(model, createStrokes(encoder), held, ink => labels.indexOf(ink.label));
  console.log(`held out, ${held.length} letters: ${show(figures)}`);
  process.exit(0);
}

const learned = readLetters('train');
const labels = [...new Set(learned.map(({ label }) => label))].sort();
const encoder = createStrokes({ kind: 'strokes', spacing: 0.5, unit: 11 });
const sequence = (ink, points) => {
  const inputs = encodeAll(encoder, points);
  const answer = labels.indexOf(ink.label);
  const last = inputs.map((_, i) => (i === inputs.length - 1 ? answer : null));
  return { inputs, targets: values.from === undefined ? asked(inputs, answer) : last, ink };
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
if (values.from !== undefined) model.setWeights((await loadModel(readFileSync(values.from))).weights());
const trainer = createTrainer(model, {
  optimizer: {
    kind: 'adam',
    rate,
    beta1: 0.9,
    weightDecay: Number(values.decay),
    schedule: { kind: 'linear', steps: epochs * Math.ceil(sequences.length / batch), final: 0.01 },
  },
});
const begin = performance.now();
await fit(trainer, sequences, {
  epochs,
  batch,
  seed,
  augment: ({ ink }, random) =>
    sequence(
      ink,
      vary(ink.points, random, { size: 1.25, aspect: 0.12, slant: 0.16, turn: 0.1, bend: 0.06, late: 0.1 }),
    ),
  onEpoch({ number, loss }) {
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(`epoch ${number} of ${epochs}: ${loss.toFixed(4)} nats (${seconds} s)`);
  },
});
writeFileSync(values.out, saveModel(model));
console.log(`${values.out}: ${show(judge(model, encoder, held, ink => labels.indexOf(ink.label)))}`);
