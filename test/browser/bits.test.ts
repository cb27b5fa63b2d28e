import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { build } from 'vite';
import { createModel, saveModel } from '../../src/index.js';
import { browserTest, launch, open } from '../helpers/browser.js';
import { type Run, runEverywhere } from '../helpers/everywhere.js';

/** The program as one script for a page, under `window.run`. */
async function bundle(t: ExecutionContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-bits-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const program = JSON.stringify(fileURLToPath(new URL('../helpers/everywhere.js', import.meta.url)));
  writeFileSync(join(folder, 'page.js'), `import { runEverywhere } from ${program}; window.run = runEverywhere;`);
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { lib: { entry: 'page.js', formats: ['iife'], name: 'page', fileName: () => 'bundle.js' }, outDir: 'out' },
  });
  return readFileSync(join(folder, 'out/bundle.js'), 'utf8');
}

/** A page with that script, under a content policy. */
async function servePage(t: ExecutionContext, script: string, policy: string): Promise<string> {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/bundle.js';
    response.writeHead(200, {
      'content-type': `${isScript ? 'text/javascript' : 'text/html'}; charset=utf-8`,
      'content-security-policy': policy,
    });
    response.end(isScript ? script : '<!doctype html><link rel="icon" href="data:,"><script src="bundle.js"></script>');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

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

  const script = await bundle(t);
  const browser = await launch(t);
  const policies = { simd: "script-src 'self' 'wasm-unsafe-eval'", reference: "script-src 'self'" };
  for (const [kernels, policy] of Object.entries(policies)) {
    const { page } = await open(browser, await servePage(t, script, policy));
    const run = (a: Uint8Array): Promise<Run> =>
      page.evaluate(
        ([first, second]) =>
          (window as unknown as { run: typeof runEverywhere }).run(Uint8Array.from(first), Uint8Array.from(second)),
        [[...a], [...tokens]] as const,
      );
    const there = await run(features);
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
    // The lowest bit of the last weight.
    const other = features.slice();
    other[other.length - 4] ^= 1;
    t.notDeepEqual((await run(other)).bits.steps, here.bits.steps, 'one bit is seen');
  }
});
