// What the runners of offline training share: the build, the data, features in units of the training part.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = process.env.EDDY_DIST ?? join(root, 'dist');
export const eddy = await import(pathToFileURL(resolve(dist, 'src/index.js')).href);

const data = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
export const readShared = path => readFileSync(join(data, path), 'utf8');

/** Rows of all sequences to mean 0 and deviation 1, by the statistics of `training` alone. */
export function standardizer(training) {
  const rows = training.flatMap(sequence => sequence.rows);
  const columns = rows[0].map((_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / rows.length;
    return { mean, unit: Math.sqrt(variance) || 1 };
  });
  return row => Float32Array.from(row, (value, i) => (value - columns[i].mean) / columns[i].unit);
}

/** A label for the whole sequence: the target of its last step. */
export function manyToOne(inputs, target) {
  return { inputs, targets: inputs.map((_, i) => (i === inputs.length - 1 ? target : null)) };
}

export const median = numbers => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Seconds of processor time since the last call. */
export function stopwatch() {
  let before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    return (user + system) / 1e6;
  };
}
