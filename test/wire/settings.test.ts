import test from 'ava';
import type { ModelConfig } from '../../src/model/config.js';
import { checkConfig } from '../../src/model/config.js';
import type { LossConfig } from '../../src/training/losses.js';
import type { OptimizerConfig } from '../../src/training/optimizer.js';
import type { TrainerOptions, Update } from '../../src/training/trainer.js';
import {
  decodeClient,
  encodeClient,
  type Learning,
  type Open,
  type Updated,
  type WireModelConfig,
} from '../../src/wire/messages.js';

/** The compiler holds these: what comes from the wire is what the library takes, and the other way. */
const config = (fromWire: WireModelConfig): ModelConfig => fromWire;
const wireConfig = (fromModel: ModelConfig): WireModelConfig => fromModel;
const options = ({ optimizer: _, readout: __, loss: ___, ...rest }: Learning): TrainerOptions => rest;
const loss = (config: LossConfig): NonNullable<Learning['loss']> => config;
const optimizer = (config: Required<OptimizerConfig>): NonNullable<Learning['optimizer']> => config;
const updated = ({ rollback: _, ...update }: Update): Updated => ({ type: 'updated', session: 1, ...update });

test('a configuration that went over the wire is the same configuration', t => {
  const model: ModelConfig = checkConfig({
    input: { kind: 'token', size: 5 },
    layers: [
      { cell: 'lstm', size: 3 },
      { cell: 'rnn_relu', size: 2, initialization: 'np-rnn' },
    ],
    output: { kind: 'classes', size: 5 },
    skip: true,
    encoder: { kind: 'characters', alphabet: ['a', 'b'], unknown: null },
    labels: ['a', 'b', 'c', 'd', 'e'],
  });
  for (const subprotocol of ['eddy.v1.proto', 'eddy.v1.json'] as const) {
    const data = encodeClient({ type: 'open', session: 1, fresh: { config: wireConfig(model) } }, subprotocol);
    const { fresh } = decodeClient(data, subprotocol === 'eddy.v1.proto', subprotocol) as Open;
    t.deepEqual(checkConfig(config(fresh!.config)), model);
  }
});

test('options and updates of a trainer are those of the wire', t => {
  t.deepEqual(options({ k1: 2, maxGradientNorm: Number.POSITIVE_INFINITY, optimizer: { kind: 'sgd' } }), {
    k1: 2,
    maxGradientNorm: Number.POSITIVE_INFINITY,
  });
  const update = {
    count: 1,
    loss: 1,
    gradientNorm: 1,
    clipped: false,
    skipped: false,
    windows: 1,
    replayed: 0,
    steps: 1,
    labelled: 1,
    short: 0,
  };
  t.is(updated(update).session, 1);
  const adam = {
    kind: 'adam',
    rate: 0.1,
    beta1: 0,
    beta2: 0.9,
    epsilon: 1e-8,
    weightDecay: 0,
    schedule: { kind: 'constant' },
  } as const;
  t.is(optimizer(adam).rate, 0.1);
  t.is(loss({ kind: 'huber', delta: 2 }).delta, 2);
});
