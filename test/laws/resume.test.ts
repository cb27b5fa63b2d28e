import fc from 'fast-check';
import { from, Subject, Subscription } from 'rxjs';
import type { TrainerOptions } from '../../src/index.js';
import type { ModelConfig } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import type { Example, Forget, LateTarget, Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { type KeyedExample, type KeyedLearned, tbpttMany } from '../../src/operators/tbptt-many.js';
import { createRandom, type Random } from '../../src/random.js';
import type { StreamState } from '../../src/training/stream.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { networks, seeds } from '../helpers/arbitraries.js';
import { bits, firstDifference } from '../helpers/bits.js';
import { law, type Verdict } from '../helpers/laws.js';
import { drawItems } from '../helpers/schedules.js';

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly k1: number;
  readonly more: number;
  readonly lateness: number;
  readonly steps: number;
  readonly replayed: number;
  /** k1 of the readout's own rule; 0: it has none. */
  readonly readout: number;
}

const readoutRule = (k1: number) =>
  k1 === 0 ? {} : { readout: { optimizer: { kind: 'sgd', rate: 0.1, momentum: 0.5 } as const, k1 } };

type Items = readonly (Example | LateTarget | Forget)[];

/** Some of the stream's past is forgotten on the way. */
function withForgetting(items: Items, random: Random): Items {
  return items.flatMap(item => (random.uniform() < 0.1 ? [{ forget: random.integer(6) }, item] : [item]));
}

/** All that an event says, bits included. */
function say(event: Learned): string {
  if (event.kind === 'update') return JSON.stringify(event);
  if (event.kind !== 'step')
    return JSON.stringify({ ...event, ...('prediction' in event ? { prediction: bits(event.prediction) } : {}) });
  const { number, loss, step } = event;
  return JSON.stringify([number, loss, bits(step.logits), bits(step.prediction), bits(step.carry)]);
}

/** Runs to the cut-th event that has a state, takes the state there and leaves; the items that are left are the rest. */
function runTo(trainer: Trainer, items: Items, cut: number): { said: string[]; state?: StreamState; rest: Items } {
  const source = new Subject<Example | LateTarget | Forget>();
  const subscription = new Subscription();
  const said: string[] = [];
  let state: StreamState | undefined;
  let seen = 0;
  subscription.add(
    source.pipe(tbptt(trainer)).subscribe(event => {
      said.push(say(event));
      if (event.kind === 'expired' || event.kind === 'duplicate') return;
      if (seen++ !== cut) return;
      state = event.state();
      subscription.unsubscribe();
    }),
  );
  let examples = 0;
  for (const [i, item] of items.entries()) {
    if ('input' in item) examples++;
    source.next(item);
    // An update that was due runs before the example in hand: if the stream was left there, that one was not stepped.
    if (state) return { said, state, rest: items.slice(state.steps < examples ? i : i + 1) };
  }
  source.complete();
  return { said, state, rest: [] };
}

type Save = (state: StreamState) => StreamState;

law('tbptt cut at any event and resumed from its state, with the same trainer, says and learns the same, bit for bit', {
  values: fc.record<Value>({
    config: networks(6),
    seed: seeds,
    k1: fc.integer({ min: 1, max: 4 }),
    more: fc.integer({ min: 0, max: 4 }),
    lateness: fc.integer({ min: 0, max: 4 }),
    steps: fc.integer({ min: 1, max: 16 }),
    replayed: fc.integer({ min: 0, max: 1 }),
    readout: fc.integer({ min: 0, max: 3 }),
  }),
  async holds(save: Save, { config, seed, k1, more, lateness, steps, replayed, readout }): Promise<Verdict> {
    const options: TrainerOptions = {
      k1,
      k2: k1 + more,
      lateness,
      optimizer: { kind: 'adam', rate: 0.02, beta1: 0.5 },
      replay: { windows: replayed, capacity: 10 },
      ...readoutRule(readout),
    };
    const fresh = async () => createTrainer(await createModel(config, { seed }), options);
    const whole = await fresh();
    const random = createRandom(seed);
    const items = withForgetting(drawItems(random, whole.model, { steps, lateness, prompt: 0.6 }), random);
    const expected = runTo(whole, items, -1).said;
    const trainer = await fresh();
    const first = runTo(trainer, items, random.integer(expected.length));
    const said = [...first.said];
    if (first.state) {
      from(first.rest)
        .pipe(tbptt(trainer, save(first.state)))
        .subscribe({ next: event => said.push(say(event)), error: error => said.push(String(error)) });
    }
    for (let i = 0; i < expected.length; i++) {
      if (said[i] !== expected[i]) return `event ${i} of ${expected.length}: ${said[i]}, not ${expected[i]}`;
    }
    if (said.length !== expected.length) return `${said.length} events, not ${expected.length}`;
    const [a, b] = [whole.model.weights(), trainer.model.weights()];
    const differs = Object.keys(a).find(name => firstDifference(a[name], b[name]) >= 0);
    return differs && `${differs} differs`;
  },
  right: state => structuredClone(state),
  runs: 150,
  broken: {
    'a state that is the carry alone': ({ carry, steps }) => ({ carry, steps, updated: steps, entries: [] }),
    'a state that forgets which targets are new': state => ({
      ...state,
      entries: state.entries.map(entry => ({ ...entry, fresh: false })),
    }),
    'a state that forgets what the readout has not learned': state => ({
      ...state,
      entries: state.entries.map(entry => ({ ...entry, unread: false })),
    }),
    'a state that keeps too few steps': state => ({ ...state, entries: state.entries.slice(-1) }),
    'a state that replays what was forgotten': state => ({ ...state, forgotten: 0 }),
    'a state whose draws begin again': state => ({ ...state, random: undefined }),
    'a state that counts from the beginning': ({ carry, entries }) => ({
      carry,
      entries,
      steps: entries.length,
      updated: entries.length,
    }),
  },
});

/** What a keyed event says. */
function sayKeyed(event: KeyedLearned): string {
  if (event.kind === 'update') return JSON.stringify(event);
  if (event.kind === 'error') return `${event.key} ${event.error.code}`;
  return `${event.key} ${say(event as Learned)}`;
}

/** How often an item is the last of its stream; the next one of that key begins another. */
const ends = 0.1;

/** What is resumed from: the states that were told, those that it began with, and the streams in the order in which they began. */
type Keep = (told: States, before: States, begun: readonly string[]) => States;
type States = ReadonlyMap<string, StreamState>;

law(
  'tbpttMany left after any items, again and again, and resumed from the newest states says and learns the same, bit for bit',
  {
    values: fc.record<Value & { streams: number }>({
      config: networks(5),
      seed: seeds,
      k1: fc.integer({ min: 1, max: 3 }),
      more: fc.integer({ min: 0, max: 3 }),
      lateness: fc.integer({ min: 0, max: 3 }),
      steps: fc.integer({ min: 1, max: 8 }),
      replayed: fc.constant(0),
      readout: fc.integer({ min: 0, max: 3 }),
      streams: fc.integer({ min: 1, max: 4 }),
    }),
    async holds(keep: Keep, { config, seed, k1, more, lateness, steps, streams, readout }): Promise<Verdict> {
      const options: TrainerOptions = {
        k1,
        k2: k1 + more,
        lateness,
        optimizer: { kind: 'adam', rate: 0.02, beta1: 0.5 },
        ...readoutRule(readout),
      };
      const random = createRandom(seed);
      const [whole, cut] = [await createModel(config, { seed }), await createModel(config, { seed })];
      const lists = Array.from({ length: streams }, () => drawItems(random, whole, { steps, lateness, prompt: 0.6 }));
      const items: KeyedExample[] = [];
      const begun: string[] = [];
      for (let open = lists; open.length > 0; open = open.filter(list => list.length > 0)) {
        const list = open[random.integer(open.length)];
        const key = `${lists.indexOf(list)}`;
        if (!begun.includes(key)) begun.push(key);
        items.push({ key, ...list.shift()!, ...(random.uniform() < ends && { last: true }) });
      }
      const said: string[] = [];
      const run = (trainer: Trainer, given: readonly KeyedExample[], before: States, to: string[]) => {
        const source = new Subject<KeyedExample>();
        let states = (): States => before;
        const subscription = source.pipe(tbpttMany(trainer, { states: before })).subscribe(event => {
          to.push(sayKeyed(event));
          states = event.states;
        });
        for (const item of given) source.next(item);
        return { source, subscription, states: () => states() };
      };
      const all: string[] = [];
      run(createTrainer(whole, options), items, new Map(), all).source.complete();
      const trainer = createTrainer(cut, options);
      let before: States = new Map();
      let from = 0;
      const cuts = Array.from({ length: 3 }, () => random.integer(items.length + 1)).sort((a, b) => a - b);
      for (const at of cuts) {
        const part = run(trainer, items.slice(from, at), before, said);
        before = structuredClone(keep(part.states(), before, begun));
        part.subscription.unsubscribe();
        from = at;
      }
      run(trainer, items.slice(from), before, said).source.complete();
      const at = `left after ${cuts.join(', ')} of ${items.length}`;
      if (all.join('\n') !== said.join('\n')) return `${at}: said something else`;
      const [a, b] = [whole.weights(), cut.weights()];
      const differs = Object.keys(a).find(name => firstDifference(a[name], b[name]) >= 0);
      return differs && `${at}: ${differs} differs`;
    },
    right: told => told,
    runs: 200,
    broken: {
      'states in the order in which their streams began': (told, _, begun) =>
        new Map(begun.flatMap(key => (told.has(key) ? [[key, told.get(key)!]] : []))),
      'no state of the first stream': told => new Map([...told].filter(([key]) => key !== '0')),
      'a stream that has not moved as it was before': (told, before) =>
        new Map(
          [...told].map(([key, state]) => [key, before.get(key)?.steps === state.steps ? before.get(key)! : state]),
        ),
      'no state of a stream that has ended': told => new Map([...told].filter(([, { ended }]) => !ended)),
      'a stream that has ended goes on': told =>
        new Map([...told].map(([key, { ended: _, ...state }]) => [key, state])),
    },
  },
);
