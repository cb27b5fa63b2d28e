import { createHash } from 'node:crypto';
import test from 'ava';
import { ConfigError } from '../../src/errors.js';
import { createModel } from '../../src/model/model.js';
import { createRandom } from '../../src/random.js';
import { evaluate, type Sequence } from '../../src/training/evaluate.js';
import { type Epoch, type FitOptions, fit, splitSequences, withNoise } from '../../src/training/fit.js';
import { createTrainer, type Trainer } from '../../src/training/trainer.js';

/** The bits of all weights. */
function hashWeights({ weights }: Trainer['model']): string {
  const hash = createHash('sha256');
  for (const values of Object.values(weights())) hash.update(new Uint8Array(values.slice().buffer));
  return hash.digest('hex');
}

/** Rises or falls, under noise, for 3 to 9 steps; which of the two is the target of the last step. */
function slopes(count: number, seed: number): Sequence[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const [length, rises] = [3 + random.integer(7), random.integer(2)];
    const inputs = Array.from({ length }, (_, t) => Float32Array.of((rises ? t : -t) * 0.5 + 0.5 * random.normal()));
    return { inputs, targets: inputs.map((_, t) => (t === length - 1 ? rises : null)) };
  });
}

async function learner(rate = 0.01): Promise<Trainer> {
  const model = await createModel(
    { input: { kind: 'features', size: 1 }, layers: [{ cell: 'gru', size: 8 }], output: { kind: 'classes', size: 2 } },
    { seed: 1 },
  );
  return createTrainer(model, { optimizer: { kind: 'adam', rate, beta1: 0.9 } });
}

async function fitted(options: Partial<FitOptions>, rate?: number) {
  const trainer = await learner(rate);
  const result = await fit(trainer, slopes(60, 1), { epochs: 6, batch: 7, ...options });
  return { trainer, ...result, hash: hashWeights(trainer.model) };
}

test('slopes of unequal lengths are told apart, which chance does not', async t => {
  const unseen = slopes(200, 2);
  const before = evaluate(await learner(), unseen);
  const { trainer, epochs, stopped } = await fitted({ epochs: 15 });
  t.is(stopped, 'epochs');
  t.is(epochs.length, 15);
  t.true(epochs[14].loss < 0.25 * epochs[0].loss, `${epochs[0].loss} to ${epochs[14].loss}`);
  const after = evaluate(trainer, unseen);
  t.true(before.accuracy! < 0.8, `${before.accuracy}`);
  t.true(after.accuracy! > 0.95, `${after.accuracy}`);
});

test('the same seed gives the same bits, another seed others', async t => {
  const augment = withNoise(0.1);
  const first = await fitted({ seed: 3, validation: 0.2, augment });
  const again = await fitted({ seed: 3, validation: 0.2, augment });
  const other = await fitted({ seed: 4, validation: 0.2, augment });
  t.is(first.hash, again.hash);
  t.deepEqual(first.epochs, again.epochs);
  t.not(first.hash, other.hash);
});

test('an epoch is the fold of its minibatches, in the order of the seed', async t => {
  const all = slopes(10, 5);
  const trainer = await learner();
  await fit(trainer, all, { epochs: 1, batch: 4, seed: 9 });

  const random = createRandom(9);
  const order = [...all];
  for (let i = 9; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const oracle = await learner();
  const carry = oracle.model.zeroCarry();
  for (const some of [order.slice(0, 4), order.slice(4, 8), order.slice(8)])
    oracle.learnMany(some.map(sequence => ({ carry, ...sequence })));
  t.is(hashWeights(trainer.model), hashWeights(oracle.model));

  const unshuffled = await learner();
  for (const some of [all.slice(0, 4), all.slice(4, 8), all.slice(8)])
    unshuffled.learnMany(some.map(sequence => ({ carry, ...sequence })));
  t.not(hashWeights(trainer.model), hashWeights(unshuffled.model));
});

test('the weights of the best epoch are kept, not those of the last', async t => {
  const validation = slopes(12, 7);
  // Far too fast: it gets worse again.
  const { trainer, epochs, best } = await fitted({ validation, epochs: 12 }, 0.3);
  const losses = epochs.map(epoch => epoch.validation!.loss);
  t.is(best!.validation!.loss, Math.min(...losses));
  t.not(best!.number, 12, 'the last epoch happens to be the best: no proof');
  t.is(evaluate(trainer, validation).loss, best!.validation!.loss);
});

test('it stops after epochs without a better loss', async t => {
  const { epochs, best, stopped } = await fitted({ validation: slopes(12, 7), epochs: 50, patience: 3 }, 0.3);
  t.is(stopped, 'patience');
  t.is(epochs.length, best!.number + 3);
});

test('a signal stops it at the next update, with the best so far', async t => {
  const stop = new AbortController();
  const validation = slopes(12, 7);
  const { trainer, best, stopped, epochs } = await fitted({
    validation,
    epochs: 50,
    signal: stop.signal,
    onUpdate: ({ done }) => {
      // In the middle of the third epoch: nine updates each.
      if (done === 22) stop.abort();
    },
  });
  t.is(stopped, 'signal');
  t.is(epochs.length, 2);
  t.is(trainer.count, 22);
  t.is(evaluate(trainer, validation).loss, best!.validation!.loss);
});

/** Powers of 1.6 out of ones: a state that grows, and in a sequence far longer than those that are learned grows beyond float32. */
async function growing() {
  const model = await createModel(
    {
      input: { kind: 'features', size: 1 },
      layers: [{ cell: 'rnn_relu', size: 4 }],
      output: { kind: 'values', size: 1 },
    },
    { seed: 1 },
  );
  const powers = (length: number, known: number, more = 0): Sequence => ({
    inputs: Array.from({ length }, () => Float32Array.of(1)),
    targets: Array.from({ length }, (_, t) => (t < known ? Float32Array.of(1.6 ** t + more) : null)),
  });
  return {
    trainer: createTrainer(model, { optimizer: { kind: 'sgd', rate: 0.05 }, k1: 1, k2: 4 }),
    sequences: [powers(6, 6), powers(6, 6, 0.1), powers(5, 5, 0.2)],
    validation: [powers(400, 5)],
  };
}

test('where the carry grows beyond float32 in validation, the loss is infinite, and the best epoch is kept', async t => {
  const { trainer, sequences, validation } = await growing();
  const { epochs, best } = await fit(trainer, sequences, { epochs: 60, validation });
  t.is(epochs.length, 60);
  t.true(epochs.some(epoch => epoch.validation!.loss === Number.POSITIVE_INFINITY));
  t.is(best!.validation!.loss, Math.min(...epochs.map(epoch => epoch.validation!.loss)));
  t.true(best!.number < 60);
  t.is(evaluate(trainer, validation).loss, best!.validation!.loss);
});

test('an error ends it with the weights of the best epoch', async t => {
  const trainer = await learner(0.3);
  const validation = slopes(12, 7);
  const losses: number[] = [];
  const onEpoch = (epoch: Epoch): void => {
    losses.push(epoch.validation!.loss);
    if (!epoch.best) throw new Error('worse');
  };
  await t.throwsAsync(fit(trainer, slopes(60, 1), { epochs: 12, batch: 7, validation, onEpoch }), { message: 'worse' });
  t.true(losses.length > 1);
  t.is(evaluate(trainer, validation).loss, Math.min(...losses));
});

test('a validation loss that is no number is never the best', async t => {
  const trainer = await learner();
  let [calls, real] = [0, 0];
  const broken = {
    ...trainer,
    loss: (...args: Parameters<Trainer['loss']>) => (calls++ < 12 ? trainer.loss(...args) : NaN),
  };
  const { epochs, best } = await fit(broken, slopes(60, 1), { epochs: 3, validation: slopes(12, 7) });
  for (const epoch of epochs) if (!Number.isNaN(epoch.validation!.loss)) real++;
  t.is(real, 1);
  t.is(best!.number, 1);
});

test('a part is held out once, by its seed', t => {
  const all = Array.from({ length: 20 }, (_, i) => i);
  const { training, validation } = splitSequences(all, 0.25, 1);
  t.is(validation.length, 5);
  t.deepEqual(
    [...training, ...validation].sort((a, b) => a - b),
    all,
  );
  t.deepEqual(splitSequences(all, 0.25, 1).validation, validation);
  t.notDeepEqual(splitSequences(all, 0.25, 2).validation, validation);
  t.deepEqual(splitSequences(all, [7], 1), { training: all, validation: [7] });
});

test('wrong options are told', async t => {
  const trainer = await learner();
  const some = slopes(4, 1);
  for (const [options, message] of [
    [{ epochs: 0 }, /epochs to be an integer from 1, got 0/],
    [{ epochs: 1, batch: 1.5 }, /batch to be an integer from 1, got 1.5/],
    [{ epochs: 1, patience: 1 }, /patience with validation/],
    [{ epochs: 1, validation: 1 }, /a share from 0 to below 1/],
    [{ epochs: 1, validation: 0.9 }, /more than 4 sequences to hold 4 out/],
  ] as const) {
    await t.throwsAsync(fit(trainer, some, options), { instanceOf: ConfigError, message });
  }
  await t.throwsAsync(fit(trainer, [{ inputs: [Float32Array.of(1)], targets: [null] }], { epochs: 1 }), {
    message: /a sequence with a target/,
  });
});
