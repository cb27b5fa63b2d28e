import fc from 'fast-check';
import { from } from 'rxjs';
import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { createModel, type Model, type TrainableModel } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import { step } from '../../src/operators/step.js';
import { createRandom } from '../../src/random.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import type { Window } from '../../src/training/window.js';
import { anyInput, networks, seeds } from '../helpers/arbitraries.js';
import { firstDifference } from '../helpers/bits.js';
import { law, type Verdict } from '../helpers/laws.js';
import { randomTarget, randomWindows } from '../helpers/models.js';

const values = fc.record({ config: networks(9), seed: seeds, steps: fc.integer({ min: 1, max: 10 }) });

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly steps: number;
}

function sameStep(what: string, a: Step, b: Step): Verdict {
  const parts = ['logits', 'prediction', 'carry'] as const;
  const differs = parts.find(part => firstDifference(a[part], b[part]) >= 0);
  return differs && `${what}: ${differs} differs`;
}

function sameWeights(what: string, a: Model, b: Model): Verdict {
  const [left, right] = [a, b].map(model => (model as TrainableModel).weights());
  const differs = Object.keys(left).find(name => firstDifference(left[name], right[name]) >= 0);
  return differs && `${what}: ${differs} differs`;
}

type Sequence = (model: Model, inputs: readonly Input[]) => Step[];

law('the operator step, and stepMany of one stream, are the fold of step', {
  values,
  async holds(sequence: Sequence, { config, seed, steps }: Value): Promise<Verdict> {
    const model = await createModel(config, { seed });
    const random = createRandom(seed);
    const inputs = Array.from({ length: steps }, () => anyInput(random, model)).filter(input => input !== null);
    const streamed = sequence(model, inputs);
    let carry = model.zeroCarry();
    for (const [i, input] of inputs.entries()) {
      const alone = model.step(carry, input);
      const verdict =
        sameStep(`the operator at step ${i + 1}`, alone, streamed[i]) ??
        sameStep(`a batch of one at step ${i + 1}`, alone, model.stepMany([carry], [input])[0]);
      if (verdict) return verdict;
      carry = alone.carry;
    }
    return undefined;
  },
  right(model, inputs) {
    const steps: Step[] = [];
    from(inputs)
      .pipe(step(model))
      .subscribe(result => steps.push(result));
    return steps;
  },
  runs: 120,
  broken: {
    'a carry that is not handed on': (model, inputs) => inputs.map(input => model.step(model.zeroCarry(), input)),
  },
});

law('learnMany of one window is learn, and moves the weights as a trainer that runs everything again', {
  values,
  async holds(change: (window: Window) => Window, { config, seed, steps }: Value): Promise<Verdict> {
    const options = { k2: 6, optimizer: { kind: 'adam', rate: 0.01 } } as const;
    const [one, many] = [await createModel(config, { seed }), await createModel(config, { seed })];
    const [a, b] = [createTrainer(one, options), createTrainer(many, options)];
    for (const window of randomWindows(one, [steps, 3, steps], seed)) {
      const updates = [a.learn(window), b.learnMany([change(window)])].map(update => JSON.stringify(update));
      if (updates[0] !== updates[1]) return `${updates[0]}, not ${updates[1]}`;
    }
    return sameWeights('learnMany', one, many);
  },
  right: window => window,
  runs: 60,
  broken: {
    'a carry that is left out': window => ({ ...window, carry: window.carry.map(() => 0) }),
  },
});

/** What happens between the steps of a window and its update. */
type Between = (trainer: Trainer) => void;

law('an update from steps that were just taken is the update of a fresh trainer that runs them again, bit for bit', {
  values: fc.record({ config: networks(9), seed: seeds, steps: fc.integer({ min: 1, max: 7 }) }),
  async holds(between: Between, { config, seed, steps }: Value): Promise<Verdict> {
    const options = { k2: 5, maxSkipped: 100, optimizer: { kind: 'adam', rate: 0.01 } } as const;
    const [kept, again] = [await createModel(config, { seed }), await createModel(config, { seed })];
    const [a, b] = [createTrainer(kept, options), createTrainer(again, options)];
    const random = createRandom(seed);
    let carry = kept.zeroCarry();
    for (let round = 0; round < 4; round++) {
      const first = carry;
      const length = 1 + random.integer(steps);
      const inputs = Array.from({ length }, () => anyInput(random, kept));
      const targets = inputs.map((_, i) =>
        i + 1 < length && random.uniform() < 0.3 ? null : randomTarget(random, kept),
      );
      for (const [i, input] of inputs.entries()) {
        const [live, fresh] = [a.step(carry, input), again.step(carry, input)];
        const verdict = sameStep(`step ${i + 1} of round ${round}`, fresh, live);
        if (verdict) return verdict;
        carry = live.carry;
      }
      // The steps that were taken may be more, or fewer, or others than the window has: then nothing may be taken from them.
      if (random.integer(4) === 0) a.step(random.integer(2) === 0 ? carry : first, anyInput(random, kept));
      between(a);
      const updates = [a, b].map(trainer => JSON.stringify(trainer.learn({ carry: first, inputs, targets })));
      if (updates[0] !== updates[1]) return `round ${round}: ${updates[0]}, not ${updates[1]}`;
    }
    return sameWeights('reuse', kept, again);
  },
  right: () => {},
  runs: 120,
  broken: {
    'weights that move behind the back of the steps': ({ model }) => {
      const { network } = model;
      network.kernels.arena.floats[network.weights] += 0.25;
      model.setWeights({});
      network.version--;
    },
  },
});
