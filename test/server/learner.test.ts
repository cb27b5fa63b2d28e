import test from 'ava';
import { from, lastValueFrom, toArray } from 'rxjs';
import { type RemoteItem, type RemoteLearned, remote, remoteSession } from '../../src/client/index.js';
import type { OutputKind } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { afresh, type Reset } from '../../src/operators/afresh.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createPrivateLearner, createSharedLearner, type Sharing } from '../../src/server/learner.js';
import { createTrainer, type TrainerOptions, type Update } from '../../src/training/trainer.js';
import type { Finished, Learning } from '../../src/wire/messages.js';
import { bits } from '../helpers/bits.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';
import { connectWire, openSession, rowFrames, startServer } from '../helpers/wire-client.js';

test('a learner goes back to the weights that it began with, though the model moved while it was made', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const other = await createModel(config('gru', [5]), { seed: 8 });
  const making = createPrivateLearner(model, undefined, 1 << 20, false);
  model.setWeights(other.weights());
  const learner = await making;
  const began = learner.trainer.model.weights();
  learner.trainer.learn({
    carry: model.zeroCarry(),
    inputs: [Float32Array.of(1, 2, 3)],
    targets: [Float32Array.of(1, 2)],
  });
  t.notDeepEqual(learner.trainer.model.weights(), began);
  learner.restore();
  t.deepEqual(learner.trainer.model.weights(), began);
});

test('who is refused to learn a model for everyone takes nothing of its room', async t => {
  const model = await createModel(config('gru', [5], undefined, { kind: 'classes', size: 3 }), { seed: 7 });
  const { arena } = model.network.kernels;
  const sharing: Sharing = { shared: undefined, sharers: 0, followers: new Set(), verdicts: 0 };
  const before = arena.size();
  const rate = 1e9;
  for (const [learning, message] of [
    [{ loss: { kind: 'ctc' } }, /a loss of each step, got ctc/],
    [{ loss: { kind: 'ctc' }, readout: { optimizer: { rate: 0.1 } } }, /a loss of each step with readout, got ctc/],
    [{ readout: { optimizer: { rate } } }, /optimizer\.rate to be at most/],
    [{ readout: { optimizer: { rate: 0.1, schedule: { kind: 'linear', steps: 0 } } } }, /schedule\.steps/],
    [{ optimizer: { rate } }, /optimizer\.rate to be at most/],
    [{ guard: { every: 0.5 } }, /guard\.every/],
    [{ targetSource: 'input' }, /inputs that can be targets/],
  ] as [Learning, RegExp][]) {
    t.throws(() => createSharedLearner(model, sharing, learning, 1 << 30), { message });
    t.is(arena.size(), before, String(message));
  }
  t.throws(() => createSharedLearner(model, sharing, {}, 100), { message: /a learner of at most 100 bytes/ });
  t.is(arena.size(), before);
  t.is(sharing.shared, undefined);
  createSharedLearner(model, sharing, {}, 1 << 30);
  t.true(arena.size() > before);
});

test('of those that learn a model for everyone, one that fails keeps what the guard did from none of the others', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const sharing: Sharing = { shared: undefined, sharers: 0, followers: new Set(), verdicts: 0 };
  const told: string[] = [];
  const learners = ['a', 'b', 'c'].map(name => {
    const learner = createSharedLearner(model, sharing, {}, 1 << 30);
    learner.follow({
      heed() {
        if (name !== 'c') throw new Error(name);
        told.push(name);
      },
      fail: error => told.push(String(error)),
    });
    return learner;
  });
  learners[2].tell({} as Update);
  t.deepEqual(told, ['Error: a', 'Error: b', 'c']);
  t.is(learners[0].verdicts(), 1);
});

/** Whole, but for what a guard tells streams and not clients. */
function show(event: Learned | RemoteLearned): unknown {
  switch (event.kind) {
    case 'step': {
      const { number, step, loss, limited } = event;
      return ['step', number, [...bits(step.prediction)], loss, limited];
    }
    case 'update': {
      const { good: _, rollback: __, ...update } = event.update as Learned['kind'] extends never ? never : Loose;
      return ['update', update];
    }
    default:
      return [event.kind, event.number, 'loss' in event ? event.loss : undefined];
  }
}
type Loose = Record<string, unknown>;

/** Examples and late targets, some of them weighted; inputs now and then many times larger than usual. */
function itemsFor(model: { config: ReturnType<typeof config> }, lateness: number, weighted: boolean) {
  const random = createRandom(5);
  const weightOf = (): { weight?: number } =>
    weighted && random.integer(2) === 0 ? { weight: 3 * random.uniform() } : {};
  const items: (Example<Float32Array> | LateTarget)[] = [];
  const open: number[] = [];
  for (let number = 1; number <= 120; number++) {
    const raw = randomInput(random, model) as Float32Array;
    const input = number % 40 === 39 ? raw.map(value => 1e4 * value) : raw;
    if (lateness > 0 && random.integer(3) === 0) {
      items.push({ input });
      open.push(number);
    } else items.push({ input, target: randomTarget(random, model), ...weightOf() });
    if (open.length > 0 && random.integer(2) === 0)
      items.push({ forStep: open.shift()!, target: randomTarget(random, model), ...weightOf() });
  }
  return items;
}

interface Case {
  readonly output?: OutputKind;
  readonly options: TrainerOptions;
  /** What would be learned without that which is chosen. */
  readonly without: TrainerOptions;
  readonly weighted?: boolean;
}

const readout = { optimizer: { kind: 'sgd', rate: 0.1, momentum: 0.5 }, k1: 2 } as const;
const guard = { longest: 2, largest: 3 };
const cases: Record<string, Case> = {
  'a huber loss': { options: { loss: { kind: 'huber', delta: 0.3 } }, without: {} },
  'the bare gradient of a band': {
    output: 'gaussian',
    options: { loss: { kind: 'gaussian', beta: 0 } },
    without: {},
  },
  'weights of classes': {
    output: 'classes',
    options: { loss: { kind: 'cross-entropy', classWeights: [0.1, 5] } },
    without: {},
  },
  'weights of examples and late targets': { options: { lateness: 3 }, without: {}, weighted: true },
  'a rule for the readout': { options: { k1: 4, readout, lateness: 3 }, without: { k1: 4, lateness: 3 } },
  'a rule for the readout that is its default': {
    options: { k1: 4, readout: { optimizer: { kind: 'sgd', rate: 0.1 } } },
    without: { k1: 4 },
  },
  'a guard that limits and shortens': { options: { guard }, without: {} },
  'all at once': {
    output: 'classes',
    options: {
      k1: 3,
      k2: 7,
      lateness: 2,
      loss: { kind: 'cross-entropy', classWeights: [2, 0.5] },
      readout,
      replay: { windows: 1, capacity: 20, seed: 3 },
    },
    without: { k1: 3, k2: 7, lateness: 2 },
    weighted: true,
  },
};

for (const [what, { output = 'values', options, without, weighted = false }] of Object.entries(cases)) {
  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
    test(`${what} over the wire (${subprotocol}) is ${what} of a local trainer, bit for bit`, async t => {
      const draw = () => createModel(config('gru', [5], undefined, { kind: output, size: 2 }), { seed: 7 });
      const model = await draw();
      const { url } = await startServer(t, model);
      const items = itemsFor(model, options.lateness ?? 0, weighted);
      const locally = async (how: TrainerOptions, some: readonly (Example<Float32Array> | LateTarget)[]) =>
        (await lastValueFrom(from(some).pipe(tbptt(createTrainer(await draw(), how)), toArray()))).map(show);
      let finished: Finished | undefined;
      let opened: Learning | undefined;
      const learning = options as Learning;
      const there = await lastValueFrom(
        from<readonly RemoteItem[]>(items).pipe(
          remote(url, {
            learn: 'private',
            learning,
            subprotocol,
            onOpened: message => {
              opened = message.learning;
            },
            onFinished: message => {
              finished = message;
            },
          }),
          toArray(),
        ),
      );
      const told = there.map(show);
      const here = await locally(options, items);
      t.deepEqual(told, here);
      t.notDeepEqual(
        told,
        await locally(
          without,
          items.map(({ weight: _, ...item }) => item),
        ),
      );

      const updates = there.flatMap(event => (event.kind === 'update' ? [event.update] : []));
      const { shortenedUpdates, limitedInputs } = finished!.totals!;
      t.is(shortenedUpdates, updates.filter(({ shortened }) => shortened).length);
      t.is(limitedInputs, there.filter(event => event.kind === 'step' && event.limited).length);
      t.is(shortenedUpdates! > 0 && limitedInputs! > 0, options.guard !== undefined);
      t.is(
        updates.some(update => update.readout),
        options.readout !== undefined,
      );
      const trainer = createTrainer(await draw(), options);
      t.deepEqual(opened!.loss, trainer.options.loss);
      t.deepEqual(
        opened!.readout,
        trainer.readout && { ...trainer.options.readout!, optimizer: trainer.readout.config() },
      );
    });
  }
}

test('what a guard does is told though no answer is wanted, and counted where none is given', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const { url, httpUrl } = await startServer(t, model);
  // Without a target, such a step has no loss to be told with.
  const items = itemsFor(model, 0, false).map((item, i) => (i % 40 === 38 ? { ...item, target: null } : item));
  const run = async (want: { answer: 'none' | 'whole'; every?: number }) => {
    let totals: Finished['totals'];
    const events = await lastValueFrom(
      from(items).pipe(
        remote(url, {
          learn: 'private',
          learning: { guard },
          want,
          onFinished: message => {
            totals = message.totals;
          },
        }),
        toArray(),
      ),
      { defaultValue: [] },
    );
    return { totals, limited: events.flatMap(event => (event.kind === 'step' && event.limited ? [event.number] : [])) };
  };
  const all = await run({ answer: 'whole' });
  t.true(all.limited.length >= 1);
  t.deepEqual(await run({ answer: 'none' }), all);
  const { totals, limited } = await run({ answer: 'whole', every: 1000 });
  t.deepEqual([totals!.limitedInputs, limited], [all.totals!.limitedInputs, []]);
  const metrics = await (await fetch(`${httpUrl}/metrics`)).text();
  t.regex(metrics, new RegExp(`^eddy_limited_inputs_total ${3 * all.limited.length}$`, 'm'));
});

test('wrong losses, readouts and weights are refused with the name of what is wrong', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const { url } = await startServer(t, {
    values: model,
    classes: await createModel(config('gru', [5], undefined, { kind: 'classes', size: 3 })),
    bands: await createModel(config('gru', [5], undefined, { kind: 'gaussian', size: 2 })),
  });
  const client = await connectWire(t, url);
  const readout = (optimizer: object, k1?: number): Learning => ({
    readout: { optimizer, ...(k1 === undefined ? {} : { k1 }) },
  });
  for (const [name, learning, message] of [
    [
      'values',
      { loss: { kind: 'cross-entropy' } },
      /loss\.kind to be squared-error or huber for values, got cross-entropy/,
    ],
    ['values', { loss: { delta: 2 } }, /loss\.kind to be squared-error or huber for values, got undefined/],
    ['values', { loss: { kind: 'huber', delta: -1 } }, /loss\.delta to be a positive number, got -1/],
    ['values', { loss: { kind: 'huber', classWeights: [1] } }, /the settings of huber alone .*got loss\.classWeights/],
    ['values', { loss: { kind: 'squared-error', delta: 1 } }, /the settings of squared-error alone .*got loss\.delta/],
    ['classes', { loss: { kind: 'cross-entropy', classWeights: [1, 2] } }, /classWeights to be 3 numbers from 0/],
    ['classes', { loss: { kind: 'cross-entropy', classWeights: [1, 2, -1] } }, /classWeights to be 3 numbers from 0/],
    ['classes', { loss: { kind: 'cross-entropy', classWeights: [1, 2, Number.NaN] } }, /classWeights to be 3 numbers/],
    ['classes', { loss: { kind: 'ctc' } }, /a loss of each step, got ctc/],
    ['bands', { loss: { kind: 'gaussian', beta: 0.3 } }, /loss\.beta to be 0, 0\.5 or 1, got 0\.3/],
    ['values', readout({}), /readout\.optimizer\.rate to be given/],
    ['values', readout({ kind: 'sgd', rate: 0.1 }, 0), /readout\.k1 to be an integer from 1, got 0/],
    ['values', readout({ kind: 'sgd', rate: -1 }), /rate to be a number from 0, got -1/],
    ['values', { optimizer: { beta1: 0.5 } }, /optimizer\.rate to be given/],
  ] as [string, Learning, RegExp][]) {
    client.send({ type: 'open', session: 1, model: name, learn: 'private', learning });
    const fault = await client.expect('fault');
    t.is(fault.code, 'bad_config', fault.message);
    t.regex(fault.message, message);
  }
  const opened = await openSession(client, 1, {
    model: 'values',
    learn: 'private',
    learning: { lateness: 2, optimizer: { rate: 0.1 } },
  });
  t.like(opened.learning, { optimizer: { kind: 'adam', rate: 0.1 }, loss: { kind: 'squared-error' } });
  const row = Float32Array.of(1, 2, 3);
  const target = Float32Array.of(1, 2);
  client.send(
    { ...rowFrames(1, 1, [row, row]), targets: { targets: [target, target], weights: [-1, 2] } } as never,
    { ...rowFrames(1, 3, [row]) },
    { type: 'targets', session: 1, forStep: 2, targets: [target], weights: [Number.POSITIVE_INFINITY] },
  );
  const nextFault = async (): Promise<unknown[]> => {
    let message = await client.next();
    while (message.type !== 'fault') message = await client.next();
    return [message.code, message.forSeq, message.forStep, message.message];
  };
  const wrong = 'Expected weight to be a finite number from 0, got';
  t.deepEqual(await nextFault(), ['bad_target', 1, undefined, `${wrong} -1`]);
  t.deepEqual(await nextFault(), ['bad_target', undefined, 2, `${wrong} Infinity`]);
  client.send({ type: 'targets', session: 1, forStep: 2, targets: [target, target], weights: [1] });
  t.deepEqual(await nextFault(), ['invalid', undefined, undefined, 'Expected one weight a target (2), got 1']);
});

test('a stream begins at a reset as any stream does, wherever that comes, with its groups and draws', async t => {
  const draw = () => createModel(config('gru', [5]), { seed: 7 });
  const { url } = await startServer(t, await draw());
  const all = itemsFor(await draw(), 0, false);
  const reset = { reset: true } as const;
  const items = [...all.slice(0, 17), reset, ...all.slice(17, 37), reset, ...all.slice(37, 60)];
  const told = (event: Learned | RemoteLearned): unknown[] =>
    event.kind === 'step'
      ? [[...bits(event.step.prediction)]]
      : event.kind === 'update'
        ? [[event.update.count, event.update.loss, event.update.labelled, event.update.replayed, event.update.readout]]
        : [];
  for (const options of [
    { k1: 3, k2: 7 },
    { k1: 3, k2: 7, readout },
    { k1: 4, k2: 4, replay: { windows: 2, capacity: 9, seed: 3 } },
  ] as const) {
    const trainer = createTrainer(await draw(), options);
    const here = await lastValueFrom(
      from<readonly (Example<Float32Array> | LateTarget | Reset)[]>(items).pipe(
        afresh<Example<Float32Array> | LateTarget, Learned>(() => tbptt(trainer)),
        toArray(),
      ),
    );
    const learning = options as Learning;
    const session = remoteSession(url, { learn: 'private', learning });
    const there: RemoteLearned[] = [];
    const other = remoteSession(url, { learn: 'private', learning });
    // In the middle it goes on elsewhere, from its state.
    for (const item of items.slice(0, 28)) await session.send(item);
    const { data } = await session.snapshot();
    session.finish();
    await other.restore(data);
    for (const item of items.slice(28)) await other.send(item);
    other.finish();
    for await (const event of session) there.push(event);
    for await (const event of other) there.push(event);
    const steps = (events: readonly (Learned | RemoteLearned)[]) =>
      events.filter(({ kind }) => kind === 'step').flatMap(told);
    t.deepEqual(steps(there), steps(here));
    const alone = await lastValueFrom(
      from<readonly RemoteItem[]>(items).pipe(remote(url, { learn: 'private', learning }), toArray()),
    );
    t.deepEqual(alone.flatMap(told), here.flatMap(told));
  }
});

test('a reset with weights takes the rule of the readout back, too', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const { url } = await startServer(t, model);
  const items = itemsFor(model, 0, true).slice(0, 31);
  const events = await lastValueFrom(
    from<readonly RemoteItem[]>([...items, { reset: true, weights: true }, ...items]).pipe(
      remote(url, { learn: 'private', learning: { k1: 4, readout } }),
      toArray(),
    ),
  );
  const stepsOf = (event: RemoteLearned) => (event.kind === 'step' ? [[...bits(event.step.prediction)]] : []);
  const steps = events.flatMap(stepsOf);
  t.is(steps.length, 62);
  t.deepEqual(steps.slice(31), steps.slice(0, 31));
});

test('the moments of a readout count against the bytes of a learner', async t => {
  const model = await createModel(config('gru', [64]), { seed: 7 });
  const bytes = 4 * model.network.parameters.size;
  const fits = async (learning: Learning, most: number): Promise<boolean> =>
    createPrivateLearner(model, learning, most, false).then(
      () => true,
      () => false,
    );
  const least = async (learning: Learning): Promise<number> => {
    let [low, high] = [0, 1 << 24];
    while (high - low > 64) {
      const middle = (low + high) >> 1;
      if (await fits(learning, middle)) high = middle;
      else low = middle;
    }
    return high;
  };
  const plain = await least({});
  t.true((await least({ readout })) - plain >= 2 * bytes);
  t.true((await least({ readout, guard: {} })) - (await least({ guard: {} })) >= 6 * bytes);
});
