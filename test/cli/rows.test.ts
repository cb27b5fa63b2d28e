import { writeFileSync } from 'node:fs';
import test from 'ava';
import { createReadings, type Reading, type ReadingsConfig } from '../../src/encoders/readings.js';
import { saveModel } from '../../src/model/checkpoint.js';
import type { ModelConfig } from '../../src/model/config.js';
import { createModel } from '../../src/model/model.js';
import { encodeAll } from '../helpers/chunks.js';
import { eddy, folder } from '../helpers/cli.js';

const gru: ModelConfig = {
  input: { kind: 'features', size: 2 },
  layers: [{ cell: 'gru', size: 4 }],
  output: { kind: 'values', size: 2 },
};

test('a network that was made elsewhere takes rows as they are, and what it says is said as it is', async t => {
  const at = folder(t);
  const model = await createModel(gru, { seed: 5 });
  writeFileSync(at('m'), saveModel(model));
  const { lines, status } = await eddy(t, 'x,y\n0.5,-2\n3,4\n', 'pipe', at('m'), '--record', at('r'));
  t.is(status, 0);
  t.is((await eddy(t, '', 'replay', '--verify', at('r'))).stdout, 'the same: 2 steps, 0 updates\n');
  const first = model.step(model.zeroCarry(), Float32Array.of(0.5, -2));
  const second = model.step(first.carry, Float32Array.of(3, 4));
  t.deepEqual(
    lines.map(line => Float32Array.from(line.prediction)),
    [first.prediction, second.prediction],
  );
});

test('a row with a gap, or a number beyond float32, is told and passed over where such a network has no encoder', async t => {
  const at = folder(t);
  writeFileSync(at('m'), saveModel(await createModel(gru)));
  const plain = await eddy(t, 'a,b\n1,2\n3,4\n', 'pipe', at('m'));
  const odd = await eddy(t, 'a,b\n1,2\n1e39,2\n5,\n3,4\n', 'pipe', at('m'), '--record', at('r'));
  t.is(odd.status, 0, odd.stderr);
  t.is(odd.stdout, plain.stdout);
  t.regex(odd.stderr, /^eddy: line 3: expected a to be a number, got 1e\+39, which is beyond float32: skipped$/m);
  t.regex(odd.stderr, /^eddy: line 4: expected b to be a number, got none: skipped$/m);
  t.is((await eddy(t, '', 'replay', '--verify', at('r'))).stdout, 'the same: 2 steps, 0 updates\n');
});

test('the classes of such a network have their names', async t => {
  const at = folder(t);
  const config: ModelConfig = { ...gru, output: { kind: 'classes', size: 3 }, labels: ['sit', 'walk', 'run'] };
  writeFileSync(at('m'), saveModel(await createModel(config)));
  const { lines } = await eddy(t, '[1,2]\n', 'pipe', at('m'), '--top-k', '3');
  t.deepEqual(lines[0].top.map((one: { label: string }) => one.label).sort(), ['run', 'sit', 'walk']);
});

test('an encoder that the checkpoint has is used, and asks for its columns by name', async t => {
  const at = folder(t);
  const columns = [{ name: 'b' }, { name: 'a' }];
  const statistics = columns.map(() => ({ count: 100, mean: 10, variance: 4 }));
  const config: ModelConfig = { ...gru, encoder: { kind: 'readings', columns, statistics } };
  writeFileSync(at('m'), saveModel(await createModel(config)));
  const straight = await eddy(t, 'a,b,c\n9,12,7\n', 'pipe', at('m'));
  const crossed = await eddy(t, 'c,b,a\n1,12,9\n', 'pipe', at('m'));
  t.is(straight.status, 0, straight.stderr);
  t.is(crossed.stdout, straight.stdout);
  t.not((await eddy(t, 'a,b\n12,9\n', 'pipe', at('m'))).stdout, straight.stdout);
});

test('of columns that the network does not see, those without a number are told, and no others', async t => {
  const at = folder(t);
  const columns = ['--columns', 'a', '--key', 'of', '--learn', '--save', at('m')];
  const chosen = await eddy(t, 'time,of,a,b\n08:00,x,1,2\n', 'pipe', ...columns);
  t.regex(chosen.stderr, /first row has no number there: time$/m);
  const encoder = { kind: 'readings', columns: [{ name: 'a' }, { name: 'b' }] };
  writeFileSync(at('n'), saveModel(await createModel({ ...gru, input: { kind: 'features', size: 2 }, encoder })));
  const known = await eddy(t, 'a,b,c\n9,12,7\n', 'pipe', at('n'));
  t.is(known.stderr, 'eddy: reading csv: a, b\n');
});

test('such an encoder may ask for times, categories and cells that may be missing; a row whose time goes back is skipped', async t => {
  const at = folder(t);
  const encoder = {
    kind: 'readings',
    columns: [
      { name: 'x', nullable: true },
      { name: 'mode', categories: ['on', 'off'] },
    ],
    time: 'when',
  };
  const config: ModelConfig = { ...gru, input: { kind: 'features', size: 6 }, encoder };
  const model = await createModel(config, { seed: 2 });
  writeFileSync(at('m'), saveModel(model));
  const table =
    'when,mode,x\n2024-01-01 10:00,on,1\n2024-01-01 10:01,off,\n2024-01-01 09:00,on,1\nsoon,on,1\n2024-01-01 10:05,?!,3\n';
  const { lines, stderr, status } = await eddy(t, table, 'pipe', at('m'), '--record', at('r'));
  t.is(status, 0, stderr);
  t.regex(stderr, /"when" not to go back/);
  t.regex(stderr, /expected when to be a time, got "soon"/);
  t.is((await eddy(t, '', 'replay', '--verify', at('r'))).stdout, 'the same: 3 steps, 0 updates\n');
  const rows = [
    [1, 'on', 0],
    [null, 'off', 60_000],
    [3, '?!', 300_000],
  ];
  const { inputs } = encodeAll<Reading, unknown, Float32Array>(createReadings(encoder as ReadingsConfig), rows);
  let carry = model.zeroCarry();
  const expected = inputs.map(input => {
    const step = model.step(carry, input);
    carry = step.carry;
    return step.prediction;
  });
  t.deepEqual(
    lines.map(line => Float32Array.from(line.prediction)),
    expected,
  );
});

test('rows of another width are refused, and so is learning without knowing what', async t => {
  const at = folder(t);
  writeFileSync(at('m'), saveModel(await createModel(gru)));
  const wide = await eddy(t, 'a,b,c\n1,2,3\n', 'pipe', at('m'));
  t.is(wide.status, 2);
  t.regex(wide.stderr, /Expected 2 columns of numbers, as many as the network has inputs, got 3 \(a, b, c\)/);
  const learning = await eddy(t, 'a,b\n1,2\n', 'pipe', at('m'), '--learn');
  t.is(learning.status, 2);
});
