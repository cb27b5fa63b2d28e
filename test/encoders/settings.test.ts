import test from 'ava';
import { createEncoder } from '../../src/encoders/encoders.js';
import { ConfigError } from '../../src/errors.js';

const configs = {
  audio: { rate: 8000 },
  bytes: {},
  characters: { vocabulary: 'ab' },
  readings: { columns: [{ name: 'x' }] },
  strokes: { spacing: 1, unit: 10 },
};

for (const [kind, config] of Object.entries(configs)) {
  test(`a setting that the encoder of ${kind} does not have is refused, with those that it has`, t => {
    t.notThrows(() => createEncoder({ kind, ...config }));
    const message = /^Expected a setting of encoder to be one of kind\b.*, got "spam"$/;
    t.throws(() => createEncoder({ kind, ...config, spam: 1 } as never), { instanceOf: ConfigError, message });
    const long = createEncoder.bind(undefined, { kind, ...config, ['x'.repeat(1e5)]: 1 } as never);
    t.true(t.throws(long).message.length < 500);
  });
}

test('so is a field of a column of readings', t => {
  const columns = [{ name: 'x' }, { name: 'y', nulable: true }];
  t.throws(() => createEncoder({ kind: 'readings', columns } as never), {
    instanceOf: ConfigError,
    message: /one of name, nullable, categories, got "nulable"/,
  });
});
