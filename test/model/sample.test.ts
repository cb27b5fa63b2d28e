import test from 'ava';
import { ConfigError, InputError } from '../../src/errors.js';
import { argmax, type SampleOptions, sample } from '../../src/model/sample.js';
import { createRandom } from '../../src/random.js';

const logits = Float32Array.of(1, 3, -2, 3, 0.5, Number.NEGATIVE_INFINITY);

/** Shares of each class in many draws. */
function shares(options: SampleOptions, draws = 40_000): number[] {
  const random = createRandom(9);
  const counts = Array.from(logits, () => 0);
  for (let i = 0; i < draws; i++) counts[sample(logits, options, random)]++;
  return counts.map(count => count / draws);
}

/** softmax(o / temperature) over the given classes, with the engine's own functions. */
function softmax(temperature: number, classes: readonly number[]): number[] {
  const masses = Array.from(logits, (o, i) => (classes.includes(i) ? Math.exp(o / temperature) : 0));
  const total = masses.reduce((a, b) => a + b);
  return masses.map(mass => mass / total);
}

const farthest = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);

test('classes are drawn with the probabilities of softmax, at any temperature, from the greatest k', t => {
  const all = [0, 1, 2, 3, 4, 5];
  for (const temperature of [0.25, 1, 3])
    t.true(farthest(shares({ temperature }), softmax(temperature, all)) < 0.01, `temperature ${temperature}`);
  t.true(farthest(shares({ topK: 3 }), softmax(1, [0, 1, 3])) < 0.01);
  t.true(farthest(shares({ topK: 3 }), softmax(1, all)) > 0.01);
  t.deepEqual(shares({ topK: 1 }, 100), [0, 1, 0, 0, 0, 0]);
  t.deepEqual(shares({ temperature: 0 }, 100), [0, 1, 0, 0, 0, 0]);
});

test('a class that is as good as impossible is drawn as seldom', t => {
  const random = createRandom(1);
  const rare = Float32Array.of(0, -60);
  for (let i = 0; i < 20_000; i++) t.is(sample(rare, {}, random), 0);
});

test('draws are those that they were: the same on every machine', t => {
  const random = createRandom(7);
  const drawn = Array.from({ length: 24 }, () => sample(logits, { temperature: 2 }, random));
  t.is(drawn.join(''), '130301031000321340333113');
});

test('each draw uses two words of the random numbers, whatever the options', t => {
  for (const options of [{}, { temperature: 0 }, { topK: 2 }]) {
    const [random, other] = [createRandom(3), createRandom(3)];
    sample(logits, options, random);
    other.bits();
    other.bits();
    t.deepEqual(random.state(), other.state());
  }
});

test('the first of the greatest is the answer of argmax', t => {
  t.is(argmax(logits), 1);
  t.is(argmax([-5]), 0);
});

test('logits and options that make no distribution are refused', t => {
  const random = createRandom(1);
  const refused = (given: ArrayLike<number>, options: SampleOptions, error: new (...given: never[]) => Error) =>
    t.throws(() => sample(given, options, random), { instanceOf: error });
  refused([1, Number.NaN], {}, InputError);
  refused([1], { topk: 3 } as SampleOptions, ConfigError);
  refused([1, Number.POSITIVE_INFINITY], {}, InputError);
  refused([Number.NEGATIVE_INFINITY], {}, InputError);
  refused([], {}, InputError);
  refused([1], { temperature: -1 }, ConfigError);
  refused([1], { temperature: Number.NaN }, ConfigError);
  refused([1], { topK: 0 }, ConfigError);
  refused([1], { topK: 1.5 }, ConfigError);
});
