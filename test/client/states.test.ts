import test from 'ava';
import { createStates } from '../../src/client/states.js';
import type { Opened, SnapshotData } from '../../src/wire/messages.js';

const opened = { nextStep: 5 } as Opened;
const data = (seq: number) => ({ seq }) as SnapshotData;

function setUp() {
  const went = { next: 0 };
  const states = createStates(
    () => opened,
    () => {
      went.next++;
    },
  );
  return { states, went };
}

test('states come to those who asked for them, in their order', async t => {
  const { states } = setUp();
  const [one, two] = [states.snapshot(), states.snapshot()];
  states.ask();
  states.ask();
  t.is(states.asked(), 2);
  states.answer(data(1));
  states.answer(data(2));
  t.deepEqual([(await one).seq, (await two).seq], [1, 2]);
  t.false(states.isDue());
});

test('what is said of a state that was given is for the one that has gone out, and then the next one may go', async t => {
  const { states, went } = setUp();
  const [one, two] = [states.restore(), states.restore()];
  t.false(states.refused(new Error('none has gone out')));
  states.putNext(3);
  t.deepEqual([states.isRestoring(), states.isTaken(2), states.isTaken(3)], [true, false, true]);
  const refusal = new Error('it does not fit');
  t.true(states.refused(refusal));
  t.is(await t.throwsAsync(one), refusal);
  t.deepEqual([states.isRestoring(), went.next], [false, 1]);
  states.putNext(4);
  states.restored();
  t.is(await two, opened);
  t.deepEqual([states.isDue(), went.next], [false, 2]);
});

test('one of which nothing was heard is in place once a state comes that was asked for after it', async t => {
  const { states } = setUp();
  const asked = states.snapshot();
  states.ask();
  const restored = states.restore();
  const later = states.snapshot();
  states.putNext(1);
  t.true(states.askAfter());
  t.false(states.askAfter());
  states.answer(data(1));
  t.is((await asked).seq, 1);
  t.true(states.isRestoring());
  states.answer(data(2));
  t.is(await restored, opened);
  states.ask();
  states.answer(data(3));
  t.is((await later).seq, 3);
});

test('all who wait are told of the end', async t => {
  const { states } = setUp();
  const waits = [states.snapshot(), states.restore()];
  const end = new Error('the end');
  states.end(end);
  for (const one of waits) t.is(await t.throwsAsync(one), end);
});
