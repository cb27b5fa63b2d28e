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
