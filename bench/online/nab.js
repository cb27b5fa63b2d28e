// Unusual readings in 14 series of the Numenta Anomaly Benchmark: what `eddy pipe --learn --anomaly` calls unusual, against the labelled
// windows, beside a Gaussian of the newest values whose threshold is set, knowing the labels, to as many false alarms.
//
//   node bench/online/nab.js --anomaly 5
//   node bench/online/nab.js --series realTraffic --loss gaussian
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readShared, stopwatch } from '../helpers/offline.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const data = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
const { values: flags } = parseArgs({
  options: {
    anomaly: { type: 'string', default: '5' },
    series: { type: 'string', default: '' },
    loss: { type: 'string' },
    replay: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    width: { type: 'string', default: '500' },
  },
});
/** The first part of a series is not judged, as in the benchmark. */
const probation = 0.15;
/** Alarms that follow each other within so many rows are one. */
const together = 50;

/** Windows that have an alarm, and alarms outside of all windows. */
function judge(rows, windows, alarms) {
  const inside = windows.map(([from, to]) => alarms.some(i => rows[i].time >= from && rows[i].time <= to));
  const outside = alarms.filter(i => !windows.some(([from, to]) => rows[i].time >= from && rows[i].time <= to));
  const episodes = outside.filter((i, at) => at === 0 || i - outside[at - 1] > together);
  return { found: inside.filter(Boolean).length, episodes: episodes.length };
}

/** Deviations of each value from the mean of the newest ones before it. */
function windowedGaussian(values) {
  const width = Number(flags.width);
  return values.map((value, i) => {
    const before = values.slice(Math.max(0, i - width), i);
    if (before.length < 2) return 0;
    const mean = before.reduce((sum, one) => sum + one, 0) / before.length;
    const deviation = Math.sqrt(before.reduce((sum, one) => sum + (one - mean) ** 2, 0) / before.length);
    return Math.abs(value - mean) / Math.max(deviation, 1e-9);
  });
}

const labelled = JSON.parse(readShared('sensors/nab/windows.json'));
const elapsed = stopwatch();
const all = [];
for (const [name, windows] of Object.entries(labelled)) {
  if (!name.includes(flags.series)) continue;
  const text = readFileSync(join(data, 'sensors/nab', name), 'utf8');
  const rows = text
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map(line => line.split(','))
    .map(([time, value]) => ({ time: Date.parse(`${time.replace(' ', 'T')}Z`), value: Number(value) }));
  const times = windows.map(pair => pair.map(time => Date.parse(`${time.slice(0, 19).replace(' ', 'T')}Z`)));
  all.push({ name, text, rows, windows: times, from: Math.floor(probation * rows.length) });
}
const sum = numbers => numbers.reduce((total, one) => total + one, 0);
const labels = sum(all.map(({ windows }) => windows.length));

let falseAlarms = 0;
for (let seed = 0; seed < Number(flags.seeds); seed++) {
  const results = all.map(({ name, text, rows, windows, from }) => {
    const own = [
      ...['pipe', '--learn', '--format', 'csv', '--target', 'value', '--columns', 'value', '--seed', String(seed)],
      ...['--anomaly', flags.anomaly],
      ...(flags.loss ? ['--loss', flags.loss] : []),
      ...(flags.replay ? ['--replay', flags.replay] : []),
    ];
    const lines = execFileSync(process.execPath, [join(root, 'dist/command/cli/main.js'), ...own], {
      input: text,
      maxBuffer: 2 ** 28,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const alarms = String(lines)
      .trim()
      .split('\n')
      .flatMap((line, i) => (i >= from && JSON.parse(line).unusual ? [i] : []));
    const found = judge(rows, windows, alarms);
    if (seed === 0)
      console.log(
        `${name}: ${found.found} of ${windows.length} windows, ${found.episodes} false alarms, ${rows.length} rows`,
      );
    return found;
  });
  falseAlarms = sum(results.map(({ episodes }) => episodes));
  const found = sum(results.map(one => one.found));
  console.log(
    `eddy pipe --anomaly ${flags.anomaly}, seed ${seed}: ${found} of ${labels} windows, ${falseAlarms} false alarms`,
  );
}

const scores = all.map(({ rows }) => windowedGaussian(rows.map(({ value }) => value)));
let best = { found: 0, episodes: 0, threshold: Number.POSITIVE_INFINITY };
for (let threshold = 2; threshold < 40; threshold += 0.1) {
  const results = all.map(({ rows, windows, from }, at) =>
    judge(
      rows,
      windows,
      scores[at].flatMap((score, i) => (i >= from && score > threshold ? [i] : [])),
    ),
  );
  const [found, episodes] = [sum(results.map(one => one.found)), sum(results.map(one => one.episodes))];
  if (episodes <= falseAlarms && found > best.found) best = { found, episodes, threshold };
}
console.log(
  `Gaussian of the newest ${flags.width} values, threshold ${best.threshold.toFixed(1)}: ${best.found} of ${labels} windows, ${best.episodes} false alarms`,
);
console.log(`${elapsed().toFixed(0)} s besides the pipes`);
