import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { map, NEVER, type Observable, Subscription, startWith } from 'rxjs';
import { demoModule } from '../helpers/demo-modules.js';

test('many lessons are learned in turns, in order, and those that wait are forgotten with the rest', async t => {
  const { createPupil } = await demoModule('draw/pupil.ts');
  const taken: unknown[] = [];
  /** A network in the page, which takes a millisecond for each step. */
  const runner = {
    learn(_: string, _lessons: unknown, { opened }: { opened: (config: unknown) => void }) {
      return (items: Observable<object>) => {
        opened({});
        return items.pipe(
          map(item => {
            taken.push(item);
            for (const end = performance.now() + 1; performance.now() < end; );
            const step = { prediction: Float32Array.of(0, 1) };
            return 'reset' in item ? { kind: 'reset' } : { kind: 'step', step };
          }),
        );
      };
    },
  };
  const status = { report() {}, forget() {} };
  const life = new Subscription();
  t.teardown(() => life.unsubscribe());
  let seen = 0;
  const on = { begun() {}, seen: () => seen++, updated() {} };
  const pupil = createPupil(NEVER.pipe(startWith(runner)), status, 'drawn-digits', on, life);
  const sequence = { inputs: [Float32Array.of(1), Float32Array.of(2)], answer: 1 };

  pupil.see([{ x: 0, y: 0, time: 0, up: false }], 1);
  while (seen < 1) await nextTurn();
  pupil.learn(Array.from({ length: 100 }, () => sequence));
  t.true(taken.length < 100, `whoever looks on has a turn, got ${taken.length} items in one`);
  const score = await new Promise(answered => pupil.ask([sequence], answered));
  t.deepEqual(score, { right: 1, of: 1 });
  // The reset behind the question may have the next turn.
  while (!('reset' in (taken.at(-1) as object))) await nextTurn();
  t.is(taken.length, 1 + 100 * 3 + 1 + 3 + 1);

  taken.length = 0;
  pupil.learn(Array.from({ length: 100 }, () => sequence));
  pupil.forget();
  pupil.see([{ x: 0, y: 0, time: 0, up: false }], 1);
  while (seen < 2) await nextTurn();
  t.true(taken.length < 100, 'what was to be learned is not learned first');
  t.deepEqual(taken.at(-2), { reset: true, weights: true });
});
