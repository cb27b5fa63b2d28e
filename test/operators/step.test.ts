import test from 'ava';
import { from, last, lastValueFrom, map, of } from 'rxjs';
import type { Carry } from '../../src/model/carry.js';
import type { Model } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import { step } from '../../src/operators/step.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { rows, sampleModel, showStep } from '../helpers/samples.js';

const xs = rows(4);
const wrongModel = await sampleModel();

/** The steps by hand. */
function fold(model: Model<Float32Array>, inputs: readonly Float32Array[], first: Carry = model.zeroCarry()): Step[] {
  let carry = first;
  return inputs.map(input => {
    const result = model.step(carry, input);
    carry = result.carry;
    return result;
  });
}

keepsContract<Float32Array, Step>('step', {
  make: async () => step(await sampleModel()),
  items: xs,
  expected: async items => fold(await sampleModel(), items).map(showStep),
  show: showStep,
  wrong: [
    { what: 'a row of another length', item: new Float32Array(2), code: 'EDDY_INPUT' },
    { what: 'a token', item: 1, code: 'EDDY_INPUT' },
    { what: 'nothing', item: undefined, code: 'EDDY_INPUT' },
    { what: 'a number that is not finite', item: Float32Array.of(0, Number.NaN, 0), code: 'EDDY_INPUT' },
  ],
  wrongArguments: [
    { what: 'a carry of another length', call: () => step(wrongModel, new Float32Array(3)), code: 'EDDY_INPUT' },
  ],
});

test('step answers each input in its frame, and leaves with its source', async t => {
  const model = await sampleModel();
  const [a, b, c] = fold(model, xs).map(showStep);
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  --a-b---c|', { a: xs[0], b: xs[1], c: xs[2] });
    const subscribed = '   ^--------!';
    const expected = '     --x-y---z|';
    expectObservable(source.pipe(step(model), map(showStep))).toBe(expected, { x: a, y: b, z: c });
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('step errors in the frame of a wrong input, and leaves its source', async t => {
  const model = await sampleModel();
  const [a] = fold(model, xs).map(showStep);
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  --a-b---c|', { a: xs[0], b: new Float32Array(1), c: xs[2] });
    const subscribed = '   ^---!';
    const expected = '     --x-#';
    expectObservable(source.pipe(step(model), map(showStep))).toBe(expected, { x: a }, 'EDDY_INPUT');
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('step leaves its source in the frame in which it is unsubscribed', async t => {
  const model = await sampleModel();
  const [a, b] = fold(model, xs).map(showStep);
  marbles(t, ({ hot, expectObservable, expectSubscriptions }) => {
    const source = hot('   --a-b---c|', { a: xs[0], b: xs[1], c: xs[2] });
    const subscribed = '   ^-----!';
    const expected = '     --x-y--';
    expectObservable(source.pipe(step(model), map(showStep)), subscribed).toBe(expected, { x: a, y: b });
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('step goes on from a carry, which may change after', async t => {
  const model = await sampleModel();
  const whole = fold(model, xs);
  const carry = whole[1].carry.slice();
  const rest = from(xs.slice(2)).pipe(step(model, carry), map(showStep));
  carry.fill(9);
  const seen: unknown[] = [];
  rest.subscribe(shown => seen.push(shown));
  t.deepEqual(seen, whole.slice(2).map(showStep));
});

test('step then last is many-to-one', async t => {
  const model = await sampleModel();
  const end = await lastValueFrom(of(...xs).pipe(step(model), last()));
  t.deepEqual(showStep(end), showStep(fold(model, xs)[3]));
});
