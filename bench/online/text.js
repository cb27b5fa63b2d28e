// One pass over tinyshakespeare as bytes, test then train: cumulative bits per character, beside published figures.
//
//   node bench/online/text.js                 the first 100 KB
//   node bench/online/text.js --bytes 1000000 --cell cifg ...
//   node bench/online/text.js --seeds 5       and the median
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { createModel, createTrainer } = await import(join(root, 'dist/src/index.js'));
const { createLearner } = await import(join(root, 'dist/src/operators/tbptt.js'));

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '100000' },
    from: { type: 'string', default: '0' },
    cell: { type: 'string', default: 'lstm' },
    layers: { type: 'string', default: '3' },
    size: { type: 'string', default: '90' },
    k1: { type: 'string', default: '10' },
    k2: { type: 'string', default: '10' },
    rate: { type: 'string', default: '0.006' },
    period: { type: 'string', default: '10000' },
    epsilon: { type: 'string', default: '1e-7' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
  },
});
const number = name => Number(values[name]);

const path = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
const text = readFileSync(join(path, 'tokens/tinyshakespeare.txt')).subarray(
  number('from'),
  number('from') + number('bytes'),
);

const published = {
  100000: 'lstm-compress 3.120, the LSTM of cmix 2.721 (both given the alphabet); xz 2.98, PPMd order 6 2.409',
  250000: 'lstm-compress 2.772, the LSTM of cmix 2.449; PPMd order 6 2.238',
  1000000: 'lstm-compress 2.396, the LSTM of cmix 2.204 (3 × 90) and 2.154 (2 × 200); PPMd order 6 2.099',
};
const marks = new Set([1000, 10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, text.length]);

/** Bits per character of the whole, from one seed. */
async function run(seed) {
  const model = await createModel(
    {
      input: { kind: 'token', size: 256 },
      layers: Array.from({ length: number('layers') }, () => ({ cell: values.cell, size: number('size') })),
      output: { kind: 'classes', size: 256 },
      skip: true,
    },
    { seed },
  );
  const trainer = createTrainer(model, {
    k1: number('k1'),
    k2: number('k2'),
    maxGradientNorm: Number.POSITIVE_INFINITY,
    optimizer: {
      kind: 'adam',
      rate: number('rate'),
      epsilon: number('epsilon'),
      schedule: { kind: 'inverse-sqrt', period: number('period') },
    },
  });

  let nats = 0;
  let steps = 0;
  const begin = process.cpuUsage();
  const seconds = () => {
    const { user, system } = process.cpuUsage(begin);
    return (user + system) / 1e6;
  };
  const learner = createLearner(trainer, event => {
    if (event.kind !== 'step') return;
    nats += event.loss;
    steps++;
    if (!marks.has(steps)) return;
    const bits = (nats / steps / Math.LN2).toFixed(4);
    console.log(
      `${String(steps).padStart(8)} bytes  ${bits} bits per character  ${Math.round(steps / seconds())} characters/s  ${published[steps] ?? ''}`,
    );
  });
  // The byte before the first is none; each byte is the target of the step that read the one before.
  for (let i = 0; i < text.length; i++) learner.next({ input: i === 0 ? null : text[i - 1], target: text[i] });
  return nats / steps / Math.LN2;
}

const seeds = Array.from({ length: number('seeds') }, (_, i) => number('seed') + i);
const found = [];
for (const seed of seeds) found.push(await run(seed));
if (found.length > 1) {
  const sorted = found.toSorted((a, b) => a - b);
  console.log(`median of ${found.length} seeds ${sorted[found.length >> 1].toFixed(4)} bits per character`);
}
