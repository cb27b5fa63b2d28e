import test from 'ava';
import { from, lastValueFrom, takeWhile, tap } from 'rxjs';
import { createModel } from '../../src/model/model.js';
import type { Learned } from '../../src/operators/learned.js';
import { next } from '../../src/operators/next.js';
import { tbptt } from '../../src/operators/tbptt.js';
import { type KeyedLearned, tbpttMany } from '../../src/operators/tbptt-many.js';
import { createRandom } from '../../src/random.js';
import { loadTrainer, saveTrainer } from '../../src/training/checkpoint.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { config } from '../helpers/models.js';

const token = { kind: 'token', size: 5 } as const;
const classes = { kind: 'classes', size: 5 } as const;

const create = async (k1: number, k2: number, horizon: number): Promise<Trainer> =>
  createTrainer(await createModel(config('lstm', [4], token, classes), { seed: 2 }), {
    k1,
    k2,
    lateness: horizon - 1,
    optimizer: { kind: 'adam', rate: 0.02, beta1: 0.5 },
  });

const tokens = Array.from({ length: 16 }, (_, i) => (i * i + 3) % 5);

for (const [k1, k2, horizon] of [
  [1, 3, 1],
  [3, 5, 1],
  [4, 4, 2],
]) {
  test(`tbptt stopped at any of its events goes on from the file to the same bits (k1 ${k1}, k2 ${k2}, horizon ${horizon})`, async t => {
    const whole = await create(k1, k2, horizon);
    const events: string[] = [];
    await lastValueFrom(
      from(tokens).pipe(
        next({ horizon }),
        tbptt(whole),
        tap(({ kind }) => events.push(kind)),
      ),
    );
    const expected = saveTrainer(whole, new Map());
    t.true(events.includes('update') && events.includes('late'));

    for (let stop = 0; stop < events.length; stop++) {
      if (events[stop] !== 'step' && events[stop] !== 'update') continue;
      const first = await create(k1, k2, horizon);
      let at = 0;
      let file = new Uint8Array();
      const save = (event: Learned): void => {
        if (at++ === stop && 'state' in event) file = saveTrainer(first, new Map([['', event.state()]]));
      };
      const until = takeWhile<Learned>(() => at <= stop);
      await lastValueFrom(from(tokens).pipe(next({ horizon }), tbptt(first), tap(save), until), { defaultValue: 0 });

      const { trainer, states } = await loadTrainer(file);
      const state = states.get('')!;
      const rest = from(tokens.slice(state.steps)).pipe(next({ horizon, steps: state.steps }), tbptt(trainer, state));
      await lastValueFrom(rest, { defaultValue: 0 });
      t.deepEqual(saveTrainer(trainer, new Map()), expected, `stopped at event ${stop}, a ${events[stop]}`);
    }
  });
}

test('tbpttMany stopped after any item goes on from the file to the same bits', async t => {
  const random = createRandom(6);
  const items = Array.from({ length: 26 }, () => ({
    key: 'abc'[random.integer(3)],
    input: random.integer(5),
    target: random.integer(5),
  }));
  const whole = await create(2, 3, 1);
  await lastValueFrom(from(items).pipe(tbpttMany(whole)));
  const expected = saveTrainer(whole, new Map());

  for (let stop = 1; stop < items.length; stop++) {
    const first = await create(2, 3, 1);
    let steps = 0;
    let file = new Uint8Array();
    const watch = (event: KeyedLearned): void => {
      if (event.kind !== 'step') return;
      if (++steps < stop) return;
      file = saveTrainer(first, event.states());
    };
    const until = takeWhile<KeyedLearned>(() => steps < stop);
    await lastValueFrom(from(items).pipe(tbpttMany(first), tap(watch), until), { defaultValue: 0 });

    const { trainer, states } = await loadTrainer(file);
    await lastValueFrom(from(items.slice(stop)).pipe(tbpttMany(trainer, { states })), { defaultValue: 0 });
    t.deepEqual(saveTrainer(trainer, new Map()), expected, `stopped after item ${stop}`);
  }
});
