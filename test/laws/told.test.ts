import test from 'ava';
import fc from 'fast-check';
import { from, lastValueFrom, Subject, toArray } from 'rxjs';
import { DivergenceError, InputError, TargetError } from '../../src/errors.js';
import type { ModelConfig } from '../../src/model/config.js';
import type { Input } from '../../src/model/input.js';
import { createModel, type Model } from '../../src/model/model.js';
import type { Step } from '../../src/model/transfer.js';
import type { Example, Learned } from '../../src/operators/learned.js';
import { step } from '../../src/operators/step.js';
import { type KeyedInput, type KeyedStep, stepMany } from '../../src/operators/step-many.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { type KeyedExample, type KeyedLearned, tbpttMany } from '../../src/operators/tbptt-many.js';
import { createRandom } from '../../src/random.js';
import { createTrainer } from '../../src/training/trainer.js';
import { networks, seeds } from '../helpers/arbitraries.js';
import { bits, firstDifference } from '../helpers/bits.js';
import { law, type Verdict } from '../helpers/laws.js';
import { config, randomInput, randomTarget } from '../helpers/models.js';

interface Value {
  readonly config: ModelConfig;
  readonly seed: number;
  readonly steps: number;
  readonly streams: number;
}

const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

const show = ({ logits, prediction, carry }: Step): string => [logits, prediction, carry].map(bits).join('|');

/** Checks the input of a keyed stream, as the model does. */
type Check = (model: Model, input: Input) => void;

law('an input that is not finite is told with its index, ends its own stream, and disturbs no other', {
  values: fc.record<Value>({
    config: networks(8),
    seed: seeds,
    steps: fc.integer({ min: 1, max: 8 }),
    streams: fc.integer({ min: 2, max: 5 }),
  }),
  async holds(check: Check, value: Value): Promise<Verdict> {
    const { seed, steps, streams } = value;
    const spec: ModelConfig = { ...value.config, input: { kind: 'features', size: value.config.input.size } };
    const model = await createModel(spec, { seed });
    const checkAll = (inputs: readonly (Input | null)[]): void => {
      for (const input of inputs) if (input !== null) check(model, input);
    };
    const checked: Model = {
      ...model,
      step(carry, input) {
        checkAll([input]);
        return model.step(carry, input);
      },
      stepMany(carries, inputs) {
        checkAll(inputs);
        return model.stepMany(carries, inputs);
      },
    };
    const random = createRandom(seed);
    const items: KeyedInput[] = Array.from({ length: steps * streams }, (_, i) => ({
      key: `${i % streams}`,
      input: randomInput(random, model),
    }));
    const at = random.integer(items.length);
    const index = random.integer(spec.input.size);
    const victim = items[at].key;
    const spoiled = (items[at].input as Float32Array).slice();
    spoiled[index] = bad[random.integer(3)];
    const given = items.map((item, i) => (i === at ? { ...item, input: spoiled } : item));

    const run = async (list: readonly KeyedInput[]): Promise<KeyedStep[]> =>
      lastValueFrom(from(list).pipe(stepMany(checked), toArray()));
    const [before, after] = [await run(items), await run(given)];
    for (const [i, output] of after.entries()) {
      if (i === at) {
        if (!(output.error instanceof InputError)) return 'the wrong input was not told';
        if (output.error.index !== index) return `told index ${output.error.index}, not ${index}`;
      } else if (output.key !== victim || i < at) {
        const same = before[i];
        if (output.error || same.error) return `stream ${output.key} was disturbed`;
        if (show(output) !== show(same)) return `stream ${output.key} says something else`;
      }
    }
    // A stream of its own ends by the error channel, after all that came before.
    const own = items.slice(0, at).filter(({ key }) => key === victim);
    const seen: string[] = [];
    let error: unknown;
    from([...own.map(({ input }) => input!), spoiled])
      .pipe(step(checked))
      .subscribe({ next: result => seen.push(show(result)), error: failure => (error = failure) });
    if (!(error instanceof InputError) || error.index !== index) return `step told ${String(error)}`;
    const expected = before.filter(({ key }, i) => key === victim && i < at).map(output => show(output as never));
    return seen.join() === expected.join() ? undefined : 'step says something else before the error';
  },
  right: (model, input) => model.checkInput(input),
  runs: 100,
  broken: {
    'an index that is off by one': (model, input) => {
      try {
        model.checkInput(input);
      } catch (error) {
        throw new InputError((error as Error).message, (error as InputError).index! + 1);
      }
    },
    'a check that ends another stream too': (() => {
      let spoiled = false;
      return (model: Model, input: Input) => {
        if (spoiled) {
          spoiled = false;
          throw new InputError('Expected another stream', 0);
        }
        try {
          model.checkInput(input);
        } catch (error) {
          spoiled = true;
          throw error;
        }
      };
    })(),
  },
});

law('a wrong example of one stream leaves what the others learn as it would be without it', {
  values: fc.record<Value>({
    config: networks(5),
    seed: seeds,
    steps: fc.integer({ min: 1, max: 6 }),
    streams: fc.integer({ min: 2, max: 4 }),
  }),
  async holds(spoil: (input: Float32Array) => Input, value: Value): Promise<Verdict> {
    const { seed, steps, streams } = value;
    const spec: ModelConfig = { ...value.config, input: { kind: 'features', size: value.config.input.size } };
    const random = createRandom(seed);
    const run = async (items: readonly KeyedExample[]) => {
      const model = await createModel(spec, { seed });
      const trainer = createTrainer(model, { k1: 2, k2: 3, optimizer: { kind: 'sgd', rate: 0.1 } });
      return { events: await lastValueFrom(from(items).pipe(tbpttMany(trainer), toArray())), weights: model.weights() };
    };
    const probe = await createModel(spec, { seed });
    const items: KeyedExample[] = Array.from({ length: steps * streams }, (_, i) => ({
      key: `${i % streams}`,
      input: randomInput(random, probe),
      target: randomTarget(random, probe),
    }));
    // The last stream says one wrong thing and no more: without it, the same stream ends there in peace.
    const wrong: KeyedExample = { key: 'wrong', input: spoil(new Float32Array(spec.input.size)), target: null };
    const at = random.integer(items.length + 1);
    const [without, among] = [await run(items), await run([...items.slice(0, at), wrong, ...items.slice(at)])];
    const told = among.events.filter(event => event.kind === 'error');
    if (told.length !== 1 || told[0].key !== 'wrong') return `told of ${told.length} errors`;
    if (!(told[0].error instanceof InputError) || told[0].error.index !== 0) return 'the index was not told';
    const steps1 = (events: readonly KeyedLearned[]): string =>
      events
        .flatMap(event =>
          event.kind === 'step' ? [`${event.key} ${event.number} ${event.loss} ${show(event.step)}`] : [],
        )
        .join();
    // Where the wrong one stands between two streams that are due, they still share an update: nothing was stepped.
    if (steps1(without.events) !== steps1(among.events)) return 'another stream says something else';
    const differs = Object.keys(without.weights).find(
      name => firstDifference(without.weights[name], among.weights[name]) >= 0,
    );
    return differs && `${differs} differs`;
  },
  right: input => input.fill(Number.NaN),
  runs: 60,
  broken: { 'an example that is not wrong': input => input },
});

const spec = config('gru', [4]);
const x = Float32Array.of(0.1, 0.2, 0.3);
const y = Float32Array.of(0.5, -0.5);
const examples = (count: number): Example[] => Array.from({ length: count }, () => ({ input: x, target: y }));

const updatesOf = (events: readonly Learned[]) =>
  events.flatMap(event => (event.kind === 'update' ? [event.update] : []));

test('a window that is shorter than k2 is told', async t => {
  const trainer = createTrainer(await createModel(spec), { k1: 2, k2: 5 });
  const events = await lastValueFrom(from(examples(9)).pipe(tbptt(trainer), toArray()));
  t.deepEqual(
    updatesOf(events).map(({ steps, short, labelled }) => [steps, short, labelled]),
    [
      [2, 1, 2],
      [4, 1, 2],
      [5, 0, 2],
      [5, 0, 2],
      [5, 0, 1],
    ],
  );
});

test('a series that is shorter than the window is learned at its end, and told', async t => {
  const trainer = createTrainer(await createModel(spec), { k1: 16, k2: 64 });
  const events = await lastValueFrom(from(examples(3)).pipe(tbptt(trainer), toArray()));
  t.deepEqual(
    updatesOf(events).map(({ steps, short, labelled }) => [steps, short, labelled]),
    [[3, 1, 3]],
  );
});

test('skipped updates are told and move nothing, and after maxSkipped in a row the stream diverges', async t => {
  const model = await createModel(spec);
  // A prediction so large that its squared error is not a float32.
  model.setWeights({ 'readout.bias': Float32Array.of(3e38, 0) });
  const before = model.weights();
  const trainer = createTrainer(model, { k1: 1, k2: 2, maxSkipped: 4 });
  const source = new Subject<Example>();
  const events: Learned[] = [];
  let error: unknown;
  source.pipe(tbptt(trainer)).subscribe({ next: event => events.push(event), error: failure => (error = failure) });
  for (const example of examples(3)) source.next(example);
  t.deepEqual(
    updatesOf(events).map(({ skipped, count }) => [skipped, count]),
    [
      [true, 0],
      [true, 0],
      [true, 0],
    ],
  );
  t.is(error, undefined);
  source.next(examples(1)[0]);
  t.true(error instanceof DivergenceError);
  t.regex((error as Error).message, /4 updates in a row/);
  t.is(updatesOf(events).length, 3);
  t.is(events.filter(({ kind }) => kind === 'step').length, 4);
  t.false(source.observed);
  const after = model.weights();
  for (const name of Object.keys(before)) t.is(firstDifference(before[name], after[name]), -1, name);
});

test('an update that succeeds between skipped ones begins their count again', async t => {
  const model = await createModel(spec);
  const trainer = createTrainer(model, { k1: 1, k2: 1, maxSkipped: 2 });
  const large = Float32Array.of(3e38, -3e38);
  const targets = [large, y, large, y, large];
  const events = await lastValueFrom(
    from(targets.map((target): Example => ({ input: x, target }))).pipe(tbptt(trainer), toArray()),
  );
  t.deepEqual(
    updatesOf(events).map(({ skipped }) => skipped),
    [true, false, true, false, true],
  );
});

test('wrong targets name what is wrong', async t => {
  const trainer = createTrainer(await createModel(spec), { k1: 1, k2: 2 });
  const wrong = [Float32Array.of(0, Number.NaN), new Float32Array(3), 1];
  for (const target of wrong) {
    const error = await t.throwsAsync(lastValueFrom(from([{ input: x, target }]).pipe(tbptt(trainer))), {
      instanceOf: TargetError,
    });
    t.regex(error?.message ?? '', /^Expected target/);
  }
});

test('every target is accounted for: learned, expired, a duplicate, or still fresh', async t => {
  const model = await createModel(config('gru', [3], { kind: 'token', size: 2 }, { kind: 'values', size: 1 }));
  const trainer = createTrainer(model, { k1: 3, k2: 4, lateness: 2 });
  const random = createRandom(5);
  const source = new Subject<Example | { forStep: number; target: number }>();
  const counts = { given: 0, learned: 0, expired: 0, duplicate: 0, known: 0 };
  source.pipe(tbptt(trainer)).subscribe(event => {
    if (event.kind === 'update') counts.learned += event.update.labelled;
    if (event.kind === 'expired') counts.expired++;
    if (event.kind === 'duplicate') counts.duplicate++;
    if (event.kind === 'late' || (event.kind === 'step' && event.loss !== null)) counts.known++;
  });
  for (let number = 1; number <= 500; number++) {
    const prompt = random.integer(2) === 0;
    if (prompt) counts.given++;
    source.next(prompt ? { input: 0, target: 1 } : { input: 1 });
    for (let i = random.integer(3); i > 0; i--) {
      counts.given++;
      source.next({ forStep: Math.max(1, number - random.integer(5)), target: 0 });
    }
  }
  source.complete();
  t.true(counts.expired > 50 && counts.duplicate > 50 && counts.learned > 200);
  t.is(counts.given, counts.known + counts.expired + counts.duplicate);
  t.is(counts.learned, counts.known);
});
