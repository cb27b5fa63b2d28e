import test from 'ava';
import { createAudio } from '../../src/encoders/audio.js';
import { createEncoder, type EncoderConfig } from '../../src/encoders/encoders.js';
import { noStatistics } from '../../src/encoders/statistics.js';
import { ConfigError } from '../../src/errors.js';
import { loadModel, saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';

const configs: readonly EncoderConfig[] = [
  createAudio({ kind: 'audio', rate: 8000, features: 'mfcc', statistics: Array(13).fill(noStatistics) }).config,
  { kind: 'bytes' },
  { kind: 'characters', vocabulary: 'a😀' },
  { kind: 'readings', columns: [{ name: 'x' }, { name: 'y', nullable: true }], clamp: 4, span: 100 },
  { kind: 'strokes', by: 'time', spacing: 20, unit: 250, scale: 'running', pressure: true, time: false, letters: 'ab' },
];

test('an encoder comes back from the checkpoint that names it', async t => {
  for (const config of configs) {
    const encoder = createEncoder(config as { kind: string });
    t.deepEqual(encoder.config, config);
    const model = await createModel({
      input: encoder.input,
      layers: [{ cell: 'gru', size: 2 }],
      output: { kind: 'values', size: 1 },
      encoder: config,
    });
    const loaded = await loadModel(saveModel(model));
    const again = createEncoder(loaded.config.encoder!);
    t.deepEqual(again.config, config);
    t.deepEqual(again.input, loaded.config.input);
  }
});

test('an encoder of no known kind is refused', t => {
  t.throws(() => createEncoder({ kind: 'smoke' }), { instanceOf: ConfigError, message: /got "smoke"/ });
  t.throws(() => createEncoder({} as { kind: string }), { instanceOf: ConfigError });
});

test('a model that takes other inputs than those of its encoder is refused at once, with those that it would take', async t => {
  const network = { layers: [{ cell: 'gru' as const, size: 2 }], output: { kind: 'values' as const, size: 1 } };
  const build = (encoder: { kind: string }, kind: 'token' | 'features', size: number) =>
    createModel({ ...network, input: { kind, size }, encoder });
  for (const config of configs) {
    const { kind, size } = createEncoder(config as { kind: string }).input;
    const other = kind === 'token' ? 'features' : 'token';
    const [units, others] = kind === 'token' ? ['tokens', 'features'] : ['features', 'tokens'];
    const head = `Expected input of a model with encoder ${config.kind} to be its ${size} ${units}, got `;
    const tail = `: take { kind: '${kind}', size: ${size} }, the encoder's input`;
    const wrong = { instanceOf: ConfigError };
    await t.throwsAsync(build(config, other, size), { ...wrong, message: `${head}${size} ${others}${tail}` });
    await t.throwsAsync(build(config, kind, size - 1), { ...wrong, message: `${head}${size - 1} ${units}${tail}` });
    // Tokens that never come are no harm.
    if (kind === 'token') await t.notThrowsAsync(build(config, kind, size + 1));
    else
      await t.throwsAsync(build(config, kind, size + 1), { ...wrong, message: `${head}${size + 1} ${units}${tail}` });
  }
  await t.throwsAsync(build({ kind: 'audio' }, 'features', 40), { instanceOf: ConfigError, message: /encoder\.rate/ });
  // One that is not known here encodes where the data is.
  await t.notThrowsAsync(build({ kind: 'camera' }, 'features', 7));
});
