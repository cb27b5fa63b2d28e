import test from 'ava';
import { from, lastValueFrom, map, Subject, toArray } from 'rxjs';
import type { Carry } from '../../src/model/carry.js';
import type { Model } from '../../src/model/model.js';
import { type KeyedInput, type KeyedStep, stepMany } from '../../src/operators/step-many.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { rows, sampleModel, showStep } from '../helpers/samples.js';

type Item = KeyedInput<Float32Array>;

const xs = rows(8);
const wrongModel = await sampleModel();

const show = (output: KeyedStep) =>
  output.error ? { key: output.key, code: output.error.code } : { key: output.key, ...showStep(output) };

/** Each stream stepped by itself, one input at a time. */
function fold(model: Model<Float32Array>, items: readonly Item[]) {
  const carries = new Map<string, Carry>();
  return items.map(({ key, input, last }) => {
    try {
      const result = model.step(carries.get(key) ?? model.zeroCarry(), input);
      carries.set(key, result.carry);
      if (last) carries.delete(key);
      return show({ key, ...result });
    } catch (error) {
      carries.delete(key);
      return { key, code: (error as { code: string }).code };
    }
  });
}

const keyed = (keys: string): Item[] => [...keys].map((key, i) => ({ key, input: xs[i] }));

/** A model that notes how many streams each call stepped. */
async function counting(): Promise<{ model: Model<Float32Array>; sizes: number[] }> {
  const model = await sampleModel();
  const sizes: number[] = [];
  const stepMany: typeof model.stepMany = (carries, inputs) => {
    sizes.push(inputs.length);
    return model.stepMany(carries, inputs);
  };
  return { model: { ...model, stepMany }, sizes };
}

keepsContract<Item, KeyedStep>('stepMany', {
  make: async () => stepMany(await sampleModel()),
  items: keyed('abacab'),
  expected: async items => fold(await sampleModel(), items),
  show,
  // The second stream's input waits for the turn to end; the third item is the first stream's again.
  before: 3,
  wrong: [
    { what: 'an input alone', item: xs[0], code: 'EDDY_INPUT' },
    { what: 'nothing', item: undefined, code: 'EDDY_INPUT' },
    { what: 'an input without a key', item: { input: xs[0] }, code: 'EDDY_INPUT' },
  ],
  wrongArguments: [
    { what: 'a batch of none', call: () => stepMany(wrongModel, { maxBatch: 0 }), code: 'EDDY_CONFIG' },
    { what: 'a batch of 1.5', call: () => stepMany(wrongModel, { maxBatch: 1.5 }), code: 'EDDY_CONFIG' },
    {
      what: 'an option that it does not have',
      call: () => stepMany(wrongModel, { maxbatch: 2 } as object),
      code: 'EDDY_CONFIG',
    },
    { what: 'no streams', call: () => stepMany(wrongModel, { maxStreams: 0 }), code: 'EDDY_CONFIG' },
    {
      what: 'streams that are no number',
      call: () => stepMany(wrongModel, { maxStreams: Number.NaN }),
      code: 'EDDY_CONFIG',
    },
  ],
});

test('stepMany answers when a stream comes again, and at the end', async t => {
  const model = await sampleModel();
  const items = keyed('abac');
  const [u, v, w, x] = fold(model, items);
  const shown = { u, v, w, x };
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  -a-b-c---d---|', { a: items[0], b: items[1], c: items[2], d: items[3] });
    const subscribed = '   ^------------!';
    // Virtual time has no microtasks: what is gathered leaves when stream a comes again, and at completion.
    const expected = '     -----(uv)----(wx|)';
    expectObservable(source.pipe(stepMany(model), map(show))).toBe(expected, shown);
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('stepMany answers what waits before an error of its source', async t => {
  const model = await sampleModel();
  const items = keyed('ab');
  const [u, v] = fold(model, items);
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold('  -a-b----#', { a: items[0], b: items[1] }, new Error('lost'));
    const subscribed = '   ^-------!';
    const expected = '     --------(uv#)';
    expectObservable(source.pipe(stepMany(model), map(show))).toBe(expected, { u, v }, new Error('lost'));
    expectSubscriptions(source.subscriptions).toBe(subscribed);
  });
});

test('stepMany steps the inputs of one turn as one batch, at most one of each stream, at most maxBatch', async t => {
  const { model, sizes } = await counting();
  const source = new Subject<Item>();
  const outputs: KeyedStep[] = [];
  source.pipe(stepMany(model, { maxBatch: 3 })).subscribe(output => outputs.push(output));
  const items = keyed('abcdab');
  for (const item of items) source.next(item);
  t.deepEqual(sizes, [3]);
  await Promise.resolve();
  t.deepEqual(sizes, [3, 3]);
  source.next(items[0]);
  source.next({ ...items[0], input: xs[7] });
  await Promise.resolve();
  t.deepEqual(sizes, [3, 3, 1, 1]);
  t.deepEqual(outputs.map(show), fold(model, [...items, items[0], { ...items[0], input: xs[7] }]));
});

test('stepMany ends the stream of a wrong input, and no other', async t => {
  const model = await sampleModel();
  const bad = Float32Array.of(0, Number.POSITIVE_INFINITY, 0);
  const items: Item[] = [...keyed('ab'), { key: 'a', input: bad }, ...keyed('abab').slice(0, 4)];
  const outputs = await lastValueFrom(from(items).pipe(stepMany(model), toArray()));
  t.deepEqual(outputs.map(show), fold(model, items));
  const failed = outputs.find(output => output.error);
  t.is(failed?.key, 'a');
  t.regex(failed?.error?.message ?? '', /input\[1\]/);
});

test('stepMany forgets a stream after its last input', async t => {
  const model = await sampleModel();
  const items: Item[] = [{ key: 'a', input: xs[0], last: true }, ...keyed('a'), { key: 'b', input: null }];
  const outputs = await lastValueFrom(from(items).pipe(stepMany(model, { maxStreams: 2 }), toArray()));
  t.deepEqual(outputs.map(show), fold(model, items));
  t.deepEqual(show(outputs[0]), show(outputs[1]));
});

test('stepMany keeps a carry in an array of its own, not in the slab of what it emits', async t => {
  const model = await sampleModel();
  const kept: Carry[] = [];
  const noting: typeof model.stepMany = (carries, inputs) => {
    kept.push(...carries);
    return model.stepMany(carries, inputs);
  };
  const items = keyed('abab');
  const outputs = await lastValueFrom(from(items).pipe(stepMany({ ...model, stepMany: noting }), toArray()));
  t.deepEqual(outputs.map(show), fold(model, items));
  t.is(kept.length, 4);
  for (const carry of kept) t.is(carry.buffer.byteLength, carry.byteLength);
  const [emitted] = outputs;
  t.true(emitted.error === undefined && emitted.carry.buffer.byteLength > emitted.carry.byteLength);
});

test('stepMany refuses the streams beyond maxStreams, and no other', async t => {
  const model = await sampleModel();
  const ended = keyed('abcd').map(item => ({ ...item, last: true }));
  t.is((await lastValueFrom(from(ended).pipe(stepMany(model, { maxStreams: 1, maxBatch: 1 }), toArray()))).length, 4);
  const outputs = await lastValueFrom(from(keyed('abcdad')).pipe(stepMany(model, { maxStreams: 3 }), toArray()));
  t.deepEqual(
    outputs.map(({ key, error }) => [key, error?.code]),
    [...'abcdad'].map(key => [key, key === 'd' ? 'EDDY_LIMIT' : undefined]),
  );
  t.regex(outputs[3].error?.message ?? '', /maxStreams/);
});

test('where places run out, the same items have the same answers, in one turn or in many', async t => {
  const model = await sampleModel();
  const [a, again, b, wrong, c] = keyed('aabbc');
  const items: Item[] = [a, { ...again, last: true }, b, { ...wrong, input: new Float32Array(1) }, c];
  const answers: unknown[] = [];
  for (const apart of [false, true]) {
    const source = new Subject<Item>();
    const told: unknown[] = [];
    source.pipe(stepMany(model, { maxStreams: 1 })).subscribe(({ key, error }) => told.push([key, error?.code]));
    for (const item of items) {
      source.next(item);
      if (apart) await new Promise(setImmediate);
    }
    source.complete();
    answers.push(told);
  }
  t.deepEqual(answers[0], [
    ['a', undefined],
    ['a', undefined],
    ['b', undefined],
    ['b', 'EDDY_INPUT'],
    ['c', undefined],
  ]);
  t.deepEqual(answers[0], answers[1]);
});

test('stepMany tells its subscriber of a fault in the model, also one that comes after the turn', async t => {
  const model = await sampleModel();
  const broken = {
    ...model,
    stepMany: () => {
      throw new RangeError('broken');
    },
  };
  const source = new Subject<Item>();
  const told = new Promise(resolve => source.pipe(stepMany(broken)).subscribe({ error: resolve }));
  source.next(keyed('a')[0]);
  t.is(((await told) as Error).message, 'broken');
  t.false(source.observed);
});
