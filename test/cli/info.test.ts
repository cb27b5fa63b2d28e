import test from 'ava';
import { eddy, folder, waves } from '../helpers/cli.js';

test('a checkpoint says its network, its tensors and what its learner remembers', async t => {
  const at = folder(t);
  await eddy(t, waves(20, 2), 'pipe', '--learn', '--key', 'key', '--horizon', '2', '--hidden', '5', '--save', at('m'));
  const { stdout, status } = await eddy(t, '', 'info', at('m'));
  t.is(status, 0);
  for (const row of [
    /^input +4 features, from readings$/m,
    /^layer 0 +gru, 5 units$/m,
    /^output +2 values$/m,
    /^labels +a, b$/m,
    /^ {2}weight_ih_l0 +15 × 4$/m,
    /^ {2}readout\.weight +2 × 5$/m,
    /^learner +adam, rate 0\.002, k1 1, k2 16, lateness 1/m,
    /^streams +2: x, y|^streams +2: y, x/m,
    /^foretells +a, b, 2 ahead, as change$/m,
  ]) {
    t.regex(stdout, row);
  }
  const json = await eddy(t, '', 'info', '--json', at('m'));
  t.is(json.lines.length, 1);
  t.is(json.lines[0].config.layers[0].size, 5);
  t.deepEqual(json.lines[0].pipe.columns, { inputs: ['a', 'b'], key: 'key', targets: ['a', 'b'] });
});
