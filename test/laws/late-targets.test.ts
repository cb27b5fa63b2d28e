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
}

type Items = (Example | LateTarget)[];

const optimizer = { kind: 'adam', rate: 0.02, beta1: 0.5 } as const;

/** Steps by the model and learns by a trainer of its own: no tape, no operator, no stream. */
function offline(model: TrainableModel, k2: number): Backend<Carry> {
  const trainer = createTrainer(model, { k2, optimizer });
  return {
    zero: () => model.zeroCarry(),
    step: (carry, input) => model.step(carry, input).carry,
    learn: windows => trainer.learnMany(windows.map(({ before, ...rest }) => ({ carry: before, ...rest }))),
  };
}

async function asOffline(change: (items: Items, lateness: number) => Items, value: Value): Promise<Verdict> {
  const { config, seed, k1, more, lateness, steps, prompt } = value;
  const k2 = k1 + more;
  const [online, replayed] = [await createModel(config, { seed }), await createModel(config, { seed })];
  const items = drawItems(createRandom(seed), online, { steps, lateness, prompt });
  const told = replay(items, { k1, k2, lateness }, offline(replayed, k2)).map(tellCount);
  const events: Learned[] = [];
  from(change(items, lateness))
    .pipe(tbptt(createTrainer(online, { k1, k2, lateness, optimizer })))
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
