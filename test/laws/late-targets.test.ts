import test from 'ava';
import fc from 'fast-check';
import { from } from 'rxjs';
import type { Carry } from '../../src/model/carry.js';
import type { ModelConfig } from '../../src/model/config.js';
import { createModel, type TrainableModel } from '../../src/model/model.js';
import type { Example, LateTarget, Learned } from '../../src/operators/learned.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { networks, seeds } from '../helpers/arbitraries.js';
import { firstDifference } from '../helpers/bits.js';
import { law, type Verdict } from '../helpers/laws.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';
import { type Backend, replay } from '../helpers/replay.js';
import { drawItems, tell, tellCount } from '../helpers/schedules.js';

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly k1: number;
  readonly more: number;
  readonly lateness: number;
  readonly steps: number;
  readonly prompt: number;
  /** k1 of the readout's own rule; 0: it has none. */
  readonly readout: number;
}

type Items = (Example | LateTarget)[];

const optimizer = { kind: 'adam', rate: 0.02, beta1: 0.5 } as const;
const readoutRule = (k1: number) =>
  k1 === 0 ? {} : { readout: { optimizer: { kind: 'sgd', rate: 0.1, momentum: 0.5 } as const, k1 } };

/** Steps by the model and learns by a trainer of its own: no tape, no operator, no stream. */
function offline(model: TrainableModel, k2: number, readout: number): Backend<Carry> {
  const trainer = createTrainer(model, { k2, optimizer, ...readoutRule(readout) });
  return {
    zero: () => model.zeroCarry(),
    step: (carry, input) => model.step(carry, input).carry,
    learnReadout: steps => trainer.learnReadout(steps.map(({ after, ...rest }) => ({ carry: after, ...rest }))),
    learn: windows => trainer.learnMany(windows.map(({ before, ...rest }) => ({ carry: before, ...rest }))),
  };
}

async function asOffline(change: (items: Items, lateness: number) => Items, value: Value): Promise<Verdict> {
  const { config, seed, k1, more, lateness, steps, prompt, readout } = value;
  const k2 = k1 + more;
  const [online, replayed] = [await createModel(config, { seed }), await createModel(config, { seed })];
  const items = drawItems(createRandom(seed), online, { steps, lateness, prompt });
  const told = replay(items, { k1, k2, lateness, readout }, offline(replayed, k2, readout)).map(tellCount);
  const events: Learned[] = [];
  from(change(items, lateness))
    .pipe(tbptt(createTrainer(online, { k1, k2, lateness, optimizer, ...readoutRule(readout) })))
    .subscribe(event => events.push(event));
  const [expected, found] = [told, events.map(tell)].map(each => JSON.stringify(each));
  if (expected !== found) return `told ${found}, not ${expected}`;
  const [a, b] = [online.weights(), replayed.weights()];
  const differs = Object.keys(a).find(name => firstDifference(a[name], b[name]) >= 0);
  return differs && `${differs} differs`;
}

const isLate = (item: Example | LateTarget): item is LateTarget => 'forStep' in item;

law('targets in any order, late, twice, too late or never, teach what an offline replay of everything teaches', {
  values: fc.record<Value>({
    config: networks(6),
    seed: seeds,
    k1: fc.integer({ min: 1, max: 5 }),
    more: fc.integer({ min: 0, max: 5 }),
    lateness: fc.integer({ min: 0, max: 12 }),
    steps: fc.integer({ min: 1, max: 40 }),
    prompt: fc.constantFrom(0, 0.3, 0.8),
    readout: fc.integer({ min: 0, max: 3 }),
  }),
  holds: asOffline,
  right: items => items,
  runs: 150,
  broken: {
    'the second of two targets that stands': items =>
      items.map((item, i) => {
        const again = isLate(item) && items.findIndex(other => isLate(other) && other.forStep === item.forStep) < i;
        return again && typeof item.target === 'number' ? { ...item, forStep: Math.max(1, item.forStep - 1) } : item;
      }),
    'a late target that is dropped': items => items.filter((item, i) => !isLate(item) || i % 7 !== 6),
    'late targets of another order': items => {
      const at = items.findIndex((item, i) => isLate(item) && i + 1 < items.length && isLate(items[i + 1]));
      return at < 0 ? items : [...items.slice(0, at), items[at + 1], items[at], ...items.slice(at + 2)];
    },
    'an expired target that is taken': (items, lateness) => {
      let steps = 0;
      return items.map(item => {
        if (!isLate(item)) steps++;
        return isLate(item) && steps - item.forStep > lateness ? { ...item, forStep: steps } : item;
      });
    },
  },
});

/** A forecaster: the target of the step made `delay` steps before arrives with each step. */
function forecasts(model: TrainableModel, seed: number, steps: number, delay: number): Items {
  const random = createRandom(seed);
  const items: Items = [];
  for (let number = 1; number <= steps; number++) {
    if (number > delay && delay > 0) items.push({ forStep: number - delay, target: randomTarget(random, model) });
    const input = randomInput(random, model);
    items.push(delay === 0 ? { input, target: randomTarget(random, model) } : { input });
  }
  return items;
}

for (const delay of [0, 5, 336]) {
  for (const readout of [0, 1]) {
    const rule = readout === 0 ? '' : ', the readout by its own rule';
    test(`targets that come ${delay} steps late teach what the replay of the stream does, bit for bit${rule}`, async t => {
      const value = { k1: 4, k2: 12, lateness: Math.max(0, delay - 1), readout };
      const made = config('gru', [6], { kind: 'features', size: 3 }, { kind: 'values', size: 2 });
      const run = async (lateness: number) => {
        const [online, replayed] = [await createModel(made, { seed: 3 }), await createModel(made, { seed: 3 })];
        const items = forecasts(online, 7, delay + 80, delay);
        replay(items, value, offline(replayed, value.k2, readout));
        const kinds: string[] = [];
        from(items)
          .pipe(tbptt(createTrainer(online, { ...value, lateness, optimizer, readout: readoutRule(readout).readout })))
          .subscribe(event => kinds.push(event.kind));
        const [a, b] = [online.weights(), replayed.weights()];
        return { kinds, differs: Object.keys(a).filter(name => firstDifference(a[name], b[name]) >= 0) };
      };
      const { kinds, differs } = await run(value.lateness);
      t.deepEqual(differs, []);
      t.is(kinds.filter(kind => kind === 'late').length, delay === 0 ? 0 : 80);
      t.false(kinds.includes('expired'));
      t.true(kinds.filter(kind => kind === 'update').length >= 20);
      if (delay === 0) return;
      // One step less of lateness, and every target comes too late.
      const short = await run(delay - 2);
      t.is(short.kinds.filter(kind => kind === 'expired').length, 80);
      t.true(short.differs.length > 0);
    });
  }
}
