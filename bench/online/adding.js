// The adding problem (Hochreiter and Schmidhuber 1997; Le et al. 2015): T pairs of a number from 0 to 1 and a mark; the target of
// the last step is the sum of the two marked numbers. Mean squared error on 1,000 fresh examples against examples seen; always
// answering 1 has 0.167.
//
//   node bench/online/adding.js --length 100
//   node bench/online/adding.js --which np-rnn --examples 50000
import { parseArgs } from 'node:util';
import { eddy, manyToOne, stopwatch } from '../helpers/offline.js';

const { createModel, createRandom, createTrainer, evaluate } = eddy;
const { values: flags } = parseArgs({
  options: {
    length: { type: 'string', default: '100' },
    which: { type: 'string', default: 'irnn,np-rnn,tanh' },
    size: { type: 'string', default: '100' },
    rate: { type: 'string' },
    clip: { type: 'string', default: '1' },
    batch: { type: 'string', default: '16' },
    examples: { type: 'string', default: '80000' },
    seed: { type: 'string', default: '1' },
  },
});
const number = name => Number(flags[name]);
const kinds = {
  irnn: { layer: { cell: 'rnn_relu', initialization: 'irnn' }, rate: 0.001 },
  'np-rnn': { layer: { cell: 'rnn_relu', initialization: 'np-rnn' }, rate: 0.001 },
  tanh: { layer: { cell: 'rnn_tanh', initialization: 'pytorch' }, rate: 0.001 },
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
for (const which of flags.which.split(',')) {
  const { layer, rate } = kinds[which];
  const elapsed = stopwatch();
  const model = await createModel(
    {
      input: { kind: 'features', size: 2 },
      layers: [{ ...layer, size: number('size') }],
      output: { kind: 'values', size: 1 },
    },
    { seed: number('seed') },
  );
  const schedule = { kind: 'linear', steps: Math.ceil(number('examples') / number('batch')), final: 0.02 };
  const trainer = createTrainer(model, {
    maxGradientNorm: number('clip'),
    optimizer: { kind: 'adam', rate: Number(flags.rate ?? rate), beta1: 0.9, schedule },
  });
  const random = createRandom(number('seed'));
  // The loss is half the squared error.
  const error = () => 2 * evaluate(trainer, judged).loss;
  const curve = [`0: ${error().toFixed(4)}`];
  let [seen, now, reached] = [0, 1, undefined];
  while (seen < number('examples') && reached === undefined) {
    const windows = Array.from({ length: number('batch') }, () => ({ carry: model.zeroCarry(), ...example(random) }));
    trainer.learnMany(windows);
    seen += windows.length;
    if (seen % 4000 < number('batch')) {
      now = error();
      curve.push(`${seen}: ${now.toFixed(4)}`);
      if (now <= enough) reached = seen;
    }
  }
  console.log(`${which}, T = ${flags.length}, rate ${flags.rate ?? rate}: ${curve.join(', ')}`);
  console.log(
    `  ${reached === undefined ? `${now.toFixed(4)} after ${seen} examples` : `≤ ${enough} after ${reached} examples`}, ${elapsed().toFixed(0)} s (always answering 1: 0.167)`,
  );
}
