import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { EMPTY, map, type Observable, tap } from 'rxjs';
import { demoModule } from '../helpers/demo-modules.js';

const config = { input: { kind: 'token', size: 4 }, encoder: { kind: 'characters', vocabulary: 'abc' } };
const prediction = Float32Array.of(0.25, 0.25, 0.25, 0.25);

/** Networks that answer at once, as those do that run in the page. */
const runner = {
  place: 'here',
  step(_: string, { opened }: { opened: (of: typeof config) => void }) {
    return (tokens: Observable<number>) => {
      opened(config);
      return tokens.pipe(map((_token, i) => ({ number: i + 1, prediction })));
    };
  },
  learn(_: string, _lessons: unknown, { opened }: { opened: (of: typeof config) => void }) {
    return (items: Observable<object>) => {
      let number = 0;
      opened(config);
      return items.pipe(
        map(item =>
          'input' in item ? { kind: 'step', number: ++number, step: { number, prediction } } : { kind: 'late' },
        ),
      );
    };
  },
};

test('a long text is read in turns, in order, and what waits can be skipped', async t => {
  const { createReader } = await demoModule('type/reader.ts');
  const read: string[] = [];
  const reader = createReader(() => {});
  const events = reader.connect(runner, () => {});
  const subscription = events
    .pipe(
      tap((event: { side?: string; character?: string }) => event.side === 'learner' && read.push(event.character!)),
    )
    .subscribe();
  t.teardown(() => subscription.unsubscribe());
  const text = 'abcab'.repeat(20);
  reader.read(text, EMPTY);
  t.true(read.length < 20, `whoever looks on has a turn, got ${read.length} letters in one`);
  while (reader.waiting > 0) await nextTurn();
  t.is(read.join(''), text);

  reader.read(text, EMPTY);
  reader.skip();
  t.is(reader.waiting, 0);
  reader.read('c', EMPTY);
  while (reader.waiting > 0) await nextTurn();
  t.true(read.length < text.length + 20 && read.at(-1) === 'c');
});
