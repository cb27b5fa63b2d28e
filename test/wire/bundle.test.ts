import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import test from 'ava';
import { build } from 'vite';

test('the wire runs from a bundle where there is no Node and no eval', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-wire-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const messages = JSON.stringify(fileURLToPath(new URL('../../src/wire/messages.js', import.meta.url)));
  writeFileSync(
    join(folder, 'page.js'),
    `import { decodeClient, encodeClient } from ${messages};
     const open = { type: 'open', session: 1, model: 'h(t)', resumable: false };
     const data = encodeClient(open, 'eddy.v1.proto');
     globalThis.result = [data.length, decodeClient(data, true, 'eddy.v1.proto'), encodeClient(open, 'eddy.v1.json')];`,
  );
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { lib: { entry: 'page.js', formats: ['iife'], name: 'page', fileName: () => 'bundle.js' }, outDir: 'out' },
  });
  const browser = { TextEncoder, TextDecoder, atob, btoa, result: undefined };
  vm.createContext(browser, { codeGeneration: { strings: false, wasm: false } });
  vm.runInContext(readFileSync(join(folder, 'out/bundle.js'), 'utf8'), browser);
  const result = JSON.parse(JSON.stringify(browser.result));
  t.deepEqual(result, [
    10,
    { type: 'open', session: 1, model: 'h(t)', resumable: false, nonce: '' },
    '{"session":1,"open":{"model":"h(t)"}}',
  ]);
});
