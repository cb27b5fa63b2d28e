import test from 'ava';
import { CheckpointError, ConfigError } from '../../src/errors.js';
import { loadModel, saveModel } from '../../src/model/checkpoint.js';
import type { ModelConfig } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { readSafetensors, type Tensor, tensorOf, writeSafetensors } from '../../src/model/safetensors.js';
import type { Example, Forget, LateTarget } from '../../src/operators/learned.js';
import { createRandom, type Random } from '../../src/random.js';
import { loadTrainer, saveTrainer } from '../../src/training/checkpoint.js';
import type { Target } from '../../src/training/loss.js';
import type { LossConfig } from '../../src/training/losses.js';
import type { TrainerOptions } from '../../src/training/options.js';
import { createStream, type LearningStream, type StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { cellKinds, config, randomInput, randomTarget } from '../helpers/models.js';

const configs = cellKinds
  .flatMap(cell => [
    config(cell, [3], { kind: 'token', size: 4 }, { kind: 'classes', size: 4 }),
    config(cell, [2, 3], { kind: 'features', size: 2 }, { kind: 'values', size: 1 }, true),
    config(cell, [3], { kind: 'features', size: 2 }, { kind: 'labels', size: 2 }),
  ])
  .concat([config('gru', [3], { kind: 'features', size: 2 }, { kind: 'gaussian', size: 2 })]);

const optimizers: readonly TrainerOptions['optimizer'][] = [
  { kind: 'adam', rate: 0.01 },
  { kind: 'adam', rate: 0.01, beta1: 0.5, beta2: 0.99, epsilon: 1e-6 },
  { kind: 'sgd', rate: 0.05 },
  { kind: 'sgd', rate: 0.05, momentum: 0.9 },
  { kind: 'rmsprop', rate: 0.01, schedule: { kind: 'inverse-sqrt', period: 5, until: Number.POSITIVE_INFINITY } },
  { kind: 'adagrad', rate: 0.01, schedule: { kind: 'linear', steps: 20, warmup: 3 } },
  { kind: 'adam', rate: 0.01, weightDecay: 0.1 },
];

type Item = readonly [name: string, item: Example | LateTarget | Forget];

/** Items of two streams in turns: late targets in any order, duplicates, expired ones, and some that never come. */
function randomItems(trainer: Trainer, length: number, seed: number): Item[] {
  const random = createRandom(seed);
  const { output } = trainer.model.config;
  const target = (): Target => {
    if (random.uniform() < 0.1) return null;
    if (output.kind === 'values' && output.size === 1 && random.uniform() < 0.5) return random.normal();
    return randomTarget(random, trainer.model);
  };
  const weight = () => (random.uniform() < 0.7 ? {} : { weight: random.integer(4) / 2 });
  const steps: Record<string, number> = { a: 0, b: 0 };
  return Array.from({ length }, (): Item => {
    const name = random.uniform() < 0.6 ? 'a' : 'b';
    if (random.uniform() < 0.05) return [name, { forget: random.integer(8) }];
    if (steps[name] > 0 && random.uniform() < 0.4) {
      const back = random.integer(trainer.options.lateness + 2);
      return [name, { forStep: Math.max(1, steps[name] - back), target: target(), ...weight() }];
    }
    steps[name]++;
    const input = random.uniform() < 0.1 ? null : randomInput(random, trainer.model);
    return [name, random.uniform() < 0.5 ? { input } : { input, target: target(), ...weight() }];
  });
}

/** Two streams of one learner; `number` collects what comes out. */
function createRun(trainer: Trainer, states: ReadonlyMap<string, StreamState> = new Map()) {
  const numbers: number[] = [];
  const streams = new Map(['a', 'b'].map(name => [name, createStream(trainer, states.get(name))]));

  const update = (stream: LearningStream): void => {
    const windows = stream.windows.take();
    if (windows.length === 0) return;
    const { count, loss, gradientNorm, steps } = trainer.learnMany(windows);
    numbers.push(count, loss, gradientNorm, steps);
  };
  const updateReadout = (stream: LearningStream): void => {
    const taken = stream.readout?.take() ?? [];
    if (taken.length === 0) return;
    const { count, loss, gradientNorm, steps } = trainer.learnReadout(taken);
    numbers.push(count, loss, gradientNorm, steps);
  };
  const updateDue = (stream: LearningStream, waiting: boolean): void => {
    if (stream.windows.due(waiting)) update(stream);
    if (stream.readout?.due(waiting)) updateReadout(stream);
  };

  return {
    numbers,
    take(name: string, item: Example | LateTarget | Forget): void {
      const stream = streams.get(name)!;
      if ('forget' in item) {
        stream.forget(item.forget);
        return;
      }
      if ('forStep' in item) {
        const arrival = stream.target(item.forStep, item.target, item.weight);
        if (arrival.kind === 'late') numbers.push(...arrival.prediction, arrival.loss ?? -1);
        else numbers.push(arrival.kind.length);
        if (item.forStep === stream.steps()) updateDue(stream, false);
        return;
      }
      updateDue(stream, true);
      const { step, loss } = stream.step(item.input, item.target, item.weight);
      numbers.push(...step.logits, ...step.prediction, ...step.carry, loss ?? -1);
      updateDue(stream, false);
    },
    states: () => new Map([...streams].map(([name, stream]) => [name, stream.state()])),
  };
}

/** The usual loss, or another that the output allows. */
function lossFor({ kind, size }: ModelConfig['output'], random: Random): LossConfig | undefined {
  if (random.uniform() < 0.5) return undefined;
  if (kind === 'values') return { kind: 'huber', delta: 0.5 };
  if (kind === 'classes') return { kind: 'cross-entropy', classWeights: Array.from({ length: size }, (_, i) => i) };
  return undefined;
}

/** By its number, one of many different learners. */
async function createCase(number: number): Promise<Trainer> {
  const random = createRandom(number);
  const k1 = 1 + random.integer(4);
  const model = await createModel(configs[number % configs.length], { seed: number });
  return createTrainer(model, {
    loss: lossFor(model.config.output, random),
    k1,
    k2: k1 + random.integer(5),
    lateness: random.integer(6),
    optimizer: optimizers[random.integer(optimizers.length)],
    ...(random.uniform() < 0.4 && {
      readout: { optimizer: optimizers[random.integer(optimizers.length)]!, k1: 1 + random.integer(3) },
    }),
    maxGradientElement: random.uniform() < 0.3 ? 0.1 : Number.POSITIVE_INFINITY,
    maxGradientNorm: random.uniform() < 0.5 ? 0.5 : Number.POSITIVE_INFINITY,
    replay: random.uniform() < 0.5 ? { windows: 1 + random.integer(2), capacity: 12, seed: number } : undefined,
    freeze: random.uniform() < 0.3 ? ['readout.bias'] : [],
  });
}

/** The names of what differs between two learners. */
function differences(a: Trainer, b: Trainer): string[] {
  const [x, y] = [a.model.weights(), b.model.weights()];
  const found = Object.keys(x).filter(name => firstDifference(x[name], y[name]) >= 0);
  for (const [name, { array }] of Object.entries(a.optimizer.moments))
    if (firstDifference(array, b.optimizer.moments[name].array) >= 0) found.push(name);
  for (const [name, { array }] of Object.entries(a.readout?.moments ?? {}))
    if (firstDifference(array, b.readout!.moments[name].array) >= 0) found.push(`readout.${name}`);
  if (JSON.stringify(a.counters()) !== JSON.stringify(b.counters())) found.push('counters');
  return found;
}

test('a run that stops anywhere and goes on from its file ends in the same bits', async t => {
  let late = 0;
  let open = 0;
  for (let number = 0; number < 36; number++) {
    const whole = await createCase(number);
    const items = randomItems(whole, 50, number);
    const straight = createRun(whole);
    for (const [name, item] of items) straight.take(name, item);

    const random = createRandom(1000 + number);
    let trainer = await createCase(number);
    let run = createRun(trainer);
    let numbers: number[] = [];
    let file = new Uint8Array();
    for (const [name, item] of items) {
      if (random.uniform() < 0.08) {
        const states = run.states();
        if ([...states.values()].some(({ entries }) => entries.slice(0, -1).some(({ fresh }) => fresh))) late++;
        if ([...states.values()].some(({ steps }) => steps % trainer.options.k1 !== 0)) open++;
        file = saveTrainer(trainer, states, { number });
        const loaded = await loadTrainer(file);
        t.deepEqual(differences(trainer, loaded.trainer), []);
        t.is(firstDifference(saveTrainer(loaded.trainer, loaded.states, loaded.extra), file), -1);
        numbers = [...numbers, ...run.numbers];
        trainer = loaded.trainer;
        run = createRun(trainer, loaded.states);
      }
      run.take(name, item);
    }
    t.is(firstDifference([...numbers, ...run.numbers], straight.numbers), -1, `case ${number}`);
    t.deepEqual(differences(trainer, whole), [], `case ${number}`);
    t.is(firstDifference(saveTrainer(trainer, run.states()), saveTrainer(whole, straight.states())), -1);
    // Infinity is what a schedule's `until` is when it is left out.
    const settings = ({ options, optimizer, readout }: Trainer): string =>
      JSON.stringify(
        [options.maxGradientNorm === Number.POSITIVE_INFINITY, options, optimizer.config(), readout?.config()],
        (_, value) =>
          value === Number.POSITIVE_INFINITY || value === options.optimizer || value === options.readout?.optimizer
            ? undefined
            : value,
      );
    t.is(settings(trainer), settings(whole));
  }
  // The stops were in the middle of windows, and while targets that had come waited to be learned.
  t.true(late > 20 && open > 20, `${late}, ${open}`);
});

test('a run that goes on without its moments, its counters or its streams ends in other bits', async t => {
  const number = 1;
  const start = async (): Promise<{ trainer: Trainer; file: Uint8Array; rest: Item[] }> => {
    const trainer = createTrainer(await createModel(configs[number]), {
      k1: 2,
      k2: 4,
      lateness: 3,
      optimizer: { kind: 'adam', rate: 0.01 },
      replay: { windows: 1, capacity: 30 },
    });
    const items = randomItems(trainer, 200, number);
    const run = createRun(trainer);
    const waits = ({ entries }: StreamState): boolean => entries.some(({ fresh }) => fresh);
    let next = 0;
    while (next < 30 || ![...run.states().values()].every(waits)) run.take(...items[next++]);
    const file = saveTrainer(trainer, run.states());
    for (const [name, item] of items.slice(next)) run.take(name, item);
    return { trainer, file, rest: items.slice(next) };
  };
  const { trainer: whole, file, rest } = await start();
  const goOn = async (change: (trainer: Trainer, states: Map<string, StreamState>) => void): Promise<string[]> => {
    const { trainer, states } = await loadTrainer(file);
    change(trainer, states);
    const run = createRun(trainer, states);
    for (const [name, item] of rest) run.take(name, item);
    return differences(trainer, whole);
  };
  t.deepEqual(await goOn(() => {}), []);
  t.true((await goOn(trainer => trainer.optimizer.moments.second.array.fill(0))).length > 0);
  t.true((await goOn(trainer => trainer.restore({ ...trainer.counters(), power2: 0.9 }))).length > 0);
  for (const change of [
    (state: StreamState) => ({ ...state, carry: state.carry.map(() => 0) }),
    ({ random: _, ...state }: StreamState) => state,
    (state: StreamState) => ({ ...state, entries: state.entries.map(entry => ({ ...entry, fresh: false })) }),
    (state: StreamState) => ({ ...state, entries: state.entries.map(entry => ({ ...entry, carry: state.carry })) }),
  ]) {
    const found = await goOn((_, states) => {
      for (const [name, state] of states) states.set(name, change(state));
    });
    t.true(found.length > 0, String(change));
  }
});

const learner = async (options: TrainerOptions = {}): Promise<{ trainer: Trainer; file: Uint8Array }> => {
  const trainer = createTrainer(await createModel(configs[6]), {
    k1: 2,
    k2: 4,
    lateness: 2,
    optimizer: { kind: 'adam', rate: 0.01, beta1: 0.5 },
    ...options,
  });
  const run = createRun(trainer);
  for (const [name, item] of randomItems(trainer, 40, 5)) run.take(name, item);
  return { trainer, file: saveTrainer(trainer, run.states(), { encoders: { a: { pending: '\ud83d' } } }) };
};

test('who wants the model alone takes it from the same file', async t => {
  const { trainer, file } = await learner();
  const model = await loadModel(file);
  t.deepEqual(saveModel(model), saveModel(trainer.model));
});

test('what travels along comes back, and what is no plain data is not taken', async t => {
  const { trainer, file } = await learner();
  t.deepEqual((await loadTrainer(file)).extra, { encoders: { a: { pending: '\ud83d' } } });
  for (const extra of [{ a: Number.NaN }, { b: new Map() }, [new Float32Array(2)]])
    t.throws(() => saveTrainer(trainer, new Map(), extra), { instanceOf: CheckpointError });
});

test('any names of streams and any number of them, none too, come back', async t => {
  const { trainer } = await learner();
  const state = createStream(trainer).state();
  for (const names of [[], ['__proto__', '', 'é\ud800', '1', '0']]) {
    const { states } = await loadTrainer(saveTrainer(trainer, new Map(names.map(name => [name, state]))));
    t.deepEqual([...states.keys()], names);
  }
});

interface Metadata {
  trainer: { options: Record<string, unknown>; counters: string[]; streams: string[] };
}

const refusals: readonly {
  title: string;
  change: (metadata: Metadata, tensors: Map<string, Tensor>) => void;
  message: RegExp;
}[] = [
  {
    title: 'of a model',
    change: (metadata, tensors) => {
      delete (metadata as Partial<Metadata>).trainer;
      for (const name of [...tensors.keys()]) if (name.startsWith('trainer.')) tensors.delete(name);
    },
    message: /Expected the checkpoint of a learner, got that of a model: load it with loadModel/,
  },
  {
    title: 'without a moment',
    change: (_, tensors) => tensors.delete('trainer.moments.second.readout.bias'),
    message: /Expected tensor "trainer.moments.second.readout.bias" to be F32 \[4\], got no such tensor/,
  },
  {
    title: 'with the moments of another optimizer',
    change: metadata => {
      metadata.trainer.options.optimizer = { kind: 'sgd', rate: 0.1 };
    },
    message: /Expected the moments of sgd alone, got "trainer.moments.first/,
  },
  {
    title: 'with a moment that is NaN',
    change: (_, tensors) =>
      tensors.set('trainer.moments.first.readout.bias', tensorOf(Float32Array.of(0, 1, Number.NaN, 0))),
    message: /"trainer.moments.first.readout.bias" to have numbers, got NaN at 2/,
  },
  {
    title: 'with a window of all the memory there is',
    change: metadata => {
      metadata.trainer.options.k2 = 1_000_000;
    },
    message: /of an update to take at most 268435456 bytes, got \d+ with k2 = 1000000: raise maxWindowBytes/,
  },
  {
    title: 'with a million windows to replay',
    change: metadata => {
      metadata.trainer.options.replay = { windows: 1_000_000, capacity: 9, seed: 0 };
    },
    message: /of an update to take at most 268435456 bytes, got \d+ with k2 = 4/,
  },
  {
    title: 'with options that are none',
    change: metadata => {
      metadata.trainer.options = { k1: 3, k2: 1 };
    },
    message: /to hold together, got parts that do not. Expected k2 to be an integer from k1 \(3\), got 1/,
  },
  {
    title: 'with an optimizer that is none',
    change: metadata => {
      metadata.trainer.options.optimizer = null;
    },
    message: /to hold together/,
  },
  {
    title: 'without a counter',
    change: metadata => {
      metadata.trainer.counters[metadata.trainer.counters.indexOf('power2')] = 'power3';
    },
    message: /Expected the counter "power2" to be a number from 0, got NaN/,
  },
  {
    title: 'with a stream more than it has',
    change: metadata => metadata.trainer.streams.push('c'),
    message: /Expected tensor "trainer.streams.counts" to be F64 \[3, 3\], got F64 \[2, 3\]/,
  },
  {
    title: 'with two streams of one name',
    change: metadata => {
      metadata.trainer.streams = ['a', 'a'];
    },
    message: /streams of different names/,
  },
  {
    title: 'with more entries than steps',
    change: (_, tensors) => tensors.set('trainer.streams.counts', tensorOf(Float64Array.of(1, 1, 9, 9, 9, 9), [2, 3])),
    message: /Expected stream 0 to have steps, of which some were updated and kept, got 1, 1, 9/,
  },
  {
    title: 'with the carries of another cell',
    change: (_, tensors) => tensors.set('trainer.streams.carry', tensorOf(new Float32Array(8), [2, 4])),
    message: /Expected tensor "trainer.streams.carry" to be F32 \[2, 3\], got F32 \[2, 4\]/,
  },
  {
    title: 'with a token that is none',
    change: (_, tensors) => {
      const { shape } = tensors.get('trainer.streams.entries.input')!;
      tensors.set('trainer.streams.entries.input', tensorOf(new Float32Array(shape[0]).fill(4), shape));
    },
    message: /to hold together.*Expected input to be a token from 0 to 3, got 4/,
  },
  {
    title: 'with a target that is none',
    change: (_, tensors) => {
      const { shape } = tensors.get('trainer.streams.entries.target')!;
      tensors.set('trainer.streams.entries.target', tensorOf(new Float64Array(shape[0]).fill(0.5), shape));
    },
    message: /to hold together.*Expected target to be a class from 0 to 3 or null, got 0.5/,
  },
];

for (const { title, change, message } of refusals) {
  test(`a checkpoint ${title} is refused`, async t => {
    const { metadata, tensors } = readSafetensors((await learner()).file);
    const known = JSON.parse(metadata.eddy) as Metadata;
    change(known, tensors);
    const changed = writeSafetensors(tensors, { eddy: JSON.stringify(known) });
    await t.throwsAsync(async () => loadTrainer(changed), { instanceOf: CheckpointError, message });
  });
}

test('a great window is loaded by who allows it', async t => {
  const { trainer } = await learner({ k2: 500 });
  const file = saveTrainer(trainer, new Map());
  await t.throwsAsync(async () => loadTrainer(file, { maxWindowBytes: 1000 }), { instanceOf: CheckpointError });
  t.is((await loadTrainer(file)).trainer.options.k2, 500);
});

test('one state in the place of the states of all streams is refused, and what they are is said', async t => {
  const trainer = createTrainer(await createModel(config('gru', [3])));
  const state = createStream(trainer).state();
  for (const [states, found] of [
    [state, 'Object'],
    [undefined, 'undefined'],
  ]) {
    t.throws(() => saveTrainer(trainer, states as never), {
      instanceOf: ConfigError,
      message: `Expected states to be a Map from the name of each stream to its state, got ${found}`,
    });
  }
});
