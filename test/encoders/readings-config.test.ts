import test from 'ava';
import { checkReadings } from '../../src/encoders/readings-config.js';
import { ConfigError } from '../../src/errors.js';

test('the settings come back as they are used', t => {
  const config = {
    kind: 'readings',
    columns: [
      { name: 'x', nullable: true },
      { name: 'mode', categories: ['on', 'off'] },
    ],
    time: 'at',
    clamp: 4,
    span: 50,
    statistics: [{ count: 2, mean: 1, variance: 3 }],
  } as const;
  t.deepEqual(checkReadings(config), config);
  const { columns } = checkReadings({ ...config, columns: [{ name: 'x', nullable: false }] });
  t.deepEqual(columns, [{ name: 'x' }]);
});

test('a setting that is wrong is refused by its name', t => {
  const columns = [{ name: 'a' }, { name: 'b', categories: ['x'] }];
  const refused = (settings: object, message: RegExp) =>
    t.throws(() => checkReadings({ kind: 'readings', columns, ...settings } as never), {
      instanceOf: ConfigError,
      message,
    });
  refused({ time: 'a' }, /encoder.time to be the name of a column besides the others, got "a"/);
  refused({ time: 3 }, /encoder.time/);
  for (const categories of [[], ['x', 'x'], [1], 'x'])
    refused({ columns: [{ name: 'a', categories }] }, /categories are one or more different texts/);
  const statistics = [{ count: 1, mean: 0, variance: 1 }];
  refused({ statistics: [...statistics, ...statistics] }, /statistics of each column of numbers/);
  t.notThrows(() => checkReadings({ kind: 'readings', columns, statistics }));
});
