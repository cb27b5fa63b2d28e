import test from 'ava';
import { createEncoder } from '../../src/encoders/encoders.js';
import { ConfigError } from '../../src/errors.js';

let nested: unknown = [];
for (let depth = 0; depth < 100_000; depth++) nested = [nested];

const wrong = (setting: unknown): { kind: string }[] =>
  [
    { kind: 'readings', columns: setting },
    { kind: 'readings', columns: [{ name: 1, more: setting }] },
    ...['rate', 'bands', 'floor', 'low', 'high', 'clamp'].map(name => ({ kind: 'audio', rate: 8000, [name]: setting })),
    { kind: 'readings', columns: [{ name: 'a' }], clamp: setting },
    { kind: 'readings', columns: [{ name: 'a' }], span: setting },
    { kind: 'strokes', unit: 1, spacing: setting },
    { kind: setting as string },
  ].map(config => config as { kind: string });

test('a wrong setting is shown, cut short', t => {
  for (const config of wrong('x'.repeat(100_000))) {
    const { message } = t.throws(() => createEncoder(config), { instanceOf: ConfigError, message: /got .*x…$/ });
    t.true(message.length < 250, message.slice(0, 300));
  }
});

test('a wrong setting that cannot be written is no other error', t => {
  for (const setting of [nested, 1n])
    for (const config of wrong(setting))
      t.throws(() => createEncoder(config), { instanceOf: ConfigError, message: /got what is no plain data/ });
});

test('a wrong setting that is missing is undefined', t => {
  t.throws(() => createEncoder({ kind: 'readings' }), { instanceOf: ConfigError, message: /got undefined$/ });
});
