// Trains the model `hand`: it writes letters and digits, or goes on with what is begun.
//
//   node demo/models/hand.train.js                 from the data, in some minutes
//   node demo/models/hand.train.js --judge FILE    nats an offset, on what is held out
//
// Data: handwriting/pendigits-orig and handwriting/character-trajectories under `../shared/data` (or EDDY_SHARED); six writers of digits
// and dev.ndjson are never learned from.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  createModel,
  createRandom,
  createStrokes,
  createTrainer,
  encodeAll,
  evaluate,
  fit,
  heldOut,
  here,
  loadModel,
  readDigits,
  readLetters,
  saveModel,
  vary,
} from './ink.js';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '24' },
    units: { type: 'string', default: '96' },
    densities: { type: 'string', default: '8' },
    rate: { type: 'string', default: '0.005' },
    batch: { type: 'string', default: '16' },
    digits: { type: 'string', default: '1500' },
    seed: { type: 'string', default: '1' },
    judge: { type: 'string' },
    out: { type: 'string', default: here('hand.safetensors') },
  },
});
const [epochs, units, densities, rate, batch, each, seed] = [
  ...['epochs', 'units', 'densities', 'rate', 'batch', 'digits', 'seed'],
].map(name => Number(values[name]));

/** Letters are made as large as digits are. */
const larger = ink => ({ ...ink, points: ink.points.map(point => ({ ...point, x: 3.5 * point.x, y: 3.5 * point.y })) });
const digits = readDigits();
const letters = readLetters('train').map(larger);
const known = [...'0123456789', ...[...new Set(letters.map(({ label }) => label))].sort()];
const encoder = createStrokes({ kind: 'strokes', by: 'time', spacing: 30, unit: 40, letters: known.join('') });

/** Each input is what should have come of the one before; and at the end a dot, where the pen has left. */
const sequence = (ink, points, told = true) => {
  const inputs = encodeAll(encoder, points);
  const targets = [...inputs.slice(1).map(input => input.slice(0, 3)), Float32Array.of(0, 0, 1)];
  if (told) for (const input of inputs) input[3 + known.indexOf(ink.label)] = 1;
  return { inputs, targets, ink };
};
const nats = model => {
  const trainer = createTrainer(model);
  const parts = { digits: digits.filter(ink => heldOut.includes(ink.writer)), letters: readLetters('dev').map(larger) };
  return Object.entries(parts).map(([name, inks]) => {
    const { loss } = evaluate(
      trainer,
      inks.map(ink => sequence(ink, ink.points)),
    );
    return `${name} ${loss.toFixed(3)}`;
  });
};

if (values.judge !== undefined) {
  console.log(`held out, nats an offset: ${nats(await loadModel(readFileSync(values.judge))).join(', ')}`);
  process.exit(0);
}

const random = createRandom(seed);
const some = digits.filter(({ writer }) => !heldOut.includes(writer)).filter(() => random.uniform() < each / 6000);
const sequences = [...some, ...letters].map(ink => sequence(ink, ink.points));
const model = await createModel(
  {
    input: encoder.input,
    layers: [{ cell: 'gru', size: units }],
    output: { kind: 'mixture', size: densities },
    encoder: encoder.config,
  },
  { seed },
);
const trainer = createTrainer(model, {
  maxGradientNorm: 5,
  optimizer: {
    kind: 'adam',
    rate,
    beta1: 0.9,
    schedule: { kind: 'linear', steps: epochs * Math.ceil(sequences.length / batch), final: 0.01 },
  },
});
console.log(`${sequences.length} drawings, ${sequences.reduce((sum, { inputs }) => sum + inputs.length, 0)} offsets`);
const begin = performance.now();
await fit(trainer, sequences, {
  epochs,
  batch,
  seed,
  augment: ({ ink }, r) =>
    sequence(
      ink,
      vary(ink.points, r, { size: 1.15, aspect: 0.1, slant: 0.12, turn: 0.06, bend: 0.05, late: 0 }),
      r.uniform() > 0.1,
    ),
  onEpoch({ number, loss }) {
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(`epoch ${number} of ${epochs}: ${loss.toFixed(4)} nats an offset (${seconds} s)`);
    if (number % 5 === 0) writeFileSync(values.out, saveModel(model));
  },
});
writeFileSync(values.out, saveModel(model));
console.log(`${values.out}: held out, nats an offset: ${nats(model).join(', ')}`);
