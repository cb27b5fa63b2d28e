import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createModel, saveModel } from '../../src/index.js';
import { browserTest, launch, open } from '../helpers/browser.js';
import { bundle, servePage } from '../helpers/bundled.js';
import { type Run, runEverywhere } from '../helpers/everywhere.js';

browserTest('the same checkpoint and inputs give the same bits in Chromium and in Node', async t => {
  const features = saveModel(
    await createModel(
      {
        input: { kind: 'features', size: 3 },
        layers: [
          { cell: 'lstm', size: 13 },
          { cell: 'gru', size: 22 },
          { cell: 'rnn_tanh', size: 5 },
          { cell: 'rnn_relu', size: 9 },
        ],
        output: { kind: 'values', size: 3 },
      },
      { seed: 3 },
    ),
  );
  const tokens = saveModel(
    await createModel(
      {
        input: { kind: 'token', size: 256 },
        layers: [{ cell: 'gru', size: 37 }],
        output: { kind: 'classes', size: 256 },
      },
      { seed: 4 },
    ),
  );
  const here = await runEverywhere(features, tokens);
  t.is(here.kernels, 'simd');
  t.true(Object.values(here.bits).reduce((sum, { length }) => sum + length, 0) > 100_000);

  const folder = mkdtempSync(join(tmpdir(), 'eddy-bits-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const program = JSON.stringify(fileURLToPath(new URL('../helpers/everywhere.js', import.meta.url)));
  const script = await bundle(folder, `import { runEverywhere } from ${program}; window.run = runEverywhere;`);
  const browser = await launch(t);
  // The lowest bit of the last weight.
  const other = features.slice();
  other[other.length - 4] ^= 1;
  const policies = { simd: "script-src 'self' 'wasm-unsafe-eval'", reference: "script-src 'self'" };
  for (const [kernels, policy] of Object.entries(policies)) {
    const { page } = await open(browser, await servePage(t, { 'bundle.js': script, features, other, tokens }, policy));
    const run = async (name: string): Promise<Run> =>
      JSON.parse(
        await page.evaluate(async file => {
          const get = async (path: string): Promise<Uint8Array> =>
            new Uint8Array(await (await fetch(path)).arrayBuffer());
          const program = (window as unknown as { run: typeof runEverywhere }).run;
          return JSON.stringify(await program(await get(file), await get('tokens')));
        }, name),
      );
    const there = await run('features');
    t.is(there.kernels, kernels, 'the policy decides what computes');
    t.deepEqual(Object.keys(there.bits), Object.keys(here.bits));
    for (const [name, expected] of Object.entries(here.bits)) {
      const found = there.bits[name];
      t.is(found.length, expected.length);
      t.is(
        found.findIndex((word, i) => word !== expected[i]),
        -1,
        `${kernels}: ${name} differs`,
      );
    }
    t.notDeepEqual((await run('other')).bits.steps, here.bits.steps, 'one bit is seen');
  }
});
