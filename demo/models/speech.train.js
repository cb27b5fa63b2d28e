// Trains the model `speech`: whether somebody speaks, frame by frame.
//
//   node demo/models/speech.train.js                      the model, from all words and meetings; noise alone, and the example of the page
//   node demo/models/speech.train.js --without dev00      how well it does on a meeting that it does not know, beside the energy
//   node demo/models/speech.train.js --without theo       how well it does on words of a speaker that it does not know, beside the energy
//   node demo/models/speech.train.js --judge <file>       no learning: what a network that is there says, with or without --without
//
// Data: audio/vad (two meetings of 30 s with their turns) and audio/fsdd under `../shared/data` (or EDDY_SHARED).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMean } from './mean.js';
import {
  band,
  levels,
  noiseOf,
  quietest,
  readExample,
  readMeeting,
  readWords,
  runs,
  sayNothing,
  sayWords,
  sharesOf,
} from './pauses.js';
import {
  createEncoder,
  createModel,
  createRandom,
  createTrainer,
  loadModel,
  root,
  saveModel,
  settings,
} from './spoken.js';

const { values } = parseArgs({
  options: {
    without: { type: 'string' },
    judge: { type: 'string' },
    updates: { type: 'string', default: '1000' },
    hidden: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
const [updates, hidden, seed] = [values.updates, values.hidden, values.seed].map(Number);
const length = 250;
/** How often a window is of a meeting, and how often of noise alone; else it is of words with pauses. */
const share = { meetings: 0.2, nothing: 0.2 };
/** How often a window is the beginning of its stream: the statistics are not yet its own there. */
const beginnings = 0.3;

const isKnown = name => name !== values.without;
const clips = ['dev00', 'trn08'].map(readMeeting);
const meetings = clips.filter(({ name }) => isKnown(name));
const recordings = readWords();
const words = recordings.filter(({ speaker }) => isKnown(speaker));
if (values.without !== undefined && meetings.length === clips.length && words.length === recordings.length)
  throw new Error(`Expected --without to be a meeting or a speaker, got ${values.without}`);
const random = createRandom(seed);
/** One in three begins after up to a minute and a half of nobody. */
const strings = Array.from({ length: 80 }, (_, i) => sayWords(words, random, i % 3 < 2 ? 0 : random.integer(90)));

/** Log-mel features of a band each 40 ms or so of the voice, with statistics of ten seconds. */
const config = { ...settings, ...band, features: 'log-mel', bands: 20, floor: 1e-6, span: 600 };

/** Means and deviations over all frames of some sounds, before any standardisation. */
function statisticsOf(sounds) {
  const plain = createEncoder({
    ...config,
    clamp: 1e6,
    span: 1e15,
    statistics: Array.from({ length: config.bands }, () => ({ count: 1e14, mean: 0, variance: 1 })),
  });
  const rows = sounds.flatMap(sound => plain.encode(plain.initial(), sound).inputs);
  return Array.from({ length: config.bands }, (_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    return { count: 100, mean, variance: rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / rows.length };
  });
}

/** The sound louder or softer, with noise: what it is stays. */
function moved({ rate: hertz, samples }) {
  const gain = Math.exp(1.2 * random.normal());
  const noise = Math.exp(-9 + 3.5 * random.uniform());
  const unit = samples instanceof Int16Array ? 32768 : 1;
  return { rate: hertz, samples: Float32Array.from(samples, x => (x / unit) * gain + noise * random.normal()) };
}

async function learn() {
  const nothing = Array.from({ length: 24 }, (_, i) => sayNothing(random, i % 3 < 2 ? 16 : 120));
  const copies = meetings.flatMap(clip => [
    clip,
    ...Array.from({ length: 3 }, () => ({ ...clip, sound: moved(clip.sound) })),
  ]);
  const statistics = statisticsOf([...meetings, ...strings.slice(0, 4 * meetings.length)].map(({ sound }) => sound));
  const encoder = createEncoder({ ...config, statistics });
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
  const heard = ({ sound, targets, from }) => ({
    inputs: encoder.encode(encoder.initial(), sound).inputs.slice(from),
    targets: targets.slice(from),
  });
  const kinds = { meetings: copies.map(heard), nothing: nothing.map(heard), strings: strings.map(heard) };
  const mean = createMean();
  let sum = 0;
  for (let update = 1; update <= updates; update++) {
    const windows = Array.from({ length: 8 }, () => {
      const draw = random.uniform();
      const some =
        draw < share.meetings ? kinds.meetings : draw < share.meetings + share.nothing ? kinds.nothing : kinds.strings;
      const { inputs, targets } = some[random.integer(some.length)];
      const first = random.uniform() < beginnings ? 0 : random.integer(inputs.length - length);
      return {
        carry: model.zeroCarry(),
        inputs: inputs.slice(first, first + length).map(row => row.map(value => value + 0.3 * random.normal())),
        targets: targets.slice(first, first + length),
      };
    });
    sum += trainer.learnMany(windows).loss;
    if (update > 0.7 * updates) mean.add(model.weights());
    if (update % 500 === 0) {
      console.log(`update ${update}  loss ${(sum / 500).toFixed(4)}`);
      sum = 0;
    }
  }
  model.setWeights(mean.weights());
  return model;
}

const model = values.judge ? await loadModel(readFileSync(values.judge)) : await learn();
if (!values.judge) {
  const out = values.out ?? (values.without ? undefined : join(root, 'demo/models/speech.safetensors'));
  if (out) writeFileSync(out, saveModel(model));
}

/** What the network says of each frame. */
function say(sound) {
  const encoder = createEncoder(model.config.encoder);
  let carry = model.zeroCarry();
  return encoder.encode(encoder.initial(), sound).inputs.map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return step.prediction[1];
  });
}
/** Decibels of each frame above the quietest tenth of all of them, later ones too: the network hears it as it comes. */
function energy(sound) {
  const found = levels(sound);
  const base = quietest(found);
  return found.map(value => value - base);
}

const part = (list, fits) => list.filter(fits).length / list.length;
/** Mean of the parts of speech and of silence that are right, by values above a threshold. */
function balanced(rows, threshold) {
  const right = kind =>
    part(
      rows.filter(([, target]) => target === kind),
      ([value]) => (value > threshold ? 1 : 0) === kind,
    );
  return (right(0) + right(1)) / 2;
}
/** How often a frame of speech has a larger value than one of silence: 0.5 is chance. */
function areaUnder(rows) {
  const order = [...rows].sort((a, b) => a[0] - b[0]);
  let [silent, sum] = [0, 0];
  for (const [, target] of order) {
    if (target) sum += silent;
    else silent++;
  }
  return sum / silent / (order.length - silent);
}
/** The threshold of the energy that does best on what is known. */
function tune(known, kind) {
  const rows = known.flatMap(clip => energy(clip.sound).map((value, t) => [value, clip[kind][t]]));
  const thresholds = Array.from({ length: 100 }, (_, i) => i / 2);
  return thresholds.reduce((best, one) => (balanced(rows, one) > balanced(rows, best) ? one : best), 0);
}
const percent = value => `${(100 * value).toFixed(1)} %`;
const show = (rows, threshold) => {
  const right = part(rows, ([value, target]) => (value > threshold ? 1 : 0) === target);
  return `balanced ${percent(balanced(rows, threshold))}, of frames ${percent(right)}, area under the curve ${areaUnder(rows).toFixed(3)}`;
};
const strip = (some, heard, lit, dark) => {
  const { speech, long, short } = sharesOf(some, heard, lit, dark);
  return `speech lit ${percent(speech)}, pauses longer than 0.3 s dark ${percent(long)}, shorter ones ${percent(short)}`;
};

for (const clip of clips.filter(({ name }) => !isKnown(name)))
  for (const kind of ['turns', 'pauses']) {
    const rows = heard => heard(clip.sound).map((value, t) => [value, clip[kind][t]]);
    const threshold = tune(meetings, kind);
    console.log(`without ${clip.name}, ${kind}: ${show(rows(say), 0.5)}`);
    console.log(`  energy above ${threshold} dB, tuned on the other: ${show(rows(energy), threshold)}`);
  }

const unheard = recordings.filter(({ speaker }) => !isKnown(speaker));
if (unheard.length > 0) {
  const drawn = createRandom(1000);
  const threshold = tune(strings, 'targets');
  for (const before of [0, 60]) {
    const said = Array.from({ length: 12 }, () => sayWords(unheard, drawn, before));
    console.log(`without ${values.without}, after ${before} s of nobody: ${strip(said, say, 0.5, 0.3)}`);
    console.log(`  energy above ${threshold} dB, tuned on the others: ${strip(said, energy, threshold, threshold)}`);
  }
}

if (values.without === undefined) {
  const example = readExample();
  console.log(`the example: ${strip([example], say, 0.5, 0.3)}`);
  const said = say(example.sound);
  const pauses = runs(example.targets.map(target => target === 0));
  const dark = pauses.map(
    ([from, to]) =>
      `${((to - from) * 0.016).toFixed(2)} s ${percent(part(said.slice(from, to), value => value < 0.3))}`,
  );
  console.log(`  its pauses: ${dark.join(', ')}`);
  const drawn = createRandom(2000);
  for (const deviation of [0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2]) {
    const noises = [10, 10, 10, 10, 10, 10, 120].map(seconds => say(noiseOf(8000 * seconds, deviation, drawn)));
    const all = noises.flat();
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    console.log(
      `noise of deviation ${deviation}: mean ${mean.toFixed(3)}, dark ${percent(part(all, value => value < 0.3))}`,
    );
  }
}
