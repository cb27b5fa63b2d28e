import test from 'ava';
import { lastValueFrom, map, take, toArray } from 'rxjs';
import { EddyError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import { rollout } from '../../src/operators/rollout.js';
import { marbles } from '../helpers/marbles.js';
import { config } from '../helpers/models.js';
import { rows, sampleModel, showStep } from '../helpers/samples.js';

const [x, carry] = [rows(1)[0], rows(1, 5, 3)[0]];

/** Features from the two values that the network says. */
const own = ({ prediction }: Step): Float32Array => Float32Array.of(...prediction, 1);

test('rollout feeds the first input alone, the same input, or its own output', async t => {
  const model = await sampleModel();
  const zeros = new Float32Array(3);
  const feeds = { first: () => zeros, constant: () => x, own };
  for (const [name, next] of Object.entries(feeds)) {
    let [before, input] = [model.zeroCarry(), x];
    const expected = Array.from({ length: 5 }, () => {
      const result = model.step(before, input);
      [before, input] = [result.carry, next(result)];
      return showStep(result);
    });
    const feed = name === 'own' ? own : (name as 'first' | 'constant');
    const steps = rollout(model, { input: x, steps: 5, feed }).pipe(map(showStep), toArray());
    t.deepEqual(await lastValueFrom(steps), expected, name);
    t.deepEqual(await lastValueFrom(steps), expected, `${name}, subscribed again`);
  }
});

test('rollout of tokens reads no row after the first', async t => {
  const model = await createModel(config('gru', [5], { kind: 'token', size: 3 }), { seed: 7 });
  const first = model.step(model.zeroCarry(), 2);
  const second = model.step(first.carry, null);
  const steps = await lastValueFrom(rollout(model, { input: 2, steps: 2, feed: 'first' }).pipe(toArray()));
  t.deepEqual(steps.map(showStep), [first, second].map(showStep));
});

test('rollout emits at once and completes, or goes on as long as it is wanted', async t => {
  const model = await sampleModel();
  const one = showStep(model.step(carry, x));
  const two = showStep(model.step(model.step(carry, x).carry, x));
  marbles(t, ({ expectObservable }) => {
    const shown = (steps?: number) => rollout(model, { input: x, steps, feed: 'constant', carry }).pipe(map(showStep));
    const none = '    |';
    const finite = '  (ab|)';
    expectObservable(shown(0)).toBe(none);
    expectObservable(shown(2)).toBe(finite, { a: one, b: two });
    expectObservable(shown().pipe(take(2))).toBe(finite, { a: one, b: two });
  });
});

test('rollout takes its input and carry as they were, and asks for no input that it does not need', async t => {
  const model = await sampleModel();
  const [input, start] = [x.slice(), carry.slice()];
  let fed = 0;
  const feed = () => {
    fed++;
    return x;
  };
  const steps = rollout(model, { input, carry: start, steps: 3, feed });
  input.fill(0);
  start.fill(0);
  const seen: Step[] = [];
  steps.subscribe(result => seen.push(result));
  t.deepEqual(showStep(seen[0]), showStep(model.step(carry, x)));
  t.is(fed, 2);
  steps.pipe(take(1)).subscribe();
  t.is(fed, 2);
});

test('rollout throws at once when its arguments are wrong', async t => {
  const model = await sampleModel();
  const right = { input: x, steps: 2, feed: 'first' } as const;
  const wrong: Record<string, [object, string]> = {
    'a row of another length': [{ input: new Float32Array(2) }, 'EDDY_INPUT'],
    'no input': [{ input: undefined }, 'EDDY_INPUT'],
    'steps below 0': [{ steps: -1 }, 'EDDY_CONFIG'],
    'steps of 1.5': [{ steps: 1.5 }, 'EDDY_CONFIG'],
    'steps that are no number': [{ steps: Number.NaN }, 'EDDY_CONFIG'],
    'an option that it does not have': [{ step: 3 }, 'EDDY_CONFIG'],
    'no feed': [{ feed: undefined }, 'EDDY_CONFIG'],
    'a carry of another length': [{ carry: new Float32Array(4) }, 'EDDY_INPUT'],
  };
  t.throws(() => rollout(model, undefined as never), { instanceOf: EddyError });
  for (const [what, [options, code]] of Object.entries(wrong)) {
    const error = t.throws(() => rollout(model, { ...right, ...options }), { instanceOf: EddyError }, what);
    t.is(error?.code, code, what);
  }
});

test('rollout sends what the feed throws, or a wrong input it gives, to the error channel', async t => {
  const model = await sampleModel();
  const failure = new Error('nothing to say');
  const throwing = () => {
    throw failure;
  };
  marbles(t, ({ expectObservable }) => {
    const one = showStep(model.step(model.zeroCarry(), x));
    const options = { input: x, steps: 3 };
    const expected = '  (a#)';
    expectObservable(rollout(model, { ...options, feed: throwing }).pipe(map(showStep))).toBe(
      expected,
      { a: one },
      failure,
    );
    expectObservable(rollout(model, { ...options, feed: () => new Float32Array(1) }).pipe(map(showStep))).toBe(
      expected,
      { a: one },
      'EDDY_INPUT',
    );
  });
});
