import test from 'ava';
import { concatMap, from, lastValueFrom, toArray } from 'rxjs';
import { type Alarm, drift } from '../../src/operators/drift.js';
import type { Learned } from '../../src/operators/learned.js';
import { createAdwin } from '../../src/training/adwin.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';

/** As numbers come, one by one, in jumps that no chance explains: each jump is a change at once. */
const judge = { clock: 1, delta: 0.5 };
const quick = { ...judge, tell: 'all' } as const;
const level = (...levels: number[]): number[] => levels.flatMap(value => Array(12).fill(value));

/** What ADWIN alone says of the same numbers. */
function changes(numbers: readonly number[]): Omit<Alarm, 'unjudged' | 'limited'>[] {
  const adwin = createAdwin(judge);
  return numbers.flatMap((value, i) => {
    const change = adwin.add(value);
    return change ? [{ kind: 'alarm' as const, number: i + 1, ...change }] : [];
  });
}

/** A single number causes no change, so an item of the contract is a block of them. */
const blocks = [level(0, 1), level(0), level(1), level(0)];

test('each block of the contract causes a change', t => {
  blocks.forEach((_, i) => {
    t.true(changes(blocks.slice(0, i + 1).flat()).length > changes(blocks.slice(0, i).flat()).length);
  });
});

keepsContract<readonly number[], Alarm>('drift', {
  make: async () => source =>
    source.pipe(
      concatMap(block => block),
      drift(quick),
    ),
  items: blocks,
  expected: async items => changes(items.flat()).map(change => ({ ...change, unjudged: 0, limited: 0 })),
  show: output => output,
  wrong: [
    { what: 'a number that is not finite', item: [Number.NaN] as never, code: 'EDDY_INPUT' },
    { what: 'text', item: ['1'] as never, code: 'EDDY_INPUT' },
  ],
  wrongArguments: [
    { what: 'a delta of 0', call: () => drift({ delta: 0 }), code: 'EDDY_CONFIG' },
    { what: 'a clock of 0', call: () => drift({ clock: 0 }), code: 'EDDY_CONFIG' },
    { what: 'an option that it does not have', call: () => drift({ threshold: 2 } as object), code: 'EDDY_CONFIG' },
    { what: 'another word', call: () => drift({ tell: 'falls' as never }), code: 'EDDY_CONFIG' },
  ],
});

function stepped(number: number, loss: number | null): Learned {
  const row = Float32Array.of(0);
  const step = { logits: row, prediction: row, carry: row };
  return { kind: 'step', number, step, target: null, loss, state: () => ({}) as never };
}

test('an alarm has the number of the step whose loss gave it away', t => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const learned = cold('abcx(cccccccccc)-z|', {
      a: stepped(1, 0),
      b: { kind: 'expired', number: 1 },
      c: stepped(2, 0),
      x: stepped(3, null),
      z: stepped(77, 1),
    } satisfies Record<string, Learned>);
    const source = learned.pipe(
      // The last loss comes six times: as many as a part of the window must have.
      concatMap(event => (event.kind === 'step' && event.number === 77 ? Array(6).fill(event) : [event])),
      drift({ clock: 1, delta: 0.5 }),
      concatMap(({ number, before }) => [[number, before]]),
    );
    expectObservable(source).toBe('-----------------z|', { z: [77, 0] });
    expectSubscriptions(learned.subscriptions).toBe('^-----------------!');
  });
});

test('a loss that falls is no alarm unless it is asked for; losses that are not finite are counted', async t => {
  const falling = [...level(1, 0)].map((loss, i) => stepped(i + 1, loss));
  t.deepEqual(await lastValueFrom(from(falling).pipe(drift({ clock: 1, delta: 0.5 }), toArray())), []);
  const all = await lastValueFrom(from(falling).pipe(drift(quick), toArray()));
  t.true(all.length > 0);
  const rising = [stepped(1, Number.POSITIVE_INFINITY), ...level(0, 1).map((loss, i) => stepped(i + 2, loss))];
  const [alarm] = await lastValueFrom(from(rising).pipe(drift(quick), toArray()));
  t.is(alarm.unjudged, 1);
  t.true(alarm.after > alarm.before);
});

test('a loss far outside the range hides no change, and is counted', async t => {
  const losses = [...Array(500).fill(0.1), 1e6, ...Array(500).fill(0.1), ...Array(200).fill(0.9)];
  const [alarm] = await lastValueFrom(from(losses).pipe(drift(), toArray()));
  t.true(alarm.number > 1001 && alarm.number <= 1064, `${alarm.number}`);
  t.is(alarm.limited, 1);
});
