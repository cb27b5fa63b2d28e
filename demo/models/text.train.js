// Trains the model `text`: the next character of the works of Shakespeare.
//
//   node demo/models/text.train.js --epochs 10 --stop 5 --out first.safetensors
//   node demo/models/text.train.js --from first.safetensors --epochs 3 --rate 0.002
//   node demo/models/text.train.js --judge demo/models/text.safetensors
//
// Data: tokens/tinyshakespeare.txt under `../shared/data` (or EDDY_SHARED). The last 10 % are never learned from; they are read once an
// epoch, to tell how it goes.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const { createEncoder, createModel, createRandom, createTrainer, loadModel, saveModel, vocabularyOf } = await import(
  join(root, 'dist/src/index.js')
);

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '10' },
    stop: { type: 'string', default: 'Infinity' },
    from: { type: 'string' },
    cell: { type: 'string', default: 'lstm' },
    layers: { type: 'string', default: '1' },
    size: { type: 'string', default: '208' },
    batch: { type: 'string', default: '32' },
    steps: { type: 'string', default: '64' },
    rate: { type: 'string', default: '0.004' },
    decay: { type: 'string', default: '0.05' },
    unknown: { type: 'string', default: '0.01' },
    seed: { type: 'string', default: '1' },
    judge: { type: 'string' },
    limit: { type: 'string', default: 'Infinity' },
    out: { type: 'string', default: join(root, 'demo/models/text.safetensors') },
  },
});
const number = name => Number(values[name]);

const folder = process.env.EDDY_SHARED ?? join(root, '..', 'shared', 'data');
const text = readFileSync(join(folder, 'tokens/tinyshakespeare.txt'), 'utf8');
const cut = Math.floor(0.9 * text.length);
const encoder = createEncoder({ kind: 'characters', vocabulary: vocabularyOf(text.slice(0, cut)) });
const tokensOf = part => encoder.encode(encoder.initial(), part).inputs;
const [learned, held] = [tokensOf(text.slice(0, cut)), tokensOf(text.slice(cut))];
const unknown = encoder.input.size - 1;

/** Nats a character, in one pass from the first to the last. */
function judge(model, tokens) {
  const trainer = createTrainer(model);
  let carry = model.zeroCarry();
  let nats = 0;
  for (let i = 0; i + 1 < tokens.length; i++) {
    const step = model.step(carry, tokens[i]);
    carry = step.carry;
    nats += trainer.loss(step.logits, tokens[i + 1]);
  }
  return nats / (tokens.length - 1);
}

if (values.judge !== undefined) {
  const nats = judge(await loadModel(readFileSync(values.judge)), held);
  console.log(`held out: ${nats.toFixed(4)} nats a character, ${(nats / Math.LN2).toFixed(4)} bits`);
  process.exit(0);
}

const fresh = () =>
  createModel(
    {
      input: encoder.input,
      layers: Array.from({ length: number('layers') }, () => ({ cell: values.cell, size: number('size') })),
      output: { kind: 'classes', size: encoder.input.size },
      ...(number('layers') > 1 ? { skip: true } : {}),
      encoder: encoder.config,
    },
    { seed: number('seed') },
  );
const model = values.from === undefined ? await fresh() : await loadModel(readFileSync(values.from));
const weights = Object.values(model.weights()).reduce((sum, tensor) => sum + tensor.length, 0);
const [epochs, batch, steps] = ['epochs', 'batch', 'steps'].map(number);
/** Each stream of the batch reads its own part of the text, and its carry goes on from window to window. */
const stretch = Math.floor((learned.length - 1) / batch);
const windows = Math.floor(stretch / steps);
const trainer = createTrainer(model, {
  k1: steps,
  k2: steps,
  maxGradientNorm: 1,
  optimizer: {
    kind: 'adam',
    rate: number('rate'),
    beta1: 0.9,
    weightDecay: number('decay'),
    schedule: { kind: 'linear', steps: epochs * windows, final: 0.01, warmup: 100 },
  },
});
const random = createRandom(number('seed'));
/** Some characters are shown as the unknown one: so it is known what that is. */
const seen = token => (random.uniform() < number('unknown') ? unknown : token);

console.log(`${weights} weights, ${learned.length} characters to learn from, ${held.length} held out`);
const begin = performance.now();
let best = Number.POSITIVE_INFINITY;
let read = 0;
for (let epoch = 1; epoch <= Math.min(epochs, number('stop')); epoch++) {
  let carries = Array.from({ length: batch }, () => model.zeroCarry());
  // The parts begin elsewhere each time.
  const offset = Math.floor(random.uniform() * (stretch - windows * steps + 1));
  let nats = 0;
  for (let w = 0; w < windows; w++) {
    const starts = Array.from({ length: batch }, (_, b) => b * stretch + offset + w * steps);
    const inputs = starts.map(start => learned.slice(start, start + steps).map(seen));
    // Stepped before the update: the carries are those that the windows end with.
    let after = carries;
    for (let t = 0; t < steps; t++)
      after = model
        .stepMany(
          after,
          inputs.map(window => window[t]),
        )
        .map(step => step.carry.slice());
    const update = trainer.learnMany(
      starts.map((start, b) => ({
        carry: carries[b],
        inputs: inputs[b],
        targets: learned.slice(start + 1, start + 1 + steps),
      })),
    );
    carries = after;
    nats += update.loss;
    read += batch * steps;
    if (read > number('limit')) {
      console.log(`${Math.round(read / ((performance.now() - begin) / 1000))} characters/s`);
      process.exit(0);
    }
  }
  const validation = judge(model, held);
  const speed = Math.round(read / ((performance.now() - begin) / 1000));
  console.log(
    `epoch ${epoch}  learned ${(nats / windows).toFixed(4)}  held out ${validation.toFixed(4)} nats a character  ${speed} characters/s`,
  );
  if (validation < best) {
    best = validation;
    writeFileSync(values.out, saveModel(model));
  }
}
