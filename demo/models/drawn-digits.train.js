// Trains the model `drawn-digits`: which digit is being drawn, point by point.
//
//   node demo/models/drawn-spoken-digits.train.js                      from the data, in some minutes
//   node demo/models/drawn-spoken-digits.train.js --judge FILE         the figures of a trained one, on the writers held out
//   node demo/models/drawn-spoken-digits.train.js --without 3,13,23    holds these writers out too, and is judged by them: for choosing settings
//
// Data: handwriting/pendigits-orig under `../shared/data` (or EDDY_SHARED).
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  asked,
  createModel,
  createStrokes,
  createTrainer,
  encodeAll,
  fit,
  heldOut,
  here,
  judge,
  loadModel,
  readDigits,
  saveModel,
  vary,
} from './ink.js';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '20' },
    units: { type: 'string', default: '80' },
    rate: { type: 'string', default: '0.006' },
    decay: { type: 'string', default: '0.02' },
    batch: { type: 'string', default: '16' },
    spacing: { type: 'string', default: '0.45' },
    bend: { type: 'string', default: '0.12' },
    seed: { type: 'string', default: '1' },
    spare: { type: 'string', default: '6' },
    without: { type: 'string', default: '' },
    judge: { type: 'string' },
    out: { type: 'string', default: here('drawn-digits.safetensors') },
  },
});
const [epochs, units, rate, batch, seed, spare] = ['epochs', 'units', 'rate', 'batch', 'seed', 'spare'].map(name =>
  Number(values[name]),
);

const digits = readDigits();
const answerOf = ink => Number(ink.label);
const show = ({ whole, half }) =>
  `${(100 * whole).toFixed(2)} % at pen-up, ${(100 * half).toFixed(2)} % after half of the points`;

if (values.judge !== undefined) {
  const model = await loadModel(readFileSync(values.judge));
  const encoder = createStrokes(model.config.encoder);
  for (const writer of heldOut)
    console.log(
      `writer ${writer}: ${show(
        judge(
          model,
          encoder,
          digits.filter(ink => ink.writer === writer),
          answerOf,
        ),
      )}`,
    );
  const held = digits.filter(ink => heldOut.includes(ink.writer));
  console.log(`held out, ${held.length} digits: ${show(judge(model, encoder, held, answerOf))}`);
  process.exit(0);
}

const without = values.without.split(',').filter(Boolean).map(Number);
const learned = digits.filter(({ writer }) => !heldOut.includes(writer) && !without.includes(writer));
const judged = digits.filter(({ writer }) => without.includes(writer));
const encoder = createStrokes({ kind: 'strokes', spacing: Number(values.spacing), unit: 40 });
const sequence = (ink, points) => {
  const inputs = encodeAll(encoder, points);
  return { inputs, targets: asked(inputs, answerOf(ink)), ink };
};
const sequences = learned.map(ink => sequence(ink, ink.points));
const model = await createModel(
  {
    input: encoder.input,
    layers: [{ cell: 'gru', size: units }],
    output: { kind: 'classes', size: 10 },
    encoder: encoder.config,
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
const begin = performance.now();
await fit(trainer, sequences, {
  epochs,
  batch,
  seed,
  augment: ({ ink }, random) => sequence(ink, vary(ink.points, random, { bend: Number(values.bend) })),
  onEpoch({ number, loss }) {
    const figures = judged.length > 0 && number % 4 === 0 ? `, ${show(judge(model, encoder, judged, answerOf))}` : '';
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(`epoch ${number} of ${epochs}: ${loss.toFixed(4)} nats${figures} (${seconds} s)`);
  },
});

// Places for what is taught later: classes that are never said.
const whole = await createModel({
  ...model.config,
  output: { kind: 'classes', size: 10 + spare },
  labels: [...'0123456789', ...Array.from({ length: spare }, (_, i) => `new ${i + 1}`)],
});
const weights = model.weights();
const longer = (tensor, fill) => {
  const row = tensor.length / 10;
  return Float32Array.from({ length: row * (10 + spare) }, (_, i) => (i < tensor.length ? tensor[i] : fill));
};
whole.setWeights({
  ...weights,
  'readout.weight': longer(weights['readout.weight'], 0),
  'readout.bias': longer(weights['readout.bias'], -6),
});
writeFileSync(values.out, saveModel(whole));
const last = judged.length > 0 ? judged : digits.filter(ink => heldOut.includes(ink.writer));
console.log(`${values.out}: ${show(judge(whole, encoder, last, answerOf))}`);
