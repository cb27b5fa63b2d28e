// Trains the model `speech`: whether somebody speaks, frame by frame.
//
//   node demo/models/speech.train.js                      the model, from all clips
//   node demo/models/speech.train.js --without dev00      how well it does on a clip that it does not know, beside the energy
//
// Data: audio/vad (two meetings of 30 s with their turns) and audio/fsdd-stream under `../shared/data` (or EDDY_SHARED).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMean } from './mean.js';
import {
  createEncoder,
  createModel,
  createRandom,
  createTrainer,
  readWav,
  root,
  saveModel,
  settings,
  shared,
} from './spoken.js';

const { values } = parseArgs({
  options: {
    without: { type: 'string' },
    updates: { type: 'string', default: '150' },
    hidden: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: join(root, 'demo/models/speech.safetensors') },
  },
});
const [updates, hidden, seed] = [values.updates, values.hidden, values.seed].map(Number);
const { frame, hop, rate } = settings;
const length = 250;

const read = path => readWav(readFileSync(join(shared, 'audio', path)));
const turns = readFileSync(join(shared, 'audio/vad/labels.rttm'), 'utf8')
  .trim()
  .split('\n')
  .map(line => line.split(/\s+/));
const meeting = name =>
  turns.filter(turn => turn[1] === name).map(turn => [Number(turn[3]), Number(turn[3]) + Number(turn[4])]);
const words = readFileSync(join(shared, 'audio/fsdd-stream/stream1.csv'), 'utf8').trim().split('\n').slice(1);
const clips = [
  { name: 'dev00', sound: read('vad/dev00.wav'), speech: meeting('dev00') },
  { name: 'trn08', sound: read('vad/trn08-pcm16.wav'), speech: meeting('trn08') },
  {
    name: 'stream1',
    sound: read('fsdd-stream/stream1.wav'),
    speech: words.map(line =>
      line
        .split(',')
        .slice(0, 2)
        .map(sample => Number(sample) / 8000),
    ),
  },
];

/** Log-mel features of a band each 40 ms or so of the voice, with statistics of ten seconds. */
const config = { ...settings, features: 'log-mel', bands: 20, high: 3600, floor: 1e-6, span: 600 };

/** Frames, and whether the middle of each is in a turn. */
function framesOf({ sound, speech }, encoder) {
  const { inputs } = encoder.encode(encoder.initial(), sound);
  const targets = inputs.map((_, t) => {
    const middle = (t * hop + frame / 2) / rate;
    return speech.some(([from, to]) => middle >= from && middle < to) ? 1 : 0;
  });
  return { inputs, targets };
}

/** Means and deviations over all frames of some clips, before any standardisation. */
function statisticsOf(some) {
  const plain = createEncoder({
    ...config,
    clamp: 1e6,
    span: 1e15,
    statistics: Array.from({ length: config.bands }, () => ({ count: 1e14, mean: 0, variance: 1 })),
  });
  const rows = some.flatMap(clip => plain.encode(plain.initial(), clip.sound).inputs);
  return Array.from({ length: config.bands }, (_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    return { count: 100, mean, variance: rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / rows.length };
  });
}

const known = clips.filter(({ name }) => name !== values.without);
const heldOut = clips.filter(({ name }) => name === values.without);
const clipsOfMeetings = known.filter(({ name }) => name !== 'stream1');
const statistics = statisticsOf(clipsOfMeetings.length > 0 ? clipsOfMeetings : known);
const encoder = createEncoder({ ...config, statistics });
const random = createRandom(seed);
const model = await createModel(
  {
    input: encoder.input,
    layers: [{ cell: 'gru', size: hidden }],
    output: { kind: 'classes', size: 2 },
    encoder: { ...encoder.config },
    labels: ['silence', 'speech'],
  },
  { seed },
);
const trainer = createTrainer(model, {
  optimizer: { kind: 'adam', rate: 0.004, beta1: 0.9, schedule: { kind: 'linear', steps: updates, final: 0.1 } },
});

/** The sound louder or softer, with noise: what it is stays. */
function moved({ rate: hertz, samples }) {
  const gain = Math.exp(1.2 * random.normal());
  const noise = Math.exp(-9 + 3.5 * random.uniform());
  const unit = samples instanceof Int16Array ? 32768 : 1;
  return { rate: hertz, samples: Float32Array.from(samples, x => (x / unit) * gain + noise * random.normal()) };
}
const copies = known.flatMap(clip => [
  clip,
  ...Array.from({ length: 3 }, () => ({ ...clip, sound: moved(clip.sound) })),
]);
const sequences = copies.map(clip => framesOf(clip, encoder));
const meetings = sequences.filter((_, i) => copies[i].name !== 'stream1');
const mean = createMean();
for (let update = 1; update <= updates; update++) {
  const windows = Array.from({ length: 8 }, () => {
    // The turns of a meeting have pauses, the words of the stream have none: mostly those of a meeting are learned.
    const some = random.uniform() < 0.85 && meetings.length > 0 ? meetings : sequences;
    const { inputs, targets } = some[random.integer(some.length)];
    const first = random.integer(inputs.length - length);
    return {
      carry: model.zeroCarry(),
      inputs: inputs.slice(first, first + length).map(row => row.map(value => value + 0.3 * random.normal())),
      targets: targets.slice(first, first + length),
    };
  });
  const { loss } = trainer.learnMany(windows);
  if (update > 0.7 * updates) mean.add(model.weights());
  if (update % 100 === 0) console.log(`update ${update}  loss ${loss.toFixed(4)}`);
}
model.setWeights(mean.weights());

/** Of frames, and of those that are speech: found, and truly so. */
function score(said, targets) {
  let [right, found, claimed, speech] = [0, 0, 0, 0];
  said.forEach((one, t) => {
    if (one === targets[t]) right++;
    if (one && targets[t]) found++;
    if (one) claimed++;
    if (targets[t]) speech++;
  });
  const f1 = (2 * found) / (claimed + speech);
  return { right: right / said.length, f1, speech: speech / said.length };
}
/** How often a frame of speech has a larger value than one of silence: 0.5 is chance. */
function areaUnder(values, targets) {
  const order = values.map((value, t) => [value, targets[t]]).sort((a, b) => a[0] - b[0]);
  let [silent, sum] = [0, 0];
  for (const [, target] of order) {
    if (target) sum += silent;
    else silent++;
  }
  return (sum / silent / (targets.length - silent)).toFixed(3);
}
const show = ({ right, f1 }) => `${(100 * right).toFixed(1)} % of frames, F1 ${f1.toFixed(3)}`;

/** ln of the power of each frame. */
const energies = ({ sound }) => {
  const plain = createEncoder({
    ...config,
    bands: 1,
    coefficients: 1,
    floor: 1e-12,
    clamp: 1e6,
    span: 1e15,
    statistics: [{ count: 1e14, mean: 0, variance: 1 }],
  });
  return plain.encode(plain.initial(), sound).inputs.map(([value]) => value);
};
/** The threshold that does best on the clips that are known, each less its own quietest tenth. */
function tune() {
  const rows = known.flatMap(clip => {
    const values = energies(clip);
    const base = [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)];
    const { targets } = framesOf(clip, encoder);
    return values.map((value, t) => [value - base, targets[t]]);
  });
  const thresholds = Array.from({ length: 120 }, (_, i) => i / 10);
  const rate = threshold =>
    score(
      rows.map(([value]) => (value > threshold ? 1 : 0)),
      rows.map(([, target]) => target),
    ).right;
  return thresholds.reduce((best, one) => (rate(one) > rate(best) ? one : best), 0);
}

if (heldOut.length > 0) {
  const [clip] = heldOut;
  const { inputs, targets } = framesOf(clip, encoder);
  let carry = model.zeroCarry();
  const said = inputs.map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return step.prediction[1];
  });
  const values = energies(clip);
  const base = [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)];
  const threshold = tune();
  console.log(
    `without ${clip.name}: ${show(
      score(
        said.map(p => (p > 0.5 ? 1 : 0)),
        targets,
      ),
    )}, area under the curve ${areaUnder(said, targets)}`,
  );
  console.log(
    `energy above a threshold of ${threshold}, tuned on the others: ${show(
      score(
        values.map(value => (value - base > threshold ? 1 : 0)),
        targets,
      ),
    )}, area under the curve ${areaUnder(values, targets)}`,
  );
  console.log(
    `always speech: ${show(
      score(
        targets.map(() => 1),
        targets,
      ),
    )}`,
  );
} else writeFileSync(values.out, saveModel(model));
