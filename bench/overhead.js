// What do objects and the operator add to the kernels of a step?
import { Subject } from 'rxjs';
import { createActivations, createModel, drawInputs, forward, lstmConfig, step } from './helpers/eddy.js';
import { race, settings, spread } from './helpers/race.js';
import { stepping } from './one-step.js';

export async function measure(quick) {
  const results = [];
  for (const hidden of [32, 64, 128]) {
    const model = await createModel(lstmConfig(40, hidden, 10));
    const rows = drawInputs(64, 40);
    const bare = kernelsAlone(model, rows);
    const piped = operating(model, rows);

    // The three are one network: the same predictions, bit for bit.
    const next = stepper(model, rows);
    for (let i = 0; i < 100; i++) {
      bare.steps(1);
      piped.steps(1);
      const expected = next();
      for (const found of [bare.prediction(), piped.prediction()]) {
        if (expected.some((value, j) => !Object.is(value, found[j])))
          throw new Error('Expected the same predictions from kernels, model and operator');
      }
    }

    const times = await race(
      { kernels: bare.steps, 'model.step': stepping(model, rows), 'operator step': piped.steps },
      fine(settings(quick)),
    );
    results.push({
      question: `LSTM ${hidden}: operator step − its kernels`,
      answer: spread(times['operator step'].map((time, round) => time - times.kernels[round])),
      unit: 'µs',
      most: 0.7,
      times,
    });
  }
  return results;
}

/** Eight times as many rounds, of an eighth: what is asked is a tenth of what is timed, so both must have the same machine. */
function fine({ rounds, batchMs, warmMs }) {
  return { rounds: 8 * rounds, batchMs: batchMs / 8, warmMs };
}

/** The kernel calls of a step on the arena: two rows that take turns, and feed back to each other without a copy. */
function kernelsAlone(model, rows) {
  const { network } = model;
  const { arena } = network.kernels;
  const activations = createActivations(arena, model.config, 1, 2, false);
  // Step 0 leaves its state in row 1, step 1 in row 2.
  const turns = [[{ step: 0, previous: 2, count: 1 }], [{ step: 1, previous: 1, count: 1 }]];
  let at = 0;
  return {
    steps(count) {
      for (let i = 0; i < count; i++) {
        const turn = at & 1;
        arena.floats.set(rows[at], activations.inputs + turn * activations.inputStride);
        forward(network, activations, turn, 1, turns[turn]);
        at = (at + 1) % rows.length;
      }
    },
    prediction() {
      const from = activations.predictions + ((at - 1) & 1) * activations.outputStride;
      return arena.floats.slice(from, from + model.config.output.size);
    },
  };
}

function operating(model, rows) {
  const inputs = new Subject();
  let last;
  inputs.pipe(step(model)).subscribe(result => {
    last = result;
  });
  let at = 0;
  return {
    steps(count) {
      for (let i = 0; i < count; i++) {
        inputs.next(rows[at]);
        at = (at + 1) % rows.length;
      }
    },
    prediction: () => last.prediction,
  };
}

function stepper(model, rows) {
  let carry = model.zeroCarry();
  let at = 0;
  return () => {
    const result = model.step(carry, rows[at]);
    carry = result.carry;
    at = (at + 1) % rows.length;
    return result.prediction;
  };
}
