// What spoken-digits.train.js, digit-strings.train.js and speech.train.js have in common: sound from files, and what it may have sounded like.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const dist = join(root, 'dist', 'src');
export const {
  createEncoder,
  createModel,
  createRandom,
  createTrainer,
  createTranscriber,
  loadModel,
  readWav,
  saveModel,
} = await import(join(dist, 'index.js'));
const { createLogMel } = await import(join(dist, 'encoders', 'log-mel.js'));
const { deviation, limit, observe } = await import(join(dist, 'encoders', 'statistics.js'));
export const { editDistance } = await import(join(dist, 'training', 'edit-distance.js'));

export const shared = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');

/** Frames of 32 ms, 16 ms apart: half as many steps as usual, and no harmonics of a low voice between the bands. */
export const settings = {
  kind: 'audio',
  features: 'mfcc',
  rate: 8000,
  frame: 256,
  hop: 128,
  bands: 25,
  coefficients: 13,
  low: 80,
  high: 4000,
  floor: 1e-5,
  span: 80,
};
const { bands, coefficients, frame, hop, floor } = settings;
const clamp = 6;
/** Frames that the statistics of the training part count for: a new speaker is heard after as many. */
const known = 15;

const mel = createLogMel({ ...createEncoder(settings).config, features: 'log-mel', floor: 1e-10 });

/** Rows of log-mel features, of what is below the floor of the encoder too. */
export function melFrames(samples) {
  const floats = Float64Array.from(samples, x => (samples instanceof Int16Array ? x / 32768 : x));
  const rows = [];
  for (let first = 0; first + frame <= floats.length; first += hop) {
    const row = new Float64Array(bands);
    mel.features(floats, first, row);
    rows.push(row);
  }
  return rows;
}

const waves = Array.from({ length: coefficients }, (_, j) =>
  Float64Array.from(
    { length: bands },
    (_, i) => Math.sqrt((j === 0 ? 1 : 2) / bands) * Math.cos((Math.PI * j * (i + 0.5)) / bands),
  ),
);
const least = Math.log(floor);
function cepstrum(row) {
  const values = new Float64Array(coefficients);
  for (let j = 0; j < coefficients; j++)
    for (let i = 0; i < bands; i++) values[j] += waves[j][i] * Math.max(row[i], least);
  return values;
}

/** Statistics of the features of some sounds, as an encoder begins with them. */
export function statisticsOf(sounds) {
  const rows = sounds.flatMap(({ mel }) => mel.map(cepstrum));
  return waves.map((_, j) => {
    const mean = rows.reduce((sum, row) => sum + row[j], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[j] - mean) ** 2, 0) / rows.length;
    return { count: known, mean, variance };
  });
}

/** Log-mel rows as the encoder of these statistics would give them to the network. */
export function features(rows, statistics) {
  const columns = [...statistics];
  return rows.map(row => {
    const values = cepstrum(row);
    return Float32Array.from(values, (value, j) => {
      const column = observe(columns[j], value, clamp, settings.span);
      columns[j] = column;
      return limit((value - column.mean) / deviation(column), -clamp, clamp);
    });
  });
}

/** The files of a folder, `{digit}_{speaker}_{number}.wav`. */
export function readDigits(folder) {
  return readdirSync(folder)
    .filter(name => name.endsWith('.wav'))
    .sort()
    .map(name => {
      const [digit, speaker] = name.split('_');
      const { samples } = readWav(readFileSync(join(folder, name)));
      const mel = melFrames(samples);
      return { digit: Number(digit), speaker, samples, mel, loudness: loudnessOf(mel) };
    });
}

export function shuffle(list, random) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** What nineteen in twenty of the values do not exceed: how loud the recording is. */
function loudnessOf(rows) {
  const values = Float64Array.from(rows.flatMap(row => [...row])).sort();
  return values[Math.floor(0.95 * values.length)];
}

const drawn = createRandom(1);
const normals = Float64Array.from({ length: 65_536 }, () => drawn.normal());
/** Normal noise, from a place that is drawn in a long row of it: a number of its own each time takes longer than all else. */
function noiseFrom(random) {
  let at = random.integer(normals.length);
  return () => {
    at = (at + 1) % normals.length;
    return normals[at];
  };
}

/** How loud recordings are. */
const usual = 0.5;

/** What a room and a microphone do: how loud the sound is there, a curve over the bands, and noise under it. */
export function drawPlace(random) {
  const [tilt, bow, wave] = [random.normal(), random.normal() / 2, random.normal() / 2];
  const level = usual + 2 * random.normal();
  const curve = Float64Array.from({ length: bands }, (_, i) => {
    const x = i / bands;
    return level + tilt * (x - 0.5) + bow * Math.cos(2 * Math.PI * x) + wave * Math.cos(3 * Math.PI * x);
  });
  const noise = level - 6 - 8 * random.uniform();
  const [slope, hollow] = [3 * random.normal(), 1.5 * random.normal()];
  const under = curve.map((_, i) => noise + slope * (i / bands - 0.5) + hollow * Math.cos((2 * Math.PI * i) / bands));
  const normal = noiseFrom(random);
  /** One row of noise, in the log of the power. */
  const silence = () => under.map(value => value + 0.8 * normal());
  return { curve, silence };
}

/**
 * The same word as another might have said it: faster or slower, with other formants (bands moved along the scale), a part of how
 * a further speaker said it, in some place.
 */
export function say({ mel: rows, loudness, digit }, others, random, { curve, silence } = drawPlace(random)) {
  const uniform = size => size * (2 * random.uniform() - 1);
  const other = random.uniform() < 0.3 ? others[digit][random.integer(others[digit].length)] : undefined;
  const share = other ? 0.5 * random.uniform() : 0;
  const length = Math.max(5, Math.round(rows.length * (1 + uniform(0.28))));
  const bend = uniform(0.1) * rows.length;
  const [shift, one, two] = [uniform(1.5), random.normal(), random.normal() / 2];
  const places = Float64Array.from({ length: bands }, (_, i) =>
    limit(i + shift + one * Math.sin((Math.PI * i) / bands) + two * Math.sin((2 * Math.PI * i) / bands), 0, bands - 1),
  );
  return Array.from({ length }, (_, t) => {
    const x = t / (length - 1);
    const at = x * (rows.length - 1) + bend * Math.sin(Math.PI * x);
    const value = between(rows, at);
    const second = other && between(other.mel, (at / Math.max(1, rows.length - 1)) * (other.mel.length - 1));
    return silence().map((under, i) => {
      let over = value(places[i]) - loudness;
      if (second) over += (second(places[i]) - other.loudness - over) * share;
      return sumOfPowers(over + curve[i], under);
    });
  });
}

/** ln(e^a + e^b). */
function sumOfPowers(a, b) {
  const apart = Math.abs(a - b);
  return Math.max(a, b) + (apart < 12 ? Math.log1p(Math.exp(-apart)) : 0);
}

/** What lies at a time between two rows, at each place between two bands. */
function between(rows, time) {
  const at = limit(time, 0, rows.length - 1);
  const before = Math.floor(at);
  const [a, b, part] = [rows[before], rows[Math.min(rows.length - 1, before + 1)], at - before];
  return place => {
    const low = Math.min(bands - 2, Math.floor(place));
    const [first, next] = [a[low] + (b[low] - a[low]) * part, a[low + 1] + (b[low + 1] - a[low + 1]) * part];
    return first + (next - first) * (place - low);
  };
}

/** Features with some left out, and noise on the others: nothing may hang on a single one. */
export function worn(rows, random, noise = 0.4) {
  const [from, wide] = [random.integer(coefficients), random.integer(4)];
  const [begin, long] = [random.integer(rows.length), random.integer(5)];
  const normal = noiseFrom(random);
  return rows.map((row, t) =>
    row.map((value, j) =>
      (t >= begin && t < begin + long) || (j >= from && j < from + wide) ? 0 : value + noise * normal(),
    ),
  );
}
