import test from 'ava';
import fc from 'fast-check';
import { answerStep, effectiveWant, largest } from '../../src/server/answer.js';

const step = {
  prediction: Float32Array.of(0.1, 0.7, 0.2),
  logits: Float32Array.of(-1, 1, 0),
  carry: Float32Array.of(5, 6),
};

test('the largest numbers are those that sorting puts first, equals in order and NaN last', t => {
  const number = fc.constantFrom(0, -1, 1, 2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 80 }), fc.integer({ min: 1, max: 90 }), (list, count) => {
      const key = (x: number): [number, number] => (Number.isNaN(x) ? [1, 0] : [0, x]);
      const sorted = list
        .map((_, i) => i)
        .sort((i, j) => {
          const [a, b] = [key(list[i]), key(list[j])];
          return a[0] - b[0] || (a[1] === b[1] ? i - j : a[1] > b[1] ? -1 : 1);
        });
      t.deepEqual(largest(Float32Array.from(list), count), sorted.slice(0, count));
    }),
  );
});

test('many of the largest numbers take no more looks than sorting', t => {
  const size = 2000;
  let looks = 0;
  const values = new Proxy(new Float32Array(size), {
    get(_, key) {
      if (key === 'length') return size;
      looks++;
      return Number(key);
    },
  });
  t.deepEqual(
    largest(values, size / 2),
    Array.from({ length: size / 2 }, (_, i) => size - 1 - i),
  );
  t.true(looks < 8 * size * Math.log2(size), `${looks}`);
});

test('everything is wanted that is not said otherwise', t => {
  const want = effectiveWant(undefined, 3);
  t.deepEqual(want, { answer: 'whole', topK: 0, every: 1, last: false, logits: false, carry: false });
  t.deepEqual(answerStep(want, 4, step, null), { step: 4, prediction: step.prediction });
});

test('top k, argmax, logits, carry and losses come as asked for', t => {
  const top = answerStep(effectiveWant({ answer: 'top-k', topK: 2, logits: true }, 3), 1, step, 0.25);
  t.deepEqual(top, {
    step: 1,
    topIndices: [1, 2],
    topValues: Float32Array.of(0.7, 0.2),
    loss: 0.25,
    logits: step.logits,
  });
  t.deepEqual(answerStep(effectiveWant({ answer: 'argmax', carry: true }, 3), 1, step, null), {
    step: 1,
    topIndices: [1],
    topValues: Float32Array.of(0.7),
    carry: step.carry,
  });
  t.is(effectiveWant({ answer: 'top-k', topK: 9 }, 3).topK, 3);
  t.is(effectiveWant({ answer: 'top-k', topK: 0 }, 3).topK, 1);
});

test('where no prediction is wanted, a loss still comes, and nothing without one', t => {
  const want = effectiveWant({ answer: 'none' }, 3);
  t.is(answerStep(want, 1, step, null), undefined);
  t.deepEqual(answerStep(want, 1, step, 2), { step: 1, loss: 2 });
});

test('every n-th step is answered', t => {
  const want = effectiveWant({ every: 3 }, 3);
  const answered = [1, 2, 3, 4, 5, 6].filter(number => answerStep(want, number, step, null) !== undefined);
  t.deepEqual(answered, [3, 6]);
});
