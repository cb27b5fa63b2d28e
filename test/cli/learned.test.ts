import { readdirSync } from 'node:fs';
import test from 'ava';
import { createLearned } from '../../src/cli/learned.js';
import { createModel } from '../../src/model/model.js';
import { saveTrainer } from '../../src/training/checkpoint.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';
import { folder } from '../helpers/cli.js';
import { config } from '../helpers/models.js';

test('what was kept of a file is found again, and not for another version of it', async t => {
  const at = folder(t);
  const learned = createLearned(at('deep/learned'));
  const model = await createModel(config('gru', [2]));
  t.deepEqual(await learned.restore('m', model, 'aaa'), { served: model, updates: 0 });
  const trainer = createTrainer(model, { k1: 1, k2: 2 });
  trainer.learn({ carry: model.zeroCarry(), inputs: [Float32Array.of(1, 2, 3)], targets: [Float32Array.of(1, 2)] });
  await learned.keep({ name: 'm', model, bytes: saveTrainer(trainer, new Map()) });
  t.deepEqual(readdirSync(at('deep/learned')), ['m-aaa.eddy']);
  const { served, updates } = await createLearned(at('deep/learned')).restore(
    'm',
    await createModel(config('gru', [2])),
    'aaa',
  );
  t.is(updates, 1);
  t.deepEqual((served as Trainer).model.weights(), model.weights());
  t.is((await createLearned(at('deep/learned')).restore('m', model, 'bbb')).updates, 0);
});

test('a file that is as it was before is the model that it was then, as long as anyone has that', async t => {
  const learned = createLearned(folder(t)('learned'));
  const make = () => createModel(config('gru', [2]));
  const first = (await learned.restore('m', await make(), 'aaa')).served;
  t.not((await learned.restore('m', await make(), 'bbb')).served, first);
  t.not((await learned.restore('n', await make(), 'aaa')).served, first);
  t.is((await learned.restore('m', await make(), 'aaa')).served, first);
});

test('of a file that was kept, too', async t => {
  const at = folder(t);
  const model = await createModel(config('gru', [2]));
  const before = createLearned(at('learned'));
  await before.restore('m', model, 'aaa');
  await before.keep({ name: 'm', model, bytes: saveTrainer(createTrainer(model), new Map()) });
  const learned = createLearned(at('learned'));
  const { served } = await learned.restore('m', model, 'aaa');
  t.is((await learned.restore('m', model, 'aaa')).served, (served as Trainer).model);
});
