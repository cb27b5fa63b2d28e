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
  bands: 24,
  coefficients: 13,
  low: 80,
  high: 3600,
  floor: 1e-3,
  span: 80,
};
const { bands, coefficients, frame, hop } = settings;
const clamp = 6;
/** Frames that the statistics of the training part count for: a new speaker is heard after as many. */
const known = 30;

const mel = createLogMel({ ...createEncoder(settings).config, features: 'log-mel' });

/** Rows of log-mel features. */
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
const cepstrum = row => waves.map(wave => wave.reduce((sum, w, i) => sum + w * row[i], 0));

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
  let columns = statistics;
  return rows.map(row => {
    const values = cepstrum(row);
    columns = columns.map((column, j) => observe(column, values[j], clamp, settings.span));
    return Float32Array.from(columns, (column, j) =>
      limit((values[j] - column.mean) / deviation(column), -clamp, clamp),
    );
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
      return { digit: Number(digit), speaker, samples, mel: melFrames(samples) };
    });
}

export function shuffle(list, random) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** The row at a place between two rows. */
function between(rows, place) {
  const at = limit(place, 0, rows.length - 1);
  const first = Math.floor(at);
  const [a, b] = [rows[first], rows[Math.min(rows.length - 1, first + 1)]];
  return a.map((value, i) => value + (b[i] - value) * (at - first));
}

/** What a room and a microphone do: a curve over the bands, and noise under the sound. */
export function drawPlace(random) {
  const [level, tilt, bow, wave] = [random.normal(), random.normal(), random.normal() / 2, random.normal() / 2];
  const curve = Array.from({ length: bands }, (_, i) => {
    const x = i / bands;
    return level + tilt * (x - 0.5) + bow * Math.cos(2 * Math.PI * x) + wave * Math.cos(3 * Math.PI * x);
  });
  const noise = -13 + 8.5 * random.uniform();
  const [slope, hollow] = [4 * random.normal(), 1.5 * random.normal()];
  /** One row of noise, in the log of the power. */
  const silence = () =>
    Float64Array.from(curve, (_, i) => {
      const x = i / bands;
      return noise + slope * (x - 0.5) + hollow * Math.cos(2 * Math.PI * x) + 0.8 * random.normal();
    });
  return { curve, silence };
}

/**
 * The same word as another might have said it: faster or slower, with other formants (bands moved along the scale), a part of how
 * a further speaker said it, in some place.
 */
export function say({ mel: rows, digit }, others, random, { curve, silence } = drawPlace(random)) {
  const uniform = size => size * (2 * random.uniform() - 1);
  const other = random.uniform() < 0.3 ? others[digit][random.integer(others[digit].length)].mel : undefined;
  const share = 0.5 * random.uniform();
  const length = Math.max(5, Math.round(rows.length * (1 + uniform(0.28))));
  const bend = uniform(0.1) * rows.length;
  const [shift, one, two] = [uniform(1.5), random.normal(), random.normal() / 2];
  const places = Array.from({ length: bands }, (_, i) =>
    limit(i + shift + one * Math.sin((Math.PI * i) / bands) + two * Math.sin((2 * Math.PI * i) / bands), 0, bands - 1),
  );
  return Array.from({ length }, (_, t) => {
    const x = t / (length - 1);
    const at = x * (rows.length - 1) + bend * Math.sin(Math.PI * x);
    let row = between(rows, at);
    if (other) {
      const second = between(other, (at / Math.max(1, rows.length - 1)) * (other.length - 1));
      row = row.map((value, i) => value + (second[i] - value) * share);
    }
    const noise = silence();
    return noise.map((under, i) => {
      const first = Math.floor(places[i]);
      const next = Math.min(bands - 1, first + 1);
      const over = row[first] + (row[next] - row[first]) * (places[i] - first) + curve[i];
      return Math.max(over, under) + Math.log1p(Math.exp(-Math.abs(over - under)));
    });
  });
}

/** Features with some left out, and noise on the others: nothing may hang on a single one. */
export function worn(rows, random, noise = 0.4) {
  const [from, wide] = [random.integer(coefficients), random.integer(4)];
  const [begin, long] = [random.integer(rows.length), random.integer(5)];
  return rows.map((row, t) =>
    row.map((value, j) =>
      (t >= begin && t < begin + long) || (j >= from && j < from + wide) ? 0 : value + noise * random.normal(),
    ),
  );
}

/** A running mean of weights: its model does better than any of those that it is the mean of. */
export function createMean() {
  let count = 0;
  const means = new Map();
  return {
    add(weights) {
      count++;
      for (const [name, values] of Object.entries(weights)) {
        const mean = means.get(name) ?? new Float64Array(values.length);
        means.set(
          name,
          mean.map((before, i) => before + (values[i] - before) / count),
        );
      }
    },
    weights: () => Object.fromEntries([...means].map(([name, mean]) => [name, Float32Array.from(mean)])),
  };
}
