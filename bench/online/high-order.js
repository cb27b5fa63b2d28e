// High-order sequences (Cui, Ahmad and Hawkins 2016): is the last symbol of a sequence predicted, which follows only from the
// first? Accuracy over the last 100 sequences; the endings are swapped at element 10,000.
//
//   node bench/online/high-order.js --seeds 10
//   node bench/online/high-order.js --replay 0 --capacity 0 --k2 4 --size 64 --rate 0.002 --seeds 10
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { argmax, createModel, createRandom, createTrainer } = await import(join(root, 'dist/src/index.js'));
const { createLearner } = await import(join(root, 'dist/src/operators/tbptt.js'));

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    size: { type: 'string', default: '40' },
    k2: { type: 'string', default: '8' },
    rate: { type: 'string', default: '0.003' },
    replay: { type: 'string', default: '4' },
    capacity: { type: 'string', default: '1000' },
    clip: { type: 'string', default: '1' },
  },
});
const number = name => Number(flags[name]);
const path = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
const { before, after } = JSON.parse(readFileSync(join(path, 'tokens/high-order/sequences.json'), 'utf8'));
const marks = [4000, 9990, 12_000, 19_980];

async function run(seed) {
  const random = createRandom(seed);
  const vector = () => Float32Array.from({ length: 25 }, () => 2 * random.uniform() - 1);
  const codes = Array.from({ length: 10 }, vector);
  const model = await createModel(
    {
      input: { kind: 'features', size: 25 },
      layers: [{ cell: 'gru', size: number('size') }],
      output: { kind: 'classes', size: 10 },
    },
    { seed },
  );
  const trainer = createTrainer(model, {
    k1: 1,
    k2: number('k2'),
    maxGradientNorm: number('clip'),
    optimizer: { kind: 'adam', rate: number('rate') },
    replay: { windows: number('replay'), capacity: number('capacity'), seed },
  });
  let said = -1;
  const learner = createLearner(trainer, event => {
    if (event.kind === 'step') said = argmax(event.step.logits);
  });
  const right = [];
  const accuracies = new Map();
  for (let element = 0; element < 20_000; ) {
    const sequences = element < 10_000 ? before : after;
    const sequence = sequences[random.integer(sequences.length)];
    // The noise that follows is no symbol: nothing is to be said of it.
    [...sequence, -1].forEach((symbol, i) => {
      if (i === sequence.length - 1) right.push(said === symbol ? 1 : 0);
      learner.next({
        input: symbol < 0 ? vector() : codes[symbol],
        target: i + 1 < sequence.length ? sequence[i + 1] : null,
      });
      element++;
      if (marks.includes(element)) {
        const last = right.slice(-100);
        accuracies.set(element, last.reduce((sum, one) => sum + one, 0) / last.length);
      }
    });
  }
  return marks.map(mark => accuracies.get(mark));
}

const begin = process.cpuUsage();
const sums = marks.map(() => 0);
for (let seed = 1; seed <= number('seeds'); seed++) {
  const found = await run(seed);
  found.forEach((value, i) => {
    sums[i] += value;
  });
  console.log(`seed ${String(seed).padStart(2)}:`, ...found.map(value => value.toFixed(2)));
}
const { user, system } = process.cpuUsage(begin);
console.log(
  `accuracy at ${marks.join(' / ')}, mean of ${flags.seeds}: ${sums.map(sum => (sum / number('seeds')).toFixed(3)).join(' / ')}`,
);
console.log('published: HTM .377 / 1.000 / .718 / 1.000; LSTM online .839 / .904 / .823 / .878');
console.log(`${((user + system) / 1e6 / number('seeds')).toFixed(1)} s a seed`);
