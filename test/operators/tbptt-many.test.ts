import test from 'ava';
import { filter, from, lastValueFrom, map, Subject, take, toArray } from 'rxjs';
import { InputError } from '../../src/errors.js';
import type { TrainerOptions } from '../../src/index.js';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import type { Example, Forget, LateTarget, Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import {
  type KeyedExample,
  type KeyedLearned,
  type TbpttManyOptions,
  tbpttMany,
} from '../../src/operators/tbptt-many.js';
import { loadTrainer, saveTrainer } from '../../src/training/checkpoint.js';
import type { StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { firstDifference } from '../helpers/bits.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { config } from '../helpers/models.js';
import { rows, sampleModel, showStep } from '../helpers/samples.js';

type Item = KeyedExample<Float32Array>;

const xs = rows(12);
const ys = rows(12, 2, 5);

const sampleTrainer = async (options: TrainerOptions = {}): Promise<Trainer> =>
  createTrainer((await sampleModel()) as TrainableModel, { k1: 1, k2: 3, ...options });

const still: TrainerOptions = { optimizer: { kind: 'sgd', rate: 0 }, k1: 1, k2: 2, lateness: 1 };
const wrongTrainer = await sampleTrainer();
const unaligned = createTrainer(await createModel(config('gru', [3], undefined, { kind: 'classes', size: 3 })), {
  loss: { kind: 'ctc' },
});

const keyed = (keys: string): Item[] => [...keys].map((key, i) => ({ key, input: xs[i], target: ys[i] }));

function show(event: Learned | KeyedLearned) {
  if (event.kind === 'step') {
    const { kind, number, target, loss, step } = event;
    return { kind, number, loss, target, ...showStep(step) };
  }
  if (event.kind === 'update') {
    const { loss, windows, steps, labelled, short } = event.update;
    return { kind: 'update', loss, windows, steps, labelled, short };
  }
  if (event.kind === 'error') return { kind: 'error', code: event.error.code };
  return { kind: event.kind, number: event.number };
}

const showKeyed = (event: KeyedLearned) => ({
  ...('key' in event ? { key: event.key } : { keys: event.keys }),
  ...show(event),
});

/** Where nothing moves, each stream by itself says what it says among others; updates are checked apart. */
async function expected(items: readonly Item[]): Promise<unknown[]> {
  const streams = new Map<string, { push(item: Item): unknown[] }>();
  const out: unknown[] = [];
  for (const item of items) {
    if (!streams.has(item.key)) {
      const source = new Subject<Item>();
      let seen: unknown[] = [];
      source.pipe(tbptt(await sampleTrainer(still))).subscribe(event => {
        if (event.kind !== 'update') seen.push({ key: item.key, ...show(event) });
      });
      streams.set(item.key, {
        push(one) {
          seen = [];
          source.next(one);
          return seen;
        },
      });
    }
    out.push(...streams.get(item.key)!.push(item));
  }
  return out;
}

const items: Item[] = [
  ...keyed('ab'),
  { key: 'a', input: xs[2] },
  ...keyed('bca'),
  { key: 'a', forStep: 2, target: ys[3] },
  { key: 'a', forStep: 2, target: ys[3] },
  { key: 'c', input: xs[4], target: null },
  ...keyed('ab'),
];

keepsContract<Item, KeyedLearned>('tbpttMany', {
  // Who shares an update depends on the neighbours: updates are looked at below.
  make: async () => {
    const operator = tbpttMany(await sampleTrainer(still));
    return source => operator(source).pipe(filter(event => event.kind !== 'update'));
  },
  items,
  expected,
  show: showKeyed,
  wrong: [
    { what: 'an input alone', item: xs[0], code: 'EDDY_INPUT' },
    { what: 'nothing', item: undefined, code: 'EDDY_INPUT' },
    { what: 'an input without a key', item: { input: xs[0] }, code: 'EDDY_INPUT' },
  ],
  wrongArguments: [
    { what: 'no streams', call: () => tbpttMany(wrongTrainer, { maxStreams: 0 }), code: 'EDDY_CONFIG' },
    {
      what: 'an option that it does not have',
      call: () => tbpttMany(wrongTrainer, { maxKeys: 2 } as object),
      code: 'EDDY_CONFIG',
    },
    { what: 'no windows', call: () => tbpttMany(wrongTrainer, { maxWindows: Number.NaN }), code: 'EDDY_CONFIG' },
    { what: 'a loss of whole windows', call: () => tbpttMany(unaligned), code: 'EDDY_CONFIG' },
    { what: 'a state that is none', call: () => resume({ carry: undefined }), code: 'EDDY_CONFIG' },
    { what: 'more states than streams', call: () => resume({}, { maxStreams: 1 }), code: 'EDDY_LIMIT' },
  ],
});

const resume = (part: object, options: TbpttManyOptions = {}) => {
  const state = { carry: wrongTrainer.model.zeroCarry(), steps: 3, updated: 3, entries: [] };
  const states = new Map<string, StreamState>([
    ['a', state],
    ['b', { ...state, ...part }],
  ]);
  return tbpttMany(wrongTrainer, { states, ...options });
};

const kinds = map((event: KeyedLearned) =>
  event.kind === 'update' ? event.keys.join('').toUpperCase() : event.kind[0],
);

/** One letter an event, and the keys of each update in capitals. */
const story = async (trainer: Trainer, given: readonly Item[], options?: TbpttManyOptions): Promise<string> =>
  (await lastValueFrom(from(given).pipe(tbpttMany(trainer, options), kinds, toArray()))).join(' ');

test('tbpttMany emits in the frame of the item, and learns the rest at the end', async t => {
  const trainer = await sampleTrainer({ k1: 2, k2: 2 });
  const [a, b, c, d, e] = keyed('abaab');
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  -a-b-c-d---e---|', { a, b, c, d, e });
    const subscribed = '   ^--------------!';
    // The second step of stream a is due for an update, which is run before its third, and stream b's at the end.
    const expected = '     -s-s-s-(us)s---(v|)';
    const values = { s: 's', u: 'A', v: 'BA' };
    expectObservable(source.pipe(tbpttMany(trainer), kinds)).toBe(expected, values);
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('streams that fall due one after the other share one update, in that order', async t => {
  t.is(await story(await sampleTrainer(), keyed('abcabc')), 's s s ABC s s s ABC');
  t.is(await story(await sampleTrainer(), keyed('acbbac')), 's s s ACB s s s BAC');
  t.is(await story(await sampleTrainer(), keyed('abcabc'), { maxWindows: 2 }), 's s AB s s CA s s BC');
  // With k1 = 2 a step that is not due ends the waiting.
  t.is(await story(await sampleTrainer({ k1: 2 }), keyed('abab')), 's s s s AB');
  t.is(await story(await sampleTrainer({ k1: 2 }), keyed('aba')), 's s s AB');
  t.is(await story(await sampleTrainer({ k1: 2 }), keyed('abaca')), 's s s A s s BCA');
});

test('one key of tbpttMany learns as tbptt does, bit for bit', async t => {
  const options: TrainerOptions = { k1: 2, k2: 3, lateness: 2 };
  const given = [...xs.keys()].flatMap((i): Item[] => {
    if (i % 3 === 0) return [{ key: 'a', input: xs[i], target: ys[i] }];
    const late: Item = { key: 'a', forStep: i, target: ys[i - 1] };
    return i % 3 === 1 ? [{ key: 'a', input: xs[i] }] : [{ key: 'a', input: xs[i], target: null }, late];
  });
  const [one, many] = [await sampleTrainer(options), await sampleTrainer(options)];
  const alone = await lastValueFrom(from(given).pipe(tbptt(one), map(show), toArray()));
  const keyedEvents = await lastValueFrom(from(given).pipe(tbpttMany(many), map(show), toArray()));
  t.deepEqual(keyedEvents, alone);
  t.true(one.count > 3);
  for (const [name, values] of Object.entries(one.model.weights())) {
    t.is(firstDifference(values, many.model.weights()[name]), -1, name);
  }
});

test('a wrong item ends its own stream, which learns what was due, and no other', async t => {
  const trainer = await sampleTrainer({ k1: 2, k2: 2 });
  const bad: Item = { key: 'a', input: Float32Array.of(0, 0, Number.NaN), target: null };
  const events = await lastValueFrom(from([...keyed('abab'), bad, ...keyed('ab')]).pipe(tbpttMany(trainer), toArray()));
  const failed = events.find(event => event.kind === 'error');
  t.is(failed?.key, 'a');
  t.regex(failed?.error.message ?? '', /input\[2\]/);
  const steps = events.filter(event => event.kind === 'step');
  t.deepEqual(
    steps.map(({ key, number }) => `${key}${number}`),
    ['a1', 'b1', 'a2', 'b2', 'a1', 'b3'],
  );
  const updates = events.filter(event => event.kind === 'update');
  t.deepEqual(
    updates.map(({ keys }) => keys.join('')),
    ['ab', 'ab'],
  );
});

test('a wrong item between streams that are due does not part them', async t => {
  const [a, b] = keyed('ab');
  const wrong: Record<string, Item> = {
    'a row of another length': { key: 'c', input: new Float32Array(1), target: null },
    'a target of another length': { key: 'c', input: xs[0], target: new Float32Array(1) },
    'a target for a step to come': { key: 'a', forStep: 9, target: ys[0] },
    'a late target that is wrong': { key: 'a', forStep: 1, target: 4 },
  };
  for (const [what, item] of Object.entries(wrong)) {
    t.is(await story(await sampleTrainer(), [a, item, b]), 's e s AB', what);
  }
  t.is(await story(await sampleTrainer(), [a, { ...a, key: 'a' }, b]), 's A s s AB');
});

test('last learns what remains, and the next example of the key begins a new stream', async t => {
  const trainer = await sampleTrainer({ k1: 3, k2: 3 });
  const [a1, a2, a3] = keyed('aaa');
  const given: Item[] = [a1, { ...a2, last: true }, a3];
  const events = await lastValueFrom(from(given).pipe(tbpttMany(trainer), toArray()));
  t.deepEqual(
    events.map(event => (event.kind === 'step' ? event.number : event.kind)),
    [1, 2, 'update', 1, 'update'],
  );
  const updates = events.filter(event => event.kind === 'update').map(({ update }) => update.labelled);
  t.deepEqual(updates, [2, 1]);
});

test('tbpttMany refuses the streams beyond maxStreams, and no other', async t => {
  const trainer = await sampleTrainer();
  const ended = keyed('abcd').map(item => ({ ...item, last: true }));
  t.is(await story(trainer, ended, { maxStreams: 1 }), 's s s s ABCD');
  const events = await lastValueFrom(from(keyed('abca')).pipe(tbpttMany(trainer, { maxStreams: 2 }), toArray()));
  const errors = events.flatMap(event => (event.kind === 'error' ? [[event.key, event.error.code]] : []));
  t.deepEqual(errors, [['c', 'EDDY_LIMIT']]);
  t.is(events.filter(event => event.kind === 'step').length, 3);
});

test('tbpttMany learns nothing after it is unsubscribed', async t => {
  const trainer = await sampleTrainer();
  from(keyed('aaaa')).pipe(tbpttMany(trainer), take(1)).subscribe();
  t.is(trainer.count, 0);
  from(keyed('aaaa')).pipe(tbpttMany(trainer), take(2)).subscribe();
  t.is(trainer.count, 1);
});

test('tbpttMany learns no further remainder for who leaves at the first', async t => {
  const trainer = await sampleTrainer({ k1: 4, k2: 4 });
  // Three steps, and the update of the first stream.
  from(keyed('abc'))
    .pipe(tbpttMany(trainer, { maxWindows: 1 }), take(4))
    .subscribe();
  t.is(trainer.count, 1);
});

test('the newest states of all streams resume with the updates that were due', async t => {
  const options: TrainerOptions = { k1: 2, k2: 3 };
  const given = keyed('ababbaababab').map((item, i) => ({ ...item, input: xs[i] }));
  const whole = await sampleTrainer(options);
  const all = await lastValueFrom(from(given).pipe(tbpttMany(whole), map(showKeyed), toArray()));
  for (let cut = 1; cut < given.length; cut++) {
    const trainer = await sampleTrainer(options);
    const source = new Subject<Item>();
    let newest = new Map<string, StreamState>();
    const seen: unknown[] = [];
    const subscription = source.pipe(tbpttMany<Float32Array>(trainer)).subscribe(event => {
      seen.push(showKeyed(event));
      newest = event.states();
    });
    for (const item of given.slice(0, cut)) source.next(item);
    subscription.unsubscribe();
    const rest = from(given.slice(cut)).pipe(
      tbpttMany<Float32Array>(trainer, { states: newest }),
      map(showKeyed),
      toArray(),
    );
    seen.push(...(await lastValueFrom(rest)));
    t.deepEqual(seen, all, `cut after ${cut}`);
    for (const [name, values] of Object.entries(whole.model.weights())) {
      t.is(firstDifference(values, trainer.model.weights()[name]), -1, `cut after ${cut}: ${name}`);
    }
  }
});

test('a run goes on with the same bits from each update that is told, also where the readout has its own', async t => {
  const options: TrainerOptions = { k1: 2, k2: 3, readout: { optimizer: { kind: 'sgd', rate: 0.1 } } };
  const given = keyed('ababbaababab').map((item, i) => ({ ...item, input: xs[i] }));
  const whole = await sampleTrainer(options);
  const source = new Subject<Item>();
  const saved: { file: Uint8Array; rest: Item[] }[] = [];
  let rest: Item[] = given;
  source.pipe(tbpttMany<Float32Array>(whole, { maxWindows: 2 })).subscribe(event => {
    if (event.kind === 'step') rest = rest.slice(1);
    if (event.kind === 'update') saved.push({ file: saveTrainer(whole, event.states()), rest });
  });
  for (const item of given) source.next(item);
  source.complete();
  t.true(saved.length > 4);
  for (const [i, { file, rest }] of saved.entries()) {
    const { trainer, states } = await loadTrainer(file);
    await lastValueFrom(from(rest).pipe(tbpttMany<Float32Array>(trainer, { maxWindows: 2, states })), {
      defaultValue: undefined,
    });
    for (const [name, values] of Object.entries(whole.model.weights()))
      t.is(firstDifference(values, trainer.model.weights()[name]), -1, `after update ${i}: ${name}`);
  }
});

test('a state beyond float32 ends its stream before the next step, alone as among others, also in the middle of a window', async t => {
  const network = config('rnn_relu', [4], { kind: 'features', size: 1 }, { kind: 'values', size: 1 });
  const x = Float32Array.of(1);
  for (const k1 of [1, 4]) {
    const create = async (): Promise<Trainer> => {
      const trainer = createTrainer(await createModel(network, { seed: 1 }), { k1, k2: 16, freeze: ['weight_hh_l0'] });
      trainer.model.setWeights({
        weight_hh_l0: new Float32Array(16).fill(1e8),
        bias_ih_l0: new Float32Array(4).fill(1),
      });
      return trainer;
    };
    const steps: number[] = [];
    const alone: unknown[] = [];
    const items = Array.from({ length: 16 }, () => ({ input: x, target: null }));
    from(items)
      .pipe(tbptt(await create()))
      .subscribe({
        next: event => event.kind === 'step' && steps.push(event.number),
        error: error => alone.push(error),
      });
    t.true(alone[0] instanceof InputError);
    t.regex((alone[0] as Error).message, /carry/);
    for (const keys of [['a'], ['a', 'b']]) {
      const events = await lastValueFrom(
        from(items.flatMap(item => keys.map(key => ({ key, ...item })))).pipe(tbpttMany(await create()), toArray()),
      );
      for (const name of keys) {
        const own = events.filter(event => event.kind !== 'update' && event.key === name);
        const end = own.findIndex(({ kind }) => kind === 'error');
        t.deepEqual(
          own.slice(0, end).flatMap(event => (event.kind === 'step' ? [event.number] : [])),
          steps,
        );
        t.is((own[end] as { error: Error }).error.message, (alone[0] as Error).message);
      }
    }
  }
});

type Unkeyed = (Example<Float32Array> | LateTarget | Forget) & { readonly last?: boolean };

/** What one stream says and learns alone, and as the only key. */
async function asOne(options: TrainerOptions, items: readonly Unkeyed[], many: TbpttManyOptions = {}) {
  const [alone, keyed] = [await sampleTrainer(options), await sampleTrainer(options)];
  const own = await lastValueFrom(from(items).pipe(tbptt(alone), toArray()));
  const among = await lastValueFrom(
    from(items.map((item): Item => ({ key: 'a', ...item }))).pipe(tbpttMany(keyed, many), toArray()),
  );
  const said = (events: readonly (Learned | KeyedLearned)[]) =>
    events.map(event => (event.kind === 'update' ? event.update : event.kind));
  const [x, y] = [alone.model.weights(), keyed.model.weights()];
  return {
    said: [said(own), said(among)],
    differs: Object.keys(x).filter(name => firstDifference(x[name], y[name]) >= 0),
  };
}

test('what one key forgets is forgotten after the update that was due, as alone', async t => {
  const items = xs.slice(0, 8).map((input, i) => ({ input, target: ys[i] }));
  const { said, differs } = await asOne({ k1: 2, k2: 3, replay: { windows: 2, capacity: 8 } }, [
    ...items.slice(0, 4),
    { forget: 1 },
    ...items.slice(4),
  ]);
  t.deepEqual(said[1], said[0]);
  t.deepEqual(differs, []);
});

test('a readout that is due at the last step learns before what remains of the network, as alone', async t => {
  const items = xs.slice(0, 5).map((input, i) => ({ input, target: ys[i] }));
  const options: TrainerOptions = {
    k1: 4,
    k2: 6,
    lateness: 2,
    readout: { optimizer: { kind: 'sgd', rate: 0.1 }, k1: 1 },
  };
  const ends: Unkeyed[][] = [
    items,
    [...items.slice(0, 4), { ...items[4], last: true }],
    [...items.slice(0, 4), { input: xs[4] }, { forStep: 5, target: ys[4] }],
    [...items.slice(0, 4), { input: xs[4] }, { forStep: 5, target: ys[4], last: true }],
  ];
  for (const end of ends) {
    for (const maxWindows of [1, 64]) {
      const { said, differs } = await asOne(options, end, { maxWindows });
      t.deepEqual(said[1], said[0]);
      t.deepEqual(differs, []);
    }
  }
});
