import test from 'ava';
import { filter, from, lastValueFrom, map, Subject, toArray } from 'rxjs';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import { type BestLearned, type BestOfOptions, type BestState, bestOf } from '../../src/operators/best-of.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { next } from '../../src/operators/next.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createAverage } from '../../src/training/average.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { bits } from '../helpers/bits.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { config } from '../helpers/models.js';
import { rows, showStep } from '../helpers/samples.js';

type Item = Example<Float32Array> | LateTarget;

/** Learners that differ and stay as they are: with a rate of 0, subscriptions do not see one another. */
const still = (seeds: readonly number[]): Promise<Trainer[]> =>
  Promise.all(
    seeds.map(async seed =>
      createTrainer(await createModel(config('gru', [5]), { seed }), {
        optimizer: { kind: 'sgd', rate: 0 },
        k1: 2,
        k2: 3,
        lateness: 2,
      }),
    ),
  );
const seeds = [1, 2, 3];
const options: BestOfOptions = { fading: 0.5 };

const xs = rows(8);
const ys = rows(8, 2, 5);
const items: Item[] = [
  ...xs.slice(0, 4).map((input, i) => ({ input, target: ys[i] })),
  { input: xs[4] },
  { forStep: 5, target: ys[4] },
  { forStep: 5, target: ys[4] },
  ...xs.slice(5).map((input, i) => ({ input, target: ys[5 + i] })),
];

function show(event: BestLearned): unknown {
  const { learner } = event;
  if (event.kind === 'step') return { kind: 'step', learner, number: event.number, ...showStep(event.step) };
  if (event.kind === 'late')
    return { kind: 'late', learner, number: event.number, prediction: bits(event.prediction), loss: event.loss };
  if (event.kind === 'update') return { kind: 'update', learner, loss: event.update.loss };
  return { kind: event.kind, learner, ...('number' in event ? { number: event.number } : {}) };
}

/** Each learner alone, by `tbptt`; then item by item the answers of the one that was best before, and everyone's updates. */
async function expected(list: readonly Item[], ended: boolean): Promise<unknown[]> {
  const trainers = await still(seeds);
  const alone: Learned[][][] = await Promise.all(
    trainers.map(async trainer => {
      const groups: Learned[][] = [];
      let rest: Learned[] = [];
      const source = new Subject<Item>();
      source.pipe(tbptt<Float32Array>(trainer)).subscribe(event => rest.push(event));
      for (const item of list) {
        rest = [];
        source.next(item);
        groups.push(rest);
      }
      rest = [];
      if (ended) source.complete();
      groups.push(rest);
      return groups;
    }),
  );
  const averages = trainers.map(() => createAverage(0.5));
  let leader = 0;
  const out: unknown[] = [];
  for (let i = 0; i <= list.length; i++) {
    alone.forEach((groups, learner) => {
      for (const event of groups[i]) {
        if (event.kind === 'update' || learner === leader)
          out.push(show({ ...event, learner } as unknown as BestLearned));
        if ((event.kind === 'step' || event.kind === 'late') && event.loss !== null) averages[learner].add(event.loss);
      }
    });
    const losses = averages.map(average => average.read().fading);
    const best = losses.reduce((least, loss) => Math.min(least, loss), Number.POSITIVE_INFINITY);
    if (losses[leader] > best) leader = losses.indexOf(best);
  }
  return out;
}

const sample = await still(seeds);

keepsContract<Item, BestLearned>('bestOf', {
  make: async () => bestOf(await still(seeds), options),
  items,
  expected,
  show,
  wrong: [
    { what: 'a row of another length', item: { input: new Float32Array(2), target: null }, code: 'EDDY_INPUT' },
    { what: 'nothing', item: null, code: 'EDDY_INPUT' },
  ],
  wrongArguments: [
    { what: 'no trainers', call: () => bestOf([]), code: 'EDDY_CONFIG' },
    { what: 'one model twice', call: () => bestOf([sample[0], sample[0]]), code: 'EDDY_CONFIG' },
    { what: 'a fading factor of 0', call: () => bestOf(sample, { fading: 0 }), code: 'EDDY_CONFIG' },
    {
      what: 'an option that it does not have',
      call: () => bestOf(sample, { window: 2 } as object),
      code: 'EDDY_CONFIG',
    },
    ...[null, {}, { stream: null, sum: Number.NaN, count: 0 }].map(learner => ({
      what: 'a state whose learner is none',
      call: () => bestOf([sample[0]], { state: { leader: 0, learners: [learner as never] } }),
      code: 'EDDY_CONFIG',
    })),
    { what: 'a margin below 0', call: () => bestOf(sample, { margin: -1 }), code: 'EDDY_CONFIG' },
  ],
});

test('trainers of other inputs are refused', async t => {
  const other = createTrainer(await createModel(config('gru', [5], { kind: 'features', size: 4 })));
  t.throws(() => bestOf([sample[0], other]), { code: 'EDDY_CONFIG', message: /^Expected input of trainer 1 .* got / });
});

test('each step is answered once, when its example comes, by the learner that was best before', async t => {
  const trainers = await still(seeds);
  // The second of them answers right, always.
  const targets: Float32Array[] = [];
  let carry = trainers[1].model.zeroCarry();
  for (const input of xs.slice(0, 3)) {
    const step = trainers[1].model.step(carry, input);
    carry = step.carry;
    targets.push(step.prediction.slice());
  }
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold<Item>('ab--c|', {
      a: { input: xs[0], target: targets[0] },
      b: { input: xs[1], target: targets[1] },
      c: { input: xs[2], target: targets[2] },
    });
    const answers = source.pipe(
      bestOf(trainers, options),
      filter(event => event.kind === 'step'),
      map(({ number, learner }) => [number, learner]),
    );
    expectObservable(answers).toBe('ab--c|', { a: [1, 0], b: [2, 1], c: [3, 1] });
    expectSubscriptions(source.subscriptions).toBe('^----!');
  });
});

test('of three learning rates the best answers, and nearly as well as if it were alone', async t => {
  const series = Array.from({ length: 1500 }, (_, i) => Float32Array.of(Math.sin(i / 5)));
  const one = async (rate: number): Promise<Trainer> =>
    createTrainer(
      (await createModel(config('gru', [8], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }), {
        seed: 3,
      })) as TrainableModel,
      { optimizer: { kind: 'adam', rate }, k2: 8 },
    );
  const mean = (events: readonly (Learned | BestLearned)[]): number => {
    const losses = events.flatMap(event => (event.kind === 'late' && event.loss !== null ? [event.loss] : []));
    return losses.slice(500).reduce((sum, loss) => sum + loss, 0) / (losses.length - 500);
  };
  const rates = [0.00003, 0.0005, 0.05];
  const alone = await Promise.all(
    rates.map(async rate =>
      mean(await lastValueFrom(from(series).pipe(next(), tbptt<Float32Array>(await one(rate)), toArray()))),
    ),
  );
  const trainers = await Promise.all(rates.map(one));
  const together = await lastValueFrom(from(series).pipe(next(), bestOf<Float32Array>(trainers), toArray()));
  const leaders = together.flatMap(event => (event.kind === 'late' && event.number > 1000 ? [event.learner] : []));
  t.is(alone.indexOf(Math.min(...alone)), 1);
  t.true(leaders.filter(leader => leader === 1).length > 0.9 * leaders.length);
  t.true(mean(together) < 1.2 * alone[1], `${mean(together)} of ${alone.join(' ')}`);
});

test('a learner that diverges leaves, and the others go on; the last one ends the stream', async t => {
  const trainers = await still([1, 2]);
  const broken = createTrainer(await createModel(config('gru', [5]), { seed: 4 }), { k2: 1, maxSkipped: 1 });
  const weights = broken.model.weights();
  broken.model.setWeights({ 'readout.weight': weights['readout.weight'].fill(3e38) });
  const examples = xs.map((input, i) => ({ input, target: ys[i] }));
  const events = await lastValueFrom(from(examples).pipe(bestOf<Float32Array>([broken, ...trainers]), toArray()));
  t.deepEqual(
    events.flatMap(event => (event.kind === 'diverged' ? [[event.learner, event.error.code]] : [])),
    [[0, 'EDDY_DIVERGENCE']],
  );
  const answers = events.flatMap(event => (event.kind === 'step' ? [event.learner] : []));
  t.is(answers.length, examples.length);
  t.false(answers.slice(1).includes(0));
  await t.throwsAsync(lastValueFrom(from(examples).pipe(bestOf<Float32Array>([broken]), toArray())), {
    code: 'EDDY_DIVERGENCE',
  });
});

test('a learner whose state grows beyond float32 leaves, and the others go on; a wrong input ends the stream for all', async t => {
  const steady = await still([1, 2]);
  const relu = await createModel(config('rnn_relu', [4]), { seed: 1 });
  relu.setWeights({ weight_hh_l0: new Float32Array(16).fill(1e12), bias_ih_l0: new Float32Array(4).fill(9) });
  const grows = createTrainer(relu, { freeze: Object.keys(relu.weights()) });
  const examples: Item[] = xs.map(input => ({ input, target: null }));
  const events = await lastValueFrom(from(examples).pipe(bestOf<Float32Array>([grows, ...steady]), toArray()));
  const left = events.flatMap(event => (event.kind === 'diverged' ? [event] : []));
  t.deepEqual(
    left.map(({ learner, error }) => [learner, error.code]),
    [[0, 'EDDY_DIVERGENCE']],
  );
  t.regex(left[0].error.message, /state/);
  const answers = events.flatMap(event => (event.kind === 'step' ? [event.learner] : []));
  t.is(answers.length, examples.length - 1, 'the leader left without an answer once');
  t.deepEqual(answers.slice(-2), [1, 1]);
  await t.throwsAsync(lastValueFrom(from(examples).pipe(bestOf<Float32Array>([grows]), toArray())), {
    code: 'EDDY_INPUT',
  });
  const wrong = [{ input: new Float32Array(7), target: null }];
  await t.throwsAsync(lastValueFrom(from(wrong).pipe(bestOf<Float32Array>(steady), toArray())), { code: 'EDDY_INPUT' });
});

test('a race that is resumed from any step has the bits of one that was not stopped', async t => {
  const make = (): Promise<Trainer[]> =>
    Promise.all([1, 2].map(async seed => createTrainer(await createModel(config('gru', [5]), { seed }), { k2: 3 })));
  const examples = xs.map((input, i) => ({ input, target: ys[i] }));
  const whole = await lastValueFrom(from(examples).pipe(bestOf<Float32Array>(await make(), options), toArray()));
  for (let cut = 1; cut < examples.length; cut++) {
    const trainers = await make();
    const source = new Subject<Example<Float32Array>>();
    const parts: unknown[] = [];
    let state: BestState | undefined;
    const first = source.pipe(bestOf<Float32Array>(trainers, options)).subscribe(event => {
      state = event.state();
      parts.push(show(event));
    });
    for (const example of examples.slice(0, cut)) source.next(example);
    first.unsubscribe();
    const rest = from(examples.slice(cut)).pipe(bestOf<Float32Array>(trainers, { ...options, state }), toArray());
    for (const event of await lastValueFrom(rest)) parts.push(show(event));
    t.deepEqual(parts, whole.map(show), `cut after ${cut}`);
  }
});

test('a state is that of its own item, and no later one', async t => {
  const source = new Subject<Example<Float32Array>>();
  const events: BestLearned[] = [];
  source.pipe(bestOf<Float32Array>(await still(seeds), options)).subscribe(event => events.push(event));
  source.next({ input: xs[0], target: ys[0] });
  t.is(events[0].state().learners.length, seeds.length);
  source.next({ input: xs[1], target: ys[1] });
  t.throws(() => events[0].state(), { code: 'EDDY_STALE_STATE' });
});

test('of three cells it tells which answers: the one whose fading loss was lowest', async t => {
  const cells = ['rnn_tanh', 'gru', 'lstm'] as const;
  const trainers = await Promise.all(
    cells.map(async (cell, i) =>
      createTrainer(
        await createModel(config(cell, [6], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }), { seed: i }),
        { k2: 8, optimizer: { kind: 'adam', rate: 0.003 } },
      ),
    ),
  );
  const alone = await Promise.all(
    cells.map(async (cell, i) =>
      createTrainer(
        await createModel(config(cell, [6], { kind: 'features', size: 1 }, { kind: 'values', size: 1 }), { seed: i }),
        { k2: 8, optimizer: { kind: 'adam', rate: 0.003 } },
      ),
    ),
  );
  const examples = Array.from({ length: 300 }, (_, i) => ({
    input: Float32Array.of(Math.sin(i / 5)),
    target: Float32Array.of(Math.sin((i + 1) / 5) * (i < 150 ? 1 : -1)),
  }));
  const losses = await Promise.all(
    alone.map(async trainer => {
      const events = await lastValueFrom(from(examples).pipe(tbptt<Float32Array>(trainer), toArray()));
      return events.flatMap(event => (event.kind === 'step' ? [event.loss!] : []));
    }),
  );
  const told = await lastValueFrom(from(examples).pipe(bestOf<Float32Array>(trainers, { fading: 0.9 }), toArray()));
  const answers = told.filter(event => event.kind === 'step');
  const averages = losses.map(() => createAverage(0.9));
  let leader = 0;
  answers.forEach((event, i) => {
    t.is(event.learner, leader, `step ${i + 1}`);
    if (event.kind === 'step') t.is(event.loss, losses[leader][i]);
    losses.forEach((own, j) => {
      averages[j].add(own[i]);
    });
    const fading = averages.map(average => average.read().fading);
    if (Math.min(...fading) < fading[leader]) leader = fading.indexOf(Math.min(...fading));
  });
  t.true(new Set(answers.map(event => event.learner)).size > 1);
});

test('losses that are no finite numbers put a learner behind, and not for ever', async t => {
  const [near, far] = await still([1, 2]);
  // What they say never changes; one of them is right.
  for (const [{ model }, bias] of [
    [near, 0.5],
    [far, 1.5],
  ] as const) {
    const weights = model.weights();
    weights['readout.weight'].fill(0);
    weights['readout.bias'].fill(bias);
    model.setWeights(weights);
  }
  const source = new Subject<Item>();
  let leader = -1;
  let state: BestState | undefined;
  source.pipe(bestOf([far, near], { fading: 0.9 })).subscribe(event => {
    if (event.kind !== 'step') return;
    leader = event.learner;
    state = event.state();
  });
  const right = new Float32Array(ys[0].length).fill(0.5);
  for (let i = 1; i <= 400; i++) {
    const target = i === 100 || i === 200 ? new Float32Array(right.length).fill(3e38) : right;
    source.next({ input: xs[0], target });
    if (i === 100) t.true(state!.learners.every(({ sum }) => Number.isFinite(sum)));
  }
  t.is(leader, 1);
  t.deepEqual(
    JSON.parse(JSON.stringify(state!.learners.map(({ sum }) => sum))),
    state!.learners.map(({ sum }) => sum),
  );
});
