import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ExecutionContext } from 'ava';
import { build } from 'vite';
import { repositoryRoot } from './repository.js';

/** A module of the pages as Node can run it: built as the pages are. */
// biome-ignore lint/suspicious/noExplicitAny: the pages have a project of their own
export async function demoModule(t: ExecutionContext, path: string): Promise<any> {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-demo-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await build({
    configFile: join(repositoryRoot, 'demo/vite.config.js'),
    logLevel: 'error',
    publicDir: false,
    build: {
      lib: { entry: join(repositoryRoot, 'demo', path), formats: ['es'], fileName: () => 'module.mjs' },
      outDir: folder,
      minify: false,
    },
  });
  return import(pathToFileURL(join(folder, 'module.mjs')).href);
}
