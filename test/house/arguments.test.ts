// Whoever calls a public function with nothing, or with something else, is told what it takes.
import test from 'ava';
import { ConfigError, EddyError } from '../../src/errors.js';
import * as eddy from '../../src/index.js';
import * as operators from '../../src/operators/index.js';
import { config } from '../helpers/models.js';

const entries = ['index', 'operators/index', 'server/index', 'client/index'];

const wrong: Readonly<Record<string, readonly unknown[]>> = {
  nothing: [],
  null: [null],
  'no fields': [{}],
  'a field that there is not': [{ misspelt: 1 }],
  'a number': [7],
  text: ['text'],
  'a function': [() => 0],
  'a record without a prototype': [Object.create(null)],
  'no items': [[]],
  'an item that is nothing': [[null]],
};

type Call = (...given: readonly unknown[]) => unknown;

for (const entry of entries) {
  test(`functions of ${entry} say what they take`, async t => {
    const exported: readonly [string, unknown][] = Object.entries(await import(`../../src/${entry}.js`));
    const functions = exported.filter(
      (one): one is [string, Call] => typeof one[1] === 'function' && /^[a-z]/.test(one[0]),
    );
    t.true(functions.length > 0);
    for (const [name, call] of functions) {
      for (const [kind, given] of Object.entries(wrong)) {
        try {
          await call(...given);
        } catch (error) {
          t.true(error instanceof EddyError, `${name} of ${kind}: ${error}`);
        }
      }
    }
  });
}

test('an option that a function does not have is told, with those that it has', async t => {
  const trainer = eddy.createTrainer(await eddy.createModel(config('gru', [2])), {
    optimizer: { kind: 'sgd', rate: 0.1 },
    k1: 1,
    k2: 1,
  });
  const slip: object = { misspelt: 1 };
  const calls: Readonly<Record<string, () => unknown>> = {
    createTranscriber: () => eddy.createTranscriber(3, slip),
    fit: () => eddy.fit(trainer, [], slip as eddy.FitOptions),
    fromPyTorch: () => eddy.fromPyTorch(new Map(), { output: 'values', ...slip }),
    fromUnipen: () => eddy.fromUnipen('', slip),
    loadTrainer: () => eddy.loadTrainer(eddy.saveTrainer(trainer, new Map()), slip),
    sample: () => eddy.sample([1], slip, eddy.createRandom(1)),
  };
  for (const [name, call] of Object.entries(calls)) {
    const wrong = { instanceOf: ConfigError, message: /^Expected an option to be one of .*, got misspelt$/ };
    await t.throwsAsync(async () => call(), wrong, name);
  }
});

test('something else beside arguments that fit is told as well', async t => {
  const model = await eddy.createModel(config('gru', [2]));
  const trainer = eddy.createTrainer(model, { optimizer: { kind: 'sgd', rate: 0.1 }, k1: 1, k2: 1 });
  const random = eddy.createRandom(1);
  const calls: Readonly<Record<string, (given: never) => unknown>> = {
    'sequences to fit': given => eddy.fit(trainer, given, { epochs: 1 }),
    'sequences to evaluate': given => eddy.evaluate(trainer, given),
    'sequences to split': given => eddy.splitSequences(given, 0.5, 1),
    'states to save': given => eddy.saveTrainer(trainer, given),
    'a shape': given => eddy.tensorOf(new Float32Array(2), given),
    'logits of classes': given => eddy.sample(given, {}, random),
    'logits of an offset': given => eddy.sampleOffset(given, {}, random),
    'random numbers of a class': given => eddy.sample([1], {}, given),
    'random numbers of an offset': given => eddy.sampleOffset(new Float32Array(7), {}, given),
  };
  for (const [name, call] of Object.entries(calls))
    for (const given of [null, 7, 'text', {}, [{}]])
      await t.throwsAsync(async () => call(given as never), { instanceOf: EddyError, message: /^Expected / }, name);
});

test('what fails within only when it is used is refused at once', async t => {
  const model = await eddy.createModel(config('gru', [2]));
  const none = undefined as never;
  for (const [what, call] of Object.entries({
    transcriber: () => operators.transcribe(none),
    make: () => operators.afresh(none),
    deviation: () => eddy.withNoise('text' as never),
    text: () => operators.writeLine(model, none),
  }))
    t.throws(call, { instanceOf: ConfigError, message: new RegExp(`^Expected ${what} to be `) }, what);
});
