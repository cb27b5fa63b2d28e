import test from 'ava';
import { from, lastValueFrom, toArray } from 'rxjs';
import type { Example, LateTarget } from '../../src/operators/learned.js';
import { next } from '../../src/operators/next.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';

/** Targets by hand: each input, and before it the target that it is. */
function teach(inputs: readonly number[], horizon: number): (Example<number> | LateTarget)[] {
  return inputs.flatMap((input, i) =>
    i < horizon ? [{ input }] : [{ forStep: i + 1 - horizon, target: input }, { input }],
  );
}

const failure = new RangeError('no target for 6');

keepsContract<number, Example<number> | LateTarget>('next', {
  make: async () => next<number>({ horizon: 2 }),
  items: [3, 1, 4, 1, 5],
  expected: async items => teach(items, 2),
  show: item => item,
  wrongArguments: [
    { what: 'a horizon of 0', call: () => next({ horizon: 0 }), code: 'EDDY_CONFIG' },
    { what: 'a horizon of 1.5', call: () => next({ horizon: 1.5 }), code: 'EDDY_CONFIG' },
    { what: 'a target that is no function', call: () => next({ target: 1 as never }), code: 'EDDY_CONFIG' },
    { what: 'an option that it does not have', call: () => next({ horizn: 2 } as object), code: 'EDDY_CONFIG' },
    { what: 'a number', call: () => next(3 as never), code: 'EDDY_CONFIG' },
    { what: 'steps below 0', call: () => next({ steps: -1 }), code: 'EDDY_CONFIG' },
  ],
});

test('next emits the target that an input is in the frame of the input, before it', t => {
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  -a---b-----c---|', { a: 3, b: 1, c: 4 });
    const subscribed = '   ^--------------!';
    const expected = '     -x---(yz)--(uv)|';
    const values = {
      x: { input: 3 },
      y: { forStep: 1, target: 1 },
      z: { input: 1 },
      u: { forStep: 2, target: 4 },
      v: { input: 4 },
    };
    expectObservable(source.pipe(next())).toBe(expected, values);
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('next takes the target from the input, and passes on what that throws', t => {
  const target = (input: number): number => {
    if (input === 6) throw failure;
    return input * 10;
  };
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  a----b----c', { a: 1, b: 2, c: 6 });
    const subscribed = '   ^---------!';
    const expected = '     x----(yz)-#';
    const values = { x: { input: 1 }, y: { forStep: 1, target: 20 }, z: { input: 2 } };
    expectObservable(source.pipe(next({ target }))).toBe(expected, values, failure);
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('next with a stream cut anywhere and resumed after its steps says the same', async t => {
  const inputs = [3, 1, 4, 1, 5, 9, 2, 6];
  for (const horizon of [1, 2, 3]) {
    for (let cut = 0; cut <= inputs.length; cut++) {
      const parts = [inputs.slice(0, cut), inputs.slice(cut)].map((part, i) =>
        lastValueFrom(from(part).pipe(next({ horizon, steps: i === 0 ? 0 : cut }), toArray())),
      );
      t.deepEqual((await Promise.all(parts)).flat(), teach(inputs, horizon));
    }
  }
});
