import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { build } from 'vite';
import { repositoryRoot } from './repository.js';

const demo = join(repositoryRoot, 'demo');
/** Of what the pages consist of, that which needs no browser. */
const folders = ['draw', 'inside', 'parts', 'sense', 'type'];
const out = mkdtempSync(join(tmpdir(), 'eddy-demo-'));
test.after.always(() => rmSync(out, { recursive: true, force: true }));

let built: Promise<unknown> | undefined;

function buildAll(): Promise<unknown> {
  const modules = folders.flatMap(folder => readdirSync(join(demo, folder)).map(name => `${folder}/${name}`));
  const entry = Object.fromEntries(
    modules.filter(path => path.endsWith('.ts')).map(path => [path.replace(/\.ts$/, ''), join(demo, path)]),
  );
  return build({
    configFile: join(demo, 'vite.config.js'),
    logLevel: 'error',
    publicDir: false,
    build: { lib: { entry, formats: ['es'], fileName: (_, name) => `${name}.mjs` }, outDir: out, minify: false },
  });
}

/** A module of the pages as Node can run it: built as the pages are, all of them once. */
// biome-ignore lint/suspicious/noExplicitAny: the pages have a project of their own
export async function demoModule(path: string): Promise<any> {
  built ??= buildAll();
  await built;
  return import(pathToFileURL(join(out, path.replace(/\.ts$/, '.mjs'))).href);
}
