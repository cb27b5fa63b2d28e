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
