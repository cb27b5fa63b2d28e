import test from 'ava';
import { from, lastValueFrom, map, Observable, Subject, scan, takeUntil, takeWhile, tap, toArray } from 'rxjs';
import type { Step } from '../../src/model/transfer.js';
import { afresh, type Reset } from '../../src/operators/afresh.js';
import type { Example, Learned } from '../../src/operators/learned.js';
import { step } from '../../src/operators/step.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { createTrainer } from '../../src/training/trainer.js';
import { bits } from '../helpers/bits.js';
import { keepsContract } from '../helpers/contract.js';
import { marbles } from '../helpers/marbles.js';
import { rows, sampleModel, showStep } from '../helpers/samples.js';

const xs = rows(5);
const reset: Reset = { reset: true };

keepsContract<Float32Array | Reset, Step>('afresh', {
  make: async () => {
    const model = await sampleModel();
    return afresh(() => step(model));
  },
  items: xs,
  expected: async items => {
    const model = await sampleModel();
    return (await lastValueFrom(from(items as Float32Array[]).pipe(step(model), toArray()))).map(showStep);
  },
  show: showStep,
  wrong: [{ what: 'a row of another length', item: new Float32Array(2), code: 'EDDY_INPUT' }],
  wrongArguments: [],
});

test('what comes after a reset knows nothing of what came before', async t => {
  const model = await sampleModel();
  const alone = async (some: Float32Array[]) =>
    (await lastValueFrom(from(some).pipe(step(model), toArray()))).map(showStep);
  const items = [reset, xs[0], xs[1], reset, reset, xs[2], xs[3], reset];
  const steps = await lastValueFrom(
    from(items).pipe(
      afresh(() => step(model)),
      map(showStep),
      toArray(),
    ),
  );
  t.deepEqual(steps, [...(await alone([xs[0], xs[1]])), ...(await alone([xs[2], xs[3]]))]);
  t.notDeepEqual(steps, await alone(xs.slice(0, 4)), 'without resets it would');
});

test('a learner learns its remainder at a reset, and goes on with its weights', async t => {
  const examples = xs.map((input): Example<Float32Array> => ({ input, target: Float32Array.of(1, -1) }));
  const whole = createTrainer(await sampleModel(), { k1: 4, k2: 8 });
  const parts = createTrainer(await sampleModel(), { k1: 4, k2: 8 });
  const items = [...examples.slice(0, 3), reset, ...examples.slice(3)];
  const events = await lastValueFrom(
    from(items).pipe(
      afresh<Example<Float32Array>, Learned>(() => tbptt(whole)),
      toArray(),
    ),
  );
  for (const part of [examples.slice(0, 3), examples.slice(3)])
    await lastValueFrom(from(part).pipe(tbptt(parts), toArray()));
  t.is(events.filter(event => event.kind === 'update').length, 2);
  const weights = Object.values(whole.model.weights());
  for (const [i, tensor] of Object.values(parts.model.weights()).entries()) t.deepEqual(bits(tensor), bits(weights[i]));
});

test('each stretch is made with its reset, answers in its frame, and is left with the subscriber', t => {
  const made: (Reset | undefined)[] = [];
  const left = new Subject<void>();
  const again: Reset = { reset: true, weights: true };
  marbles(t, ({ cold, expectObservable, expectSubscriptions }) => {
    const source = cold<number | Reset>('-a-b-r-a-(ra)-|', { a: 1, b: 2, r: again });
    const sum = (begin?: Reset) => {
      made.push(begin);
      return scan((total: number, value: number) => total + value, 0);
    };
    const expected = '                  -x-y---x-x----|';
    expectObservable(source.pipe(afresh(sum))).toBe(expected, { x: 1, y: 3 });
    expectSubscriptions(source.subscriptions).toBe('^-------------!');
  });
  t.deepEqual(made, [undefined, again, again]);
  const items = new Subject<number | Reset>();
  let finalized = 0;
  items
    .pipe(
      afresh<number, number>(() => tap({ finalize: () => finalized++ })),
      takeUntil(left),
    )
    .subscribe();
  items.next(1);
  items.next(reset);
  t.is(finalized, 1);
  left.next();
  t.is(finalized, 2);
  t.false(items.observed);
});

test('begins nothing anew for whom the end of a stretch, or the beginning of one, was the last that was wanted', t => {
  for (const last of ['begins', 'ends', 'fails']) {
    let [begun, open] = [0, 0];
    const stretch = () => (source: Observable<number>) =>
      new Observable<string>(subscriber => {
        begun++;
        open++;
        subscriber.add(() => open--);
        subscriber.next('begins');
        subscriber.add(
          source.subscribe({
            complete() {
              if (last === 'fails') subscriber.error(new Error('it diverged'));
              subscriber.next('ends');
            },
          }),
        );
      });
    const source = new Subject<number | Reset>();
    source
      .pipe(
        afresh<number, string>(stretch),
        takeWhile(what => what !== last),
      )
      .subscribe({ error() {} });
    source.next({ reset: true });
    t.false(source.observed, last);
    t.deepEqual([begun, open], [1, 0], last);
  }
});
