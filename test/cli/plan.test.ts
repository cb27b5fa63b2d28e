import test from 'ava';
import { makePlan, type PlanOptions } from '../../src/cli/plan.js';
import { ConfigError } from '../../src/errors.js';
import { saveModel } from '../../src/model/checkpoint.js';
import { createModel } from '../../src/model/model.js';
import { saveTrainer } from '../../src/training/checkpoint.js';
import { createTrainer } from '../../src/training/trainer.js';

const names = ['id', 'a', 'b'];
const first = { line: 2, cells: [7, 1, 2] };
const layers = [{ cell: 'gru', size: 2 }] as const;

test('the column of the key is neither seen nor foretold, also where it is named', t => {
  for (const columns of [undefined, ['id', 'a', 'b']]) {
    const { plan } = makePlan({ key: 'id', columns }, undefined, names, first);
    t.deepEqual(plan.columns, { key: 'id', inputs: ['a', 'b'], targets: ['a', 'b'] });
  }
});

test('what has no meaning for the input or the checkpoint is refused', async t => {
  const input = { kind: 'features', size: 6 } as const;
  const model = await createModel({ input, layers, output: { kind: 'values', size: 3 } });
  const elsewhere = saveModel(model);
  const columns = { inputs: names, targets: names };
  const extra = { writer: 'eddy pipe', columns, horizon: 1, forecast: 'change', task: null };
  const own = saveTrainer(createTrainer(model), new Map(), extra);
  const refused = (options: PlanOptions, message: RegExp, checkpoint?: Uint8Array) =>
    t.throws(() => makePlan(options, checkpoint, names, first), { instanceOf: ConfigError, message });
  refused({ maxKeys: 3 }, /Expected --key with --max-keys/);
  refused({ maxKeys: 3 }, /Expected --key with --max-keys/, own);
  refused({ maxKeys: 3 }, /Expected --key with --max-keys/, elsewhere);
  refused({ want: 'none' }, /Expected text with --want, got rows/);
  refused({ topK: 3 }, /Expected text with --top-k, got rows/);
  refused({ ignore: ['x', 'b'] }, /Expected --ignore to name columns that the checkpoint does not, got b/, own);
  for (const options of [{ target: ['a'] }, { horizon: 1 }, { forecast: 'level' }, { metrics: true }] as const)
    refused(options, /Expected a checkpoint of eddy pipe with --\w+, got another/, elsewhere);
  t.throws(() => makePlan({ maxKeys: 3 }, undefined, undefined, undefined), { message: /--key with --max-keys/ });
});
