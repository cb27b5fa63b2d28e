// What does one window of tbptt take, beside its 32 forward steps, and beside tfjs on the same window?
import { Subject } from 'rxjs';
import { createModel, createTrainer, drawInputs, lstmConfig, tbptt } from './helpers/eddy.js';
import { race, ratios, settings, spread } from './helpers/race.js';
import { learner } from './helpers/tfjs.js';
import { stepping } from './one-step.js';

const length = 32;
const sizes = { inputs: 64, hidden: 128, classes: 64 };
const adam = { rate: 0.002, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
const options = {
  k1: length,
  k2: length,
  optimizer: { kind: 'adam', ...adam },
  maxGradientNorm: Number.POSITIVE_INFINITY,
};

export async function measure(quick) {
  const create = () => createModel(lstmConfig(sizes.inputs, sizes.hidden, sizes.classes));
  const inputs = drawInputs(length, sizes.inputs);
  const targets = inputs.map((_, t) => (t * 7) % sizes.classes);
  const model = await create();
  const weights = model.weights();
  const peer = await learner(weights, sizes, adam, { inputs, targets });
  await expectSameLearning(await create(), peer, { inputs, targets });

  const still = await create();
  const forward = stepping(still, inputs);
  const examples = new Subject();
  let updates = 0;
  examples.pipe(tbptt(createTrainer(model, options))).subscribe(event => {
    if (event.kind === 'update') updates++;
  });
  let sent = 0;
  const times = await race(
    {
      'tbptt, a window': count => {
        for (let i = 0; i < count; i++) {
          for (let t = 0; t < length; t++) examples.next({ input: inputs[t], target: targets[t] });
        }
        sent += count;
      },
      'model.step 32 times': count => forward(count * length),
      'tfjs wasm, a window': count => {
        for (let i = 0; i < count; i++) peer.window();
      },
      'tfjs wasm, its predictions and the window': count => {
        for (let i = 0; i < count; i++) {
          peer.predictions();
          peer.window();
        }
      },
    },
    settings(quick),
  );
  if (updates !== sent) throw new Error(`Expected an update for each of ${sent} windows, got ${updates}`);
  const name = 'one window of tbptt, LSTM 128, k1 = k2 = 32, 64 in and out, Adam';
  return [
    {
      question: `${name} / its 32 steps`,
      answer: spread(ratios(times['tbptt, a window'], times['model.step 32 times'])),
      unit: '×',
      most: 3.5,
      times,
    },
    {
      // As tbptt: each step's prediction is there before the next frame comes.
      question: `${name}: tfjs wasm, its predictions and the window / tbptt`,
      answer: spread(ratios(times['tfjs wasm, its predictions and the window'], times['tbptt, a window'])),
      unit: '×',
      least: 50,
      times,
    },
    {
      question: `${name}: tfjs wasm, the window alone / tbptt`,
      answer: spread(ratios(times['tfjs wasm, a window'], times['tbptt, a window'])),
      unit: '×',
      least: 50,
      times,
    },
  ];
}

/** Gradients of the first window and the losses of six; tfjs has one bias where PyTorch has two, so one of ours rests. */
async function expectSameLearning(model, peer, { inputs, targets }) {
  const trainer = createTrainer(model, { ...options, freeze: ['bias_hh_l0'] });
  let carry = model.zeroCarry();
  const ours = trainer.gradients([{ carry, inputs, targets }]).weights;
  for (const [name, theirs] of Object.entries(peer.gradients())) {
    const largest = ours[name].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    ours[name].forEach((value, i) => {
      if (!(Math.abs(value - theirs[i]) <= 1e-4 * largest))
        throw new Error(`Expected tfjs to have the gradient of ${name}[${i}], ${value}, got ${theirs[i]}`);
    });
  }
  const tensors = peer.tensors();
  for (let window = 0; window < 6; window++) {
    const before = carry;
    const predictions = peer.predictions();
    inputs.forEach((input, t) => {
      const step = trainer.step(carry, input);
      carry = step.carry;
      step.prediction.forEach((value, i) => {
        if (!(Math.abs(value - predictions[t][i]) <= 1e-4))
          throw new Error(`Expected tfjs to predict ${value} for class ${i} of step ${t}, got ${predictions[t][i]}`);
      });
    });
    const { loss } = trainer.learn({ carry: before, inputs, targets });
    const theirs = peer.window();
    if (!(Math.abs(loss - theirs) <= 1e-4)) throw new Error(`Expected tfjs to have the loss ${loss}, got ${theirs}`);
  }
  // Adam's moments come with the first window; nothing comes later.
  if (peer.tensors() > tensors + 20) throw new Error('Expected tfjs to keep no tensors of its windows');
}
