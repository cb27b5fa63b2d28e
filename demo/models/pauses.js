// What speech.train.js learns from and is judged by: words with pauses, noise alone, and meetings whose pauses are known.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEncoder, readDigits, readWav, root, settings, shared } from './spoken.js';

const { frame, hop, rate } = settings;
export const band = { low: 80, high: 3600 };

const plain = createEncoder({
  ...settings,
  ...band,
  features: 'log-mel',
  bands: 1,
  coefficients: 1,
  floor: 1e-12,
  clamp: 1e6,
  span: 1e15,
  statistics: [{ count: 1e14, mean: 0, variance: 1 }],
});
/** Power of each frame, in decibels. */
export const levels = sound => plain.encode(plain.initial(), sound).inputs.map(([value]) => (10 / Math.LN10) * value);
/** What a tenth of the values stay below. */
export const quietest = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 10)];

function scaled(samples, deviation) {
  const now = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
  return samples.map(x => (x * deviation) / (now || 1));
}

/** Decibels below its loudest 10 ms where a word begins and ends. */
const faint = 35;
const piece = 80;
/** The word of a recording, without what is before and after it; as loud as all others. */
function wordOf(samples) {
  const powers = Array.from({ length: Math.floor(samples.length / piece) }, (_, i) =>
    samples.subarray(i * piece, (i + 1) * piece).reduce((sum, x) => sum + x * x, 0),
  );
  const least = Math.max(...powers) * 10 ** (-faint / 10);
  const first = powers.findIndex(power => power > least);
  const last = powers.findLastIndex(power => power > least);
  return scaled(Float64Array.from(samples.subarray(first * piece, (last + 1) * piece)), 1);
}

export const readWords = () =>
  readDigits(join(shared, 'audio/fsdd')).map(({ speaker, samples }) => ({ speaker, samples: wordOf(samples) }));

/** Noise of some deviation: white, or duller, at times with the hum of the mains. */
export function noiseOf(length, deviation, random) {
  const dull = random.uniform() < 0.4 ? 0 : 0.97 * random.uniform();
  const hum = random.uniform() < 0.3 ? 2 * random.uniform() : 0;
  const turn = (2 * Math.PI * [50, 60, 100, 120][random.integer(4)]) / rate;
  const fresh = Math.sqrt(1 - dull * dull);
  let last = 0;
  const samples = Float32Array.from({ length }, (_, n) => {
    last = dull * last + random.normal();
    return last * fresh + (hum === 0 ? 0 : hum * (Math.sin(turn * n) + 0.5 * Math.sin(3 * turn * n)));
  });
  return scaled(samples, deviation);
}

/** The same word faster and higher, or slower and lower. */
function bent(samples, factor) {
  return Float64Array.from({ length: Math.floor((samples.length - 1) / factor) }, (_, n) => {
    const before = Math.floor(n * factor);
    return samples[before] + (samples[before + 1] - samples[before]) * (n * factor - before);
  });
}

/** Seconds of a pause that has no label: less than the stop of a consonant takes. */
const stop = 0.12;
/** Deviation of the samples of a word of usual loudness. */
const usual = 0.1;
/** Seconds of nobody before the words that are learned. */
const rest = 2;

/**
 * Sixteen seconds of words of one speaker with pauses of 0.05 to 1.5 seconds, now and then of up to six, and noise under all of it, 15
 * to 60 dB below the words, or none. A frame of a word that is below the noise has no label.
 *
 * @param before seconds of the noise alone that come first; most of them move the statistics, and are not learned
 */
export function sayWords(words, random, before = 0) {
  const first = before * rate;
  const length = first + 16 * rate;
  const { speaker } = words[random.integer(words.length)];
  const theirs = words.filter(word => word.speaker === speaker);
  const loudness = usual * Math.exp(0.8 * random.normal());
  const clean = new Float32Array(length);
  const marks = new Int8Array(length);
  for (let at = first; ; ) {
    const pause = random.uniform() < 0.08 ? 6 * random.uniform() : 0.05 * 30 ** random.uniform();
    const word = bent(theirs[random.integer(theirs.length)].samples, Math.exp(0.12 * random.normal()));
    const begin = at + Math.round(pause * rate);
    if (begin + word.length >= length) break;
    if (at > first && pause < stop) marks.fill(-1, at, begin);
    at = begin + word.length;
    marks.fill(1, begin, at);
    clean.set(scaled(word, loudness * Math.exp(0.3 * random.normal())), begin);
  }
  const below = 10 ** (-(15 + 45 * random.uniform()) / 20);
  const noise = noiseOf(length, random.uniform() < 0.25 ? 0 : loudness * below, random);
  const under = levels(noise);
  const targets = levels(clean).map((level, t) => {
    const mark = marks[t * hop + frame / 2];
    return mark < 0 || (mark > 0 && level < under[t]) ? null : mark;
  });
  const from = Math.max(0, Math.floor((first - rest * rate) / hop));
  return { sound: clean.map((x, n) => x + noise[n]), targets, from };
}

/** Nobody: noise 100 to 34 dB below full scale, or none at all; one of them may give way to another. */
export function sayNothing(random, seconds) {
  const length = seconds * rate;
  const draw = () => noiseOf(length, random.uniform() < 0.2 ? 0 : 1e-5 * 2000 ** random.uniform(), random);
  const [one, other, change] = [draw(), draw(), random.integer(2 * length)];
  const sound = one.map((x, n) => (n < change ? x : other[n]));
  return { sound, targets: levels(sound).map(() => 0), from: 0 };
}

/** Decibels above the quietest tenth of a meeting: nobody speaks below the first, whatever its turns say, somebody may above the second. */
const doubt = { from: 12, to: 18 };
/** Frames of a pause within a turn, at least: a tenth of a second. */
const least = 6;

/**
 * A meeting of audio/vad. Of each frame: whether its middle is in a turn (`turns`), the same with the pauses within turns as silence
 * (`pauses`), and what is learned (`targets`): as `pauses`, where the level agrees.
 */
export function readMeeting(name) {
  const sound = readWav(readFileSync(join(shared, 'audio/vad', name === 'trn08' ? 'trn08-pcm16.wav' : `${name}.wav`)));
  const spans = readFileSync(join(shared, 'audio/vad/labels.rttm'), 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split(/\s+/))
    .filter(turn => turn[1] === name)
    .map(turn => [Number(turn[3]), Number(turn[3]) + Number(turn[4])]);
  const found = levels(sound);
  const base = quietest(found);
  const turns = found.map((_, t) => {
    const middle = (t * hop + frame / 2) / rate;
    return spans.some(([from, to]) => middle >= from && middle < to) ? 1 : 0;
  });
  const pauses = [...turns];
  for (const [from, to] of runs(found.map(level => level < base + doubt.from)))
    if (to - from >= least) pauses.fill(0, from, to);
  const targets = pauses.map((target, t) => {
    const agrees = target === 1 ? found[t] >= base + doubt.to : found[t] < base + doubt.from;
    return agrees ? target : null;
  });
  return { name, sound, turns, pauses, targets, from: 0 };
}

/** The example of the page Listen, and the half second of silence that follows it there: words are within 35 dB of the loudest frame. */
export function readExample() {
  const { samples } = readWav(readFileSync(join(root, 'demo/listen/example.wav')));
  const sound = new Int16Array(samples.length + rate / 2);
  sound.set(samples);
  const found = levels(sound);
  const most = Math.max(...found);
  const targets = found.map(level => (level > most - faint ? 1 : level > most - 60 ? null : 0));
  return { sound, targets, from: 0 };
}

/** From where to where a list is true. */
export function runs(list) {
  const found = [];
  let from = -1;
  for (let t = 0; t <= list.length; t++) {
    if (list[t] && from < 0) from = t;
    if (!list[t] && from >= 0) {
      found.push([from, t]);
      from = -1;
    }
  }
  return found;
}

/** Frames of 0.3 s. */
const long = Math.round((0.3 * rate) / hop);
/** Of the frames of speech those that are lit, and of the frames of pauses, longer than 0.3 s and shorter, those that are dark. */
export function sharesOf(clips, say, lit, dark) {
  const counts = { speech: [0, 0], long: [0, 0], short: [0, 0] };
  for (const { sound, targets, from } of clips) {
    const said = say(sound);
    const count = (name, fits) => {
      counts[name][0] += fits ? 1 : 0;
      counts[name][1]++;
    };
    targets.forEach((target, t) => {
      if (t >= from && target === 1) count('speech', said[t] > lit);
    });
    for (const [first, end] of runs(targets.map((target, t) => t >= from && target === 0)))
      for (let t = first; t < end; t++) count(end - first > long ? 'long' : 'short', said[t] < dark);
  }
  return Object.fromEntries(Object.entries(counts).map(([name, [some, all]]) => [name, some / all]));
}
