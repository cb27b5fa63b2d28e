import { writeFileSync } from 'node:fs';
import test from 'ava';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { eddy, folder } from '../helpers/cli.js';

test('of one thing the singular is said', async t => {
  const at = folder(t);
  const model = await createModel({
    input: { kind: 'features', size: 1 },
    layers: [{ cell: 'gru', size: 1 }],
    output: { kind: 'classes', size: 1 },
  });
  writeFileSync(at('m'), saveModel(model));
  const info = await eddy(t, '', 'info', at('m'));
  for (const row of [/^input +1 feature$/m, /^layer 0 +gru, 1 unit$/m, /^output +1 class$/m]) t.regex(info.stdout, row);
  const generate = await eddy(t, '', 'generate', at('m'));
  t.regex(generate.stderr, /got 1 feature and 1 class\n/);

  await eddy(t, 'a\n1\n', 'pipe', '--learn', '--format', 'csv', '--hidden', '2', '--record', at('record'));
  const replay = await eddy(t, '', 'replay', '--verify', at('record'));
  t.regex(replay.stdout, /^the same: 1 step, \d+ updates?\n$/);

  writeFileSync(at('one.ndjson'), '{"inputs":[[1],[2]],"target":1}\n');
  const train = await eddy(t, '', 'train', at('one.ndjson'), '--out', at('n'), '--hidden', '2', '--epochs', '1');
  t.regex(train.stdout, /^1 sequence to learn from, 0 to judge by; 1 feature, 1 value\n/);
});
