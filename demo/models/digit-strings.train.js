// Trains the model `digit-strings`: the digits that are said one after the other, by connectionist temporal classification: no frame of the
// strings has a label.
//
//   node demo/models/digit-strings.train.js                     the model, from all speakers
//   node demo/models/digit-strings.train.js --without theo --from theo.safetensors
//                                                               label errors on strings of a speaker that it does not know
//
// It begins with the weights of `spoken-digits` (--from; of a network of its own kind it goes on), which were learned from the same speakers: `spoken-digits.train.js --without theo --out ...`.
//
// Data: audio/fsdd under `../shared/data` (or EDDY_SHARED), joined here; with --voices <folder> also those that voices.js has written.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMean } from './mean.js';
import {
  createEncoder,
  createModel,
  createRandom,
  createTrainer,
  createTranscriber,
  drawPlace,
  editDistance,
  features,
  loadModel,
  readDigits,
  readWav,
  root,
  saveModel,
  say,
  settings,
  shared,
  statisticsOf,
  worn,
} from './spoken.js';

const { values } = parseArgs({
  options: {
    without: { type: 'string' },
    voices: { type: 'string' },
    from: { type: 'string' },
    updates: { type: 'string', default: '1900' },
    hidden: { type: 'string', default: '192' },
    rate: { type: 'string', default: '0.004' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: join(root, 'demo/models/digit-strings.safetensors') },
  },
});
const [updates, hidden, seed] = [values.updates, values.hidden, values.seed].map(Number);
const batch = 16;
/** The share of digits that real speakers say. */
const real = 0.6;
const blank = 10;

const all = readDigits(join(shared, 'audio/fsdd'));
const heldOut = all.filter(one => one.speaker === values.without);
const known = all.filter(one => one.speaker !== values.without);
const voices = values.voices === undefined ? [] : readDigits(values.voices);
const others = Array.from({ length: 10 }, (_, digit) => [...known, ...voices].filter(one => one.digit === digit));

const statistics = statisticsOf(known);
const encoder = createEncoder({ ...settings, statistics });
const model = await createModel(
  {
    input: encoder.input,
    layers: [{ cell: 'gru', size: hidden }],
    output: { kind: 'classes', size: 11 },
    encoder: { ...encoder.config },
    labels: [...'0123456789', ''],
  },
  { seed },
);
const first = (
  await loadModel(readFileSync(values.from ?? join(root, 'demo/models/spoken-digits.safetensors')))
).weights();
const width = hidden;
const again = first['readout.bias'].length === 11;
// It says what `spoken-digits` says, and nothing where that is not sure.
const unsure = 5;
model.setWeights({
  ...first,
  'readout.weight': Float32Array.from({ length: 11 * width }, (_, i) => first['readout.weight'][i] ?? 0),
  'readout.bias': Float32Array.from({ length: 11 }, (_, i) => first['readout.bias'][i] ?? unsure),
});
/** The readout learns alone at first: what the layer has learned is not lost while the blank is new. */
const alone = again ? 0 : Math.round(updates / 4);
const cell = Object.keys(model.weights()).filter(name => !name.startsWith('readout'));
const [readout, whole] = [
  { steps: Math.max(1, alone), rate: 0.01, freeze: cell },
  { steps: updates - alone, rate: Number(values.rate), freeze: [] },
].map(({ steps, rate, freeze }) =>
  createTrainer(model, {
    loss: { kind: 'ctc', blank },
    freeze,
    optimizer: { kind: 'adam', rate, beta1: 0.9, schedule: { kind: 'linear', steps, final: 0.1, warmup: 10 } },
  }),
);
const random = createRandom(seed);

/** Digits with gaps, in one place; some begin after a long silence. */
function drawString(most) {
  const place = drawPlace(random);
  const silence = frames => Array.from({ length: frames }, place.silence);
  const rows = silence(random.uniform() < 0.15 ? 40 + random.integer(120) : 2 + random.integer(20));
  const labels = [];
  const voice = random.uniform() < real || voices.length === 0 ? known : voices;
  const count = 1 + random.integer(most);
  while (labels.length < count) {
    const one = voice[random.integer(voice.length)];
    labels.push(one.digit);
    // Not all stand equally near.
    const near = { ...one, loudness: one.loudness + 1.5 * random.normal() };
    rows.push(...say(near, others, random, place), ...silence(2 + random.integer(25)));
  }
  const inputs = worn(features(rows, statistics), random, 0.3);
  return { carry: model.zeroCarry(), inputs, targets: inputs.map((_, t) => labels[t] ?? null) };
}

const mean = createMean();
console.log(
  `${known.length} recordings and ${voices.length} of synthetic voices to learn from, ${heldOut.length} to judge by`,
);
let loss = 0;
for (let update = 1; update <= updates; update++) {
  const most = update <= alone ? 2 : 5;
  loss +=
    (update <= alone ? readout : whole).learnMany(Array.from({ length: batch }, () => drawString(most))).loss / 50;
  if (update > 0.75 * updates) mean.add(model.weights());
  if (update % 50 === 0) {
    console.log(`update ${update}  loss ${loss.toFixed(4)} nats a label`);
    loss = 0;
  }
}
model.setWeights(mean.weights());

/** What is said in a sound, by prefix beam search. */
function hear(sound) {
  const transcriber = createTranscriber(11, { blank });
  const { inputs } = encoder.encode(encoder.initial(), sound);
  let [state, carry] = [transcriber.initial(), model.zeroCarry()];
  const said = inputs.flatMap(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    const read = transcriber.read(state, step.logits);
    state = read.state;
    return read.transcript.settled;
  });
  return [...said, ...transcriber.finish(state).settled];
}

if (heldOut.length > 0) {
  const judge = createRandom(99);
  let [errors, labels, whole] = [0, 0, 0];
  const strings = 60;
  for (let i = 0; i < strings; i++) {
    const digits = Array.from({ length: 5 }, () => heldOut[judge.integer(heldOut.length)]);
    // Gaps of 0.15 to 0.6 s, and noise of a deviation of 12 of 32,768, as in fsdd-stream.
    const gap = () => new Array(1200 + judge.integer(3600)).fill(0);
    const samples = [...gap(), ...digits.flatMap(({ samples }) => [...samples, ...gap()])];
    const truth = digits.map(({ digit }) => digit);
    const heard = hear(Int16Array.from(samples, sample => sample + 12 * judge.normal()));
    const wrong = editDistance(heard, truth);
    errors += wrong;
    labels += truth.length;
    if (wrong === 0) whole++;
  }
  console.log(
    `without ${values.without}: ${((100 * errors) / labels).toFixed(1)} % label errors in ${labels} digits, ${whole} of ${strings} strings whole`,
  );
} else {
  const folder = join(shared, 'audio/fsdd-stream');
  const truth = readFileSync(join(folder, 'stream1.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map(line => Number(line.split(',')[2]));
  const heard = hear(readWav(readFileSync(join(folder, 'stream1.wav'))));
  console.log(
    `fsdd-stream, whose words it has learned from: ${((100 * editDistance(heard, truth)) / truth.length).toFixed(1)} % label errors`,
  );
  writeFileSync(values.out, saveModel(model));
}
