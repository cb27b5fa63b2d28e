import test from 'ava';
import fc from 'fast-check';
import { from } from 'rxjs';
import type { TrainerOptions } from '../../src/index.js';
import { createReference } from '../../src/kernels/reference.js';
import type { Carry } from '../../src/model/carry.js';
import type { ModelConfig } from '../../src/model/config.js';
import { buildModel, createModel } from '../../src/model/model.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import type { Window } from '../../src/training/window.js';
import { networks, seeds } from '../helpers/arbitraries.js';
import { firstDifference } from '../helpers/bits.js';
import { createGraph } from '../helpers/graph.js';
import { law, type Verdict } from '../helpers/laws.js';
import { randomInput, randomTarget } from '../helpers/models.js';
import { createNaiveLearner } from '../helpers/naive-bptt.js';
import { replay } from '../helpers/replay.js';
import { drawItems, tell, tellCount } from '../helpers/schedules.js';

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly k1: number;
  /** k2 − k1 */
  readonly more: number;
  readonly lateness: number;
  readonly steps: number;
}

const schedules = (largest: number) => ({
  config: networks(largest),
  seed: seeds,
  k1: fc.integer({ min: 1, max: 4 }),
  more: fc.integer({ min: 0, max: 4 }),
  lateness: fc.integer({ min: 0, max: 5 }),
  steps: fc.integer({ min: 1, max: 14 }),
});

/** Everything that a stream of items led to. */
function run(trainer: Trainer, items: readonly (Example | LateTarget)[]): Learned[] {
  const events: Learned[] = [];
  from(items)
    .pipe(tbptt(trainer))
    .subscribe(event => events.push(event));
  return events;
}

const tolerance = 1e-9;

/** Makes the trainer of a run: the options are what the naive learner has. */
type Make = (options: TrainerOptions, model: Parameters<typeof createTrainer>[0]) => Trainer;

function asNaive(make: Make, { config, seed, k1, more, lateness, steps }: Value): Verdict {
  const model = buildModel(createReference('float64'), config, seed);
  const rate = 0.1;
  const maxGradientNorm = 0.5;
  const lengths = { k1, k2: k1 + more, lateness };
  // The naive learner follows the gradient of the loss itself.
  const loss = config.output.kind === 'gaussian' ? { loss: { kind: 'gaussian', beta: 0 } as const } : {};
  const trainer = make({ ...lengths, ...loss, optimizer: { kind: 'sgd', rate }, maxGradientNorm }, model);
  const items = drawItems(createRandom(seed), model, { steps, lateness, prompt: 0.5, plain: true });
  const weights = Object.fromEntries(
    Object.entries(model.weights()).map(([name, values]) => [name, Array.from(values)]),
  );
  const told = replay(items, lengths, createNaiveLearner(config, weights, { rate, maxGradientNorm }));
  const events = run(trainer, items);
  const [expected, found] = [told.map(tellCount), events.map(tell)].map(each => JSON.stringify(each));
  if (expected !== found) return `told ${found}, not ${expected}`;
  for (const [name, values] of Object.entries(model.weights())) {
    for (let i = 0; i < values.length; i++) {
      const error = Math.abs(values[i] - weights[name][i]);
      if (!(error <= tolerance * Math.max(1, Math.abs(weights[name][i])))) return `${name}[${i}] is off by ${error}`;
    }
  }
  return undefined;
}

/** A trainer whose windows are changed before they are learned. */
const learning =
  (change: (window: Window, trainer: Trainer) => Window): Make =>
  (options, model) => {
    const trainer = createTrainer(model, options);
    return { ...trainer, learnMany: windows => trainer.learnMany(windows.map(window => change(window, trainer))) };
  };

law('tbptt learns what a naive BPTT in float64 learns on the graph cut there, for any k1, k2 and lateness', {
  values: fc.record<Value>(schedules(4)),
  holds: asNaive,
  right: (options, model) => createTrainer(model, options),
  runs: 150,
  seed: 20,
  broken: {
    'one step more in each window': (options, model) => createTrainer(model, { ...options, k2: options.k2! + 1 }),
    'one step less in each window': learning(({ carry, inputs, targets }, { model }) =>
      inputs.length === 1
        ? { carry, inputs, targets }
        : { carry: model.step(carry, inputs[0]).carry, inputs: inputs.slice(1), targets: targets.slice(1) },
    ),
    'one step less of lateness': (options, model) =>
      createTrainer(model, { ...options, lateness: Math.max(0, options.lateness! - 1) }),
    'updates at other steps': (options, model) =>
      createTrainer(model, { ...options, k1: options.k1! + 1, k2: Math.max(options.k2!, options.k1! + 1) }),
    'windows that begin with a carry of zeros': learning((window, { model }) => ({
      ...window,
      carry: model.zeroCarry(),
    })),
    'a target learned at the wrong step': learning(window => ({ ...window, targets: [...window.targets].reverse() })),
    'a gradient that is not clipped': (options, model) =>
      createTrainer(model, { ...options, maxGradientNorm: Infinity }),
  },
});

/** The stream learned in one window of all its steps, from a carry of zeros. */
type Whole = (trainer: Trainer, window: Window) => unknown;

law('tbptt with k1 = k2 = T learns what backpropagation through all T steps does, bit for bit', {
  values: fc.record({ config: networks(9), seed: seeds, steps: fc.integer({ min: 1, max: 12 }) }),
  async holds(whole: Whole, { config, seed, steps }): Promise<Verdict> {
    const options = { k1: steps, k2: steps, optimizer: { kind: 'adam', rate: 0.01, beta1: 0.5 } } as const;
    const [streamed, simd] = [await createModel(config, { seed }), await createModel(config, { seed })];
    const reference = buildModel(createReference('float32'), config, seed);
    const random = createRandom(seed);
    const items = Array.from({ length: steps }, (_, i) => ({
      input: randomInput(random, streamed),
      target: i + 1 < steps && random.uniform() < 0.3 ? null : randomTarget(random, streamed),
    }));
    run(createTrainer(streamed, options), items);
    const window = { inputs: items.map(({ input }) => input), targets: items.map(({ target }) => target) };
    for (const model of [simd, reference]) {
      whole(createTrainer(model, options), { carry: model.zeroCarry(), ...window });
      for (const [name, values] of Object.entries(streamed.weights())) {
        const at = firstDifference(values, model.weights()[name]);
        if (at >= 0) return `${model.network.kernels.name}: ${name}[${at}] differs`;
      }
    }
    return undefined;
  },
  right: (trainer, window) => trainer.learn(window),
  runs: 100,
  broken: {
    'a window that is learned in two halves': (trainer, { carry, inputs, targets }) => {
      const half = Math.ceil(inputs.length / 2);
      const between = inputs
        .slice(0, half)
        .reduce<Carry>((before, input) => trainer.model.step(before, input).carry, carry);
      const windows = [
        { carry, inputs: inputs.slice(0, half), targets: targets.slice(0, half) },
        { carry: between, inputs: inputs.slice(half), targets: targets.slice(half) },
      ].filter(({ targets }) => targets.some(target => target !== null));
      trainer.learnMany(windows);
    },
    'one step less': (trainer, { carry, inputs, targets }) => {
      if (inputs.length === 1) return;
      const after = trainer.model.step(carry, inputs[0]).carry;
      trainer.learn({ carry: after, inputs: inputs.slice(1), targets: targets.slice(1) });
    },
  },
});

law('the same stream teaches SIMD and the reference the same weights, bit for bit', {
  values: fc.record<Value>(schedules(9)),
  async holds(change: (trainer: Trainer) => Trainer, { config, seed, k1, more, lateness, steps }): Promise<Verdict> {
    const options = { k1, k2: k1 + more, lateness, optimizer: { kind: 'adam', rate: 0.02 } } as const;
    const models = [await createModel(config, { seed }), buildModel(createReference('float32'), config, seed)];
    const items = drawItems(createRandom(seed), models[0], { steps, lateness });
    const [simd, reference] = models.map(model => run(change(createTrainer(model, options)), items));
    const said = (events: Learned[]) => JSON.stringify(events.map(tell));
    if (said(simd) !== said(reference)) return 'the events differ';
    for (let i = 0; i < simd.length; i++) {
      const [a, b] = [simd[i], reference[i]];
      if (a.kind === 'step' && b.kind === 'step') {
        if (firstDifference(a.step.logits, b.step.logits) >= 0 || a.loss !== b.loss) return `step ${a.number} differs`;
      } else if (a.kind === 'update' && JSON.stringify(a.update) !== JSON.stringify((b as typeof a).update)) {
        return 'an update differs';
      }
    }
    const [left, right] = models.map(model => model.weights());
    const differs = Object.keys(left).find(name => firstDifference(left[name], right[name]) >= 0);
    return differs && `${differs} differs`;
  },
  right: trainer => trainer,
  runs: 100,
  broken: {
    'windows that are learned in another order': trainer =>
      trainer.model.network.kernels.name === 'simd'
        ? trainer
        : { ...trainer, learnMany: windows => trainer.learnMany([...windows].reverse()) },
  },
});

law('each target is learned once, by the update of its own group', {
  values: fc.record<Value>({ ...schedules(3), steps: fc.integer({ min: 1, max: 40 }) }),
  async holds(change: (windows: readonly Window[]) => readonly Window[], value): Promise<Verdict> {
    const { seed, k1, more, lateness, steps } = value;
    // A target that is a number of its own can be told from all others.
    const config: ModelConfig = { ...value.config, output: { kind: 'values', size: 1 } };
    const model = await createModel(config, { seed });
    const k2 = k1 + more;
    const real = createTrainer(model, { k1, k2, lateness, optimizer: { kind: 'sgd', rate: 0 } });
    const seen: { readonly numbers: number[]; readonly length: number }[] = [];
    let early: Verdict;
    const learnMany: Trainer['learnMany'] = windows => {
      for (const { inputs, targets } of change(windows)) {
        const numbers = targets.filter(target => target !== null).map(Number);
        seen.push({ numbers, length: inputs.length });
        if (targets.slice(0, -k1).some(target => target !== null)) early = numbers.join();
      }
      return real.learnMany(windows);
    };
    const random = createRandom(seed);
    const items = drawItems(random, model, { steps, lateness }).map(item =>
      'forStep' in item ? { ...item, target: item.forStep } : item,
    );
    let number = 0;
    const numbered = items.map(item => {
      if ('forStep' in item) return item;
      number++;
      return item.target === undefined || item.target === null ? item : { ...item, target: number };
    });
    const none = { zero: () => null, step: () => null, learn: () => {} };
    const expected = replay(numbered, { k1, k2, lateness }, none).flatMap(told =>
      told.kind === 'update' ? told.learned : [],
    );
    run({ ...real, learnMany }, numbered);
    if (early) return `${early}: not among the newest k1 steps of their window`;
    const learned = seen.flatMap(({ numbers }) => numbers);
    if (JSON.stringify(learned) !== JSON.stringify(expected)) return `learned ${learned}, not ${expected}`;
    if (new Set(learned).size !== learned.length) return `learned twice: ${learned}`;
    for (const { numbers, length } of seen) {
      const end = Math.min(Math.ceil(numbers[0] / k1) * k1, steps);
      if (numbers.some(one => Math.ceil(one / k1) !== Math.ceil(numbers[0] / k1))) return `one window for ${numbers}`;
      if (length !== Math.min(k2, end)) return `a window of ${length} steps that ends with ${end}`;
    }
    return undefined;
  },
  right: windows => windows,
  runs: 200,
  broken: {
    'a window that is learned twice': windows => [...windows, windows[0]],
    'a window that is dropped': windows => windows.slice(1),
    'a window that is longer': windows =>
      windows.map(({ carry, inputs, targets }) => ({ carry, inputs: [null, ...inputs], targets: [null, ...targets] })),
  },
});

test('the graph of the naive BPTT differentiates each of its operations', t => {
  const epsilon = 1e-6;
  const functions: Record<string, (graph: ReturnType<typeof createGraph>, a: number, b: number) => number> = {
    add: (graph, a, b) => graph.add(a, b),
    subtract: (graph, a, b) => graph.subtract(a, b),
    multiply: (graph, a, b) => graph.multiply(a, b),
    scale: (graph, a) => graph.scale(a, 3),
    tanh: (graph, a) => graph.tanh(a),
    sigmoid: (graph, a) => graph.sigmoid(a),
    relu: (graph, a) => graph.relu(a),
    exp: (graph, a) => graph.exp(a),
    log: (graph, a) => graph.log(a),
    'a number used twice': (graph, a, b) => graph.multiply(graph.add(a, b), graph.multiply(a, a)),
  };
  for (const [name, make] of Object.entries(functions)) {
    const value = (x: number, y: number): number => {
      const graph = createGraph();
      return graph.value(make(graph, graph.constant(x), graph.constant(y)));
    };
    const graph = createGraph();
    const [a, b] = [graph.constant(0.7), graph.constant(-0.4)];
    const slopes = graph.gradient(make(graph, a, b));
    const expected = [
      (value(0.7 + epsilon, -0.4) - value(0.7 - epsilon, -0.4)) / (2 * epsilon),
      (value(0.7, -0.4 + epsilon) - value(0.7, -0.4 - epsilon)) / (2 * epsilon),
    ];
    t.true(Math.abs(slopes[a] - expected[0]) < 1e-8 && Math.abs(slopes[b] - expected[1]) < 1e-8, name);
  }
});
