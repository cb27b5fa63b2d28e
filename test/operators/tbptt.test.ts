import test from 'ava';
import { from, lastValueFrom, map, of, Subject, take, toArray } from 'rxjs';
import { InputError } from '../../src/errors.js';
import type { TrainerOptions } from '../../src/index.js';
import type { TrainableModel } from '../../src/model/model.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { next } from '../../src/operators/next.js';
import { tbptt } from '../../src/operators/tbptt.js';
import type { StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { bits } from '../helpers/bits.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { rows, sampleModel, showStep } from '../helpers/samples.js';

type Item = Example<Float32Array> | LateTarget;

const xs = rows(6);
const ys = rows(6, 2, 5);
const examples: Item[] = xs.map((input, i) => ({ input, target: ys[i] }));

const sampleTrainer = async (options: TrainerOptions = {}): Promise<Trainer> =>
  createTrainer((await sampleModel()) as TrainableModel, { k1: 1, k2: 3, ...options });

/** With a rate of 0, subscriptions that share a trainer do not see one another. */
const still: TrainerOptions = { optimizer: { kind: 'sgd', rate: 0 }, k1: 2, k2: 3, lateness: 2 };
const wrongTrainer = await sampleTrainer();

/** An event in a form that compares by bits. Counts of updates belong to the trainer, not to the stream. */
function show(event: Learned) {
  if (event.kind === 'step') {
    const { kind, number, target, loss } = event;
    return { kind, number, loss, target, ...showStep(event.step) };
  }
  if (event.kind === 'update') {
    const { loss, windows, steps, labelled, short } = event.update;
    return { kind: 'update', loss, windows, steps, labelled, short };
  }
  if (event.kind !== 'late') return { ...event };
  const { kind, number, loss, target } = event;
  return { kind, number, loss, prediction: bits(event.prediction), target };
}

const mixed: Item[] = [
  { input: xs[0], target: ys[0] },
  { input: xs[1] },
  { forStep: 2, target: ys[1] },
  { input: xs[2], target: null },
  { forStep: 2, target: ys[1] },
  { input: xs[3], target: ys[3] },
  { input: xs[4] },
  { input: xs[5], target: ys[5] },
  { forStep: 1, target: ys[0] },
];

/** What the mixed items lead to where nothing moves: steps by hand, updates as they must be (k1 = 2, k2 = 3, lateness = 2). */
async function expected(items: readonly Item[], ended: boolean): Promise<unknown[]> {
  const trainer = await sampleTrainer(still);
  const { model } = trainer;
  let carry = model.zeroCarry();
  const carries = [carry];
  const logits: Float32Array[] = [];
  const events: unknown[] = [];
  const step = (i: number, target: Float32Array | null | undefined): void => {
    const result = model.step(carry, xs[i]);
    carry = result.carry;
    carries.push(carry);
    logits.push(result.logits);
    events.push({
      kind: 'step',
      number: i + 1,
      loss: target ? trainer.loss(result.logits, target) : null,
      target,
      ...showStep(result),
    });
  };
  const update = (from: number, to: number, labelled: readonly number[]): void => {
    const inputs = xs.slice(from - 1, to);
    const targets = inputs.map((_, i) => (labelled.includes(from + i) ? ys[from + i - 1] : null));
    const { loss } = trainer.gradients([{ carry: carries[from - 1], inputs, targets }]);
    const short = inputs.length < 3 ? 1 : 0;
    events.push({ kind: 'update', loss, windows: 1, steps: inputs.length, labelled: labelled.length, short });
  };
  const acts = [
    () => step(0, ys[0]),
    () => step(1, undefined),
    () => {
      const loss = trainer.loss(logits[1], ys[1]);
      events.push({ kind: 'late', number: 2, loss, prediction: bits(logits[1]), target: ys[1] });
      update(1, 2, [1, 2]);
    },
    () => step(2, null),
    () => events.push({ kind: 'duplicate', number: 2 }),
    () => {
      step(3, ys[3]);
      update(2, 4, [4]);
    },
    () => step(4, undefined),
    () => {
      step(5, ys[5]);
      update(4, 6, [6]);
    },
    () => events.push({ kind: 'expired', number: 1 }),
  ];
  for (const act of acts.slice(0, items.length)) act();
  if (ended && items.length === 1) update(1, 1, [1]);
  return events;
}

keepsContract<Item, Learned>('tbptt', {
  make: async () => tbptt(await sampleTrainer(still)),
  items: mixed,
  expected,
  show,
  wrong: [
    { what: 'a row of another length', item: { input: new Float32Array(2), target: null }, code: 'EDDY_INPUT' },
    { what: 'a target of another length', item: { input: xs[0], target: new Float32Array(3) }, code: 'EDDY_TARGET' },
    {
      what: 'a target that is not finite',
      item: { input: xs[0], target: Float32Array.of(0, Infinity) },
      code: 'EDDY_TARGET',
    },
    { what: 'a target for a step to come', item: { forStep: 7, target: ys[0] }, code: 'EDDY_TARGET' },
    { what: 'a target for step 0', item: { forStep: 0, target: ys[0] }, code: 'EDDY_TARGET' },
    { what: 'a late target that is wrong', item: { forStep: 5, target: 3 }, code: 'EDDY_TARGET' },
    { what: 'an input alone', item: xs[0], code: 'EDDY_INPUT' },
    { what: 'nothing', item: null, code: 'EDDY_INPUT' },
  ],
  wrongArguments: [
    { what: 'a carry of another length', call: () => resume({ carry: new Float32Array(4) }), code: 'EDDY_CONFIG' },
    { what: 'steps below 0', call: () => resume({ steps: -1 }), code: 'EDDY_CONFIG' },
    { what: 'an update after the newest step', call: () => resume({ updated: 4 }), code: 'EDDY_CONFIG' },
    { what: 'no entries', call: () => resume({ entries: undefined }), code: 'EDDY_CONFIG' },
    { what: 'entries that are no entries', call: () => resume({ entries: [{}] as never }), code: 'EDDY_CONFIG' },
    {
      what: 'more entries than steps',
      call: () => resume({ steps: 0, updated: 0, entries: [{}] as never }),
      code: 'EDDY_CONFIG',
    },
    {
      what: 'a state of more steps than can be counted on from',
      call: () => resume({ steps: Number.MAX_SAFE_INTEGER }),
      code: 'EDDY_CONFIG',
    },
    { what: 'a state that is none', call: () => tbptt(wrongTrainer, 3 as never), code: 'EDDY_CONFIG' },
  ],
});

const resume = (part: object) =>
  tbptt(wrongTrainer, { carry: wrongTrainer.model.zeroCarry(), steps: 3, updated: 3, entries: [], ...part });

const kinds = map((event: Learned) => event.kind[0]);

test('tbptt steps and updates in the frame of the example, and learns the rest at the end', async t => {
  const trainer = await sampleTrainer({ k1: 2, k2: 2 });
  const [a, b, c] = examples;
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  -a-b---c----|', { a, b, c });
    const subscribed = '   ^-----------!';
    const expected = '     -s-(su)s----(u|)';
    expectObservable(source.pipe(tbptt(trainer), kinds)).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('tbptt waits for the target of the newest step until it comes or the next example does', async t => {
  const trainer = await sampleTrainer({ k1: 1, k2: 2, lateness: 1 });
  const [a, b, c] = xs.map(input => ({ input }));
  const [p, q] = [1, 2].map(forStep => ({ forStep, target: ys[forStep] }));
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  a--p---b---c--q---|', { a, b, c, p, q });
    const subscribed = '   ^-----------------!';
    // The target of step 1 comes in time; that of step 2 after step 3, so the end learns it.
    const expected = '     s--(lu)s---s--l---(u|)';
    expectObservable(source.pipe(tbptt(trainer), kinds)).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('tbptt errors in the frame of a wrong example, and learns nothing after', async t => {
  const trainer = await sampleTrainer();
  const [a, b, c] = [examples[0], { input: new Float32Array(1) }, examples[2]];
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  -a---b-c-|', { a, b, c });
    const subscribed = '   ^----!';
    const expected = '     -(su)#';
    expectObservable(source.pipe(tbptt(trainer), kinds)).toBe(expected, undefined, 'EDDY_INPUT');
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
  t.is(trainer.count, 1);
});

test('tbptt learns nothing after it is unsubscribed, also from a source that does not pause', async t => {
  const trainer = await sampleTrainer({ k1: 1, k2: 2 });
  from(examples).pipe(tbptt(trainer), take(1)).subscribe();
  t.is(trainer.count, 0);
  from(examples).pipe(tbptt(trainer), take(2)).subscribe();
  t.is(trainer.count, 1);
  const whole = await lastValueFrom(from(examples).pipe(tbptt(trainer), toArray()));
  t.is(whole.length, 2 * examples.length);
  t.is(trainer.count, 1 + examples.length);
});

test('a state resumes until its stream has moved on, and then says so', async t => {
  const trainer = await sampleTrainer();
  const source = new Subject<Item>();
  const events: Learned[] = [];
  const states: StreamState[] = [];
  source.pipe(tbptt(trainer)).subscribe(event => {
    events.push(event);
    if (event.kind === 'step' || event.kind === 'update') states.push(event.state());
  });
  source.next(examples[0]);
  source.next(examples[1]);
  t.deepEqual(
    states.map(({ steps, updated }) => [steps, updated]),
    [
      [1, 0],
      [1, 1],
      [2, 1],
      [2, 2],
    ],
  );
  const newest = events[3] as Extract<Learned, { kind: 'update' }>;
  t.deepEqual(newest.state(), states[3]);
  for (const event of events.slice(0, 3)) {
    const error = t.throws(() => (event as typeof newest).state());
    t.is((error as unknown as { code: string }).code, 'EDDY_STALE_STATE');
  }
});

test('a late target makes the states before it stale, before it is told', async t => {
  const trainer = await sampleTrainer();
  const source = new Subject<Item>();
  let stepped: Extract<Learned, { kind: 'step' }> | undefined;
  let late = 0;
  source.pipe(tbptt(trainer)).subscribe(event => {
    if (event.kind === 'step') stepped = event;
    if (event.kind !== 'late') return;
    late++;
    t.is(event.state().entries[0].target?.toString(), ys[0].toString());
    t.throws(() => stepped?.state(), { message: /before the stream moves on/ });
  });
  source.next({ input: xs[0] });
  source.next({ forStep: 1, target: ys[0] });
  t.is(late, 1);
});

test('a late target that is null has no loss and is not learned', async t => {
  const trainer = await sampleTrainer({ lateness: 1 });
  const items: Item[] = [{ input: xs[0] }, { forStep: 1, target: null }, { input: xs[1] }];
  const events = await lastValueFrom(from(items).pipe(tbptt(trainer), toArray()));
  t.deepEqual(
    events.map(event => event.kind),
    ['step', 'late', 'step'],
  );
  t.is((events[1] as Extract<Learned, { kind: 'late' }>).loss, null);
});

test('tbptt after next learns every target but the last horizon', async t => {
  for (const horizon of [1, 2, 3]) {
    const trainer = await sampleTrainer({ k1: 1, k2: 2, lateness: horizon - 1 });
    const inputs = xs;
    const target = (row: Float32Array): Float32Array => row.slice(0, 2);
    const events = await lastValueFrom(from(inputs).pipe(next({ horizon, target }), tbptt(trainer), toArray()));
    const labelled = events.reduce((sum, event) => sum + (event.kind === 'update' ? event.update.labelled : 0), 0);
    t.is(labelled, xs.length - horizon);
    t.is(events.filter(event => event.kind === 'late').length, xs.length - horizon);
    t.is(events.filter(event => event.kind === 'expired').length, 0);
  }
});

test('tbptt tells of targets that come later than lateness', async t => {
  const trainer = await sampleTrainer({ lateness: 1 });
  const items = xs.slice(0, 3).map((input): Item => ({ input }));
  const late = [1, 2, 2].map((forStep): Item => ({ forStep, target: ys[0] }));
  const events = await lastValueFrom(from([...items, ...late]).pipe(tbptt(trainer), toArray()));
  t.deepEqual(
    events.map(event => event.kind),
    ['step', 'step', 'step', 'expired', 'late', 'duplicate', 'update'],
  );
});

test('tbptt keeps the example and the target as they were', async t => {
  const events: Learned[][] = [];
  for (const spoil of [false, true]) {
    const source = new Subject<Item>();
    const seen: Learned[] = [];
    source.pipe(tbptt(await sampleTrainer({ k1: 4, k2: 4, lateness: 1 }))).subscribe(event => seen.push(event));
    for (let i = 0; i < 6; i++) {
      const [input, target] = [xs[i].slice(), ys[i].slice()];
      source.next(i === 2 ? { input } : { input, target });
      if (i === 2) source.next({ forStep: 3, target });
      if (spoil) {
        input.fill(9);
        target.fill(9);
      }
    }
    source.complete();
    events.push(seen);
  }
  const updates = events.map(seen => seen.filter(event => event.kind === 'update').map(show));
  t.is(updates[0].length, 2);
  t.deepEqual(updates[1], updates[0]);
});

test('a target that comes late has its own weight, whatever stood with its example', async t => {
  const learn = async (early: { weight?: number }, late: { weight?: number }): Promise<string> => {
    const trainer = await sampleTrainer({ lateness: 2, maxGradientNorm: Number.POSITIVE_INFINITY });
    const items: Item[] = [{ input: xs[0], ...early }, { input: xs[1] }, { forStep: 1, target: ys[0], ...late }];
    await lastValueFrom(from(items).pipe(tbptt(trainer), toArray()));
    return JSON.stringify(Object.values(trainer.model.weights()).map(values => Array.from(bits(values))));
  };
  const plain = await learn({}, {});
  t.is(await learn({ weight: 3 }, { weight: 1 }), plain);
  t.is(await learn({ weight: 3 }, {}), plain);
  t.is(await learn({ weight: 3 }, { weight: 2 }), await learn({}, { weight: 2 }));
});

test('a stream of bare inputs is no stream of examples, and the way to make one is said', async t => {
  const trainer = createTrainer(await sampleModel());
  for (const [input, found] of [
    [Float32Array.of(1, 2, 3), 'Float32Array'],
    [4, 'number'],
    [null, 'null'],
  ]) {
    await t.throwsAsync(lastValueFrom(of(input as unknown as Example).pipe(tbptt(trainer))), {
      instanceOf: InputError,
      message: `Expected an example { input, target? } or a late target { forStep, target }, got ${found}: next() makes examples of inputs`,
    });
  }
});
