import test from 'ava';
import { createModel } from '../../src/model/model.js';
import { createPrivateLearner } from '../../src/server/learner.js';
import { config } from '../helpers/models.js';

test('a learner goes back to the weights that it began with, though the model moved while it was made', async t => {
  const model = await createModel(config('gru', [5]), { seed: 7 });
  const other = await createModel(config('gru', [5]), { seed: 8 });
  const making = createPrivateLearner(model, undefined, 1 << 20, false);
  model.setWeights(other.weights());
  const learner = await making;
  const began = learner.trainer.model.weights();
  learner.trainer.learn({
    carry: model.zeroCarry(),
    inputs: [Float32Array.of(1, 2, 3)],
    targets: [Float32Array.of(1, 2)],
  });
  t.notDeepEqual(learner.trainer.model.weights(), began);
  learner.restore();
  t.deepEqual(learner.trainer.model.weights(), began);
});
