// The adding problem (Hochreiter and Schmidhuber 1997; Le et al. 2015): T pairs of a number from 0 to 1 and a mark; the target of
// the last step is the sum of the two marked numbers. Mean squared error on 1,000 fresh examples against examples seen; always
// answering 1 has 0.167.
//
//   node bench/online/adding.js --length 100
//   node bench/online/adding.js --which irnn --seeds 5
import { parseArgs } from 'node:util';
import { eddy, manyToOne, stopwatch } from '../helpers/offline.js';

const { createModel, createRandom, createTrainer, evaluate } = eddy;
const { values: flags } = parseArgs({
  options: {
    length: { type: 'string', default: '100' },
    which: { type: 'string', default: 'irnn,np-rnn,tanh' },
    size: { type: 'string', default: '100' },
    optimizer: { type: 'string', default: 'adam' },
    rate: { type: 'string' },
    final: { type: 'string' },
    beta1: { type: 'string', default: '0.9' },
    beta2: { type: 'string', default: '0.999' },
    epsilon: { type: 'string', default: '1e-8' },
    momentum: { type: 'string', default: '0' },
    clip: { type: 'string', default: '1' },
    batch: { type: 'string', default: '16' },
    examples: { type: 'string', default: '240000' },
    seeds: { type: 'string', default: '1' },
  },
});
const number = name => Number(flags[name]);
const settings = {
  sgd: { momentum: number('momentum') },
  rmsprop: { decay: number('beta2'), epsilon: number('epsilon') },
  adam: { beta1: number('beta1'), beta2: number('beta2'), epsilon: number('epsilon') },
};
const kinds = {
  irnn: { layer: { cell: 'rnn_relu', initialization: 'irnn' }, rate: 0.0002, final: 1 },
  'np-rnn': { layer: { cell: 'rnn_relu', initialization: 'np-rnn' }, rate: 0.001, final: 0.02 },
  tanh: { layer: { cell: 'rnn_tanh', initialization: 'pytorch' }, rate: 0.001, final: 0.02 },
};

function example(random) {
  const length = number('length');
  const half = length >> 1;
  const marks = [random.integer(half), half + random.integer(length - half)];
  let sum = 0;
  const inputs = Array.from({ length }, (_, t) => {
    const value = random.uniform();
    if (marks.includes(t)) sum += value;
    return Float32Array.of(value, marks.includes(t) ? 1 : 0);
  });
  return manyToOne(inputs, sum);
}

const judged = Array.from(
  { length: 1000 },
  (
    random => () =>
      example(random)
  )(createRandom(12345)),
);
const enough = 0.01;
/** The rate falls in a line to this part of itself over so many examples. */
const falling = 80_000;

/** Learns until the error is low enough, and tells after how many examples. */
async function run(which, seed) {
  const { layer, ...own } = kinds[which];
  const [rate, final] = [Number(flags.rate ?? own.rate), Number(flags.final ?? own.final)];
  const elapsed = stopwatch();
  const model = await createModel(
    {
      input: { kind: 'features', size: 2 },
      layers: [{ ...layer, size: number('size') }],
      output: { kind: 'values', size: 1 },
    },
    { seed },
  );
  const schedule = { kind: 'linear', steps: Math.ceil(falling / number('batch')), final };
  const trainer = createTrainer(model, {
    maxGradientNorm: number('clip'),
    optimizer: { kind: flags.optimizer, rate, schedule, ...settings[flags.optimizer] },
  });
  const random = createRandom(seed);
  // The loss is half the squared error.
  const error = () => 2 * evaluate(trainer, judged).loss;
  const curve = [];
  let [seen, now, reached] = [0, error(), undefined];
  while (seen < number('examples') && reached === undefined) {
    const windows = Array.from({ length: number('batch') }, () => ({ carry: model.zeroCarry(), ...example(random) }));
    trainer.learnMany(windows);
    seen += windows.length;
    if (seen % 4000 < number('batch')) {
      now = error();
      if (seen % 20_000 < number('batch')) curve.push(`${seen}: ${now.toFixed(4)}`);
      if (now <= enough) reached = seen;
    }
  }
  const found =
    reached === undefined ? `${now.toFixed(4)} after ${seen} examples` : `≤ ${enough} after ${reached} examples`;
  console.log(`${which}, T = ${flags.length}, ${flags.optimizer} ${rate}, seed ${seed}: ${curve.join(', ')}`);
  console.log(`  ${found}, ${elapsed().toFixed(0)} s (always answering 1: 0.167)`);
}

for (const which of flags.which.split(',')) for (let seed = 1; seed <= number('seeds'); seed++) await run(which, seed);
