import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createModel, type ModelConfig } from '../../src/index.js';
import { serve } from '../../src/server/index.js';
import { browserTest, launch, open, textOf } from '../helpers/browser.js';
import { bundle, servePage } from '../helpers/bundled.js';
import { lineReader } from '../helpers/cli.js';
import { repositoryRoot } from '../helpers/repository.js';

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
}

let installed: string | undefined;

/** Packs the project and installs the tarball, with its dependencies, in a folder far from it: once for all tests here. */
function installTarball(t: ExecutionContext): string {
  if (installed !== undefined) return installed;
  const folder = mkdtempSync(join(tmpdir(), 'eddy-package-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const [{ filename, files }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], repositoryRoot),
  );
  const names: string[] = files.map((file: { path: string }) => file.path);
  const wanted = [
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'LICENSE',
    'bin/eddy.js',
    'dist/command/cli/LICENSES.txt',
  ];
  t.deepEqual(
    wanted.filter(name => !names.includes(name)),
    [],
  );
  t.deepEqual(
    names.filter(name => name.startsWith('dist/test') || name.startsWith('src/')),
    [],
    'neither tests nor sources are shipped',
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', join(folder, filename)],
    folder,
  );
  installed = folder;
  return folder;
}

const program = `
import { createModel, createTrainer, loadModel, saveModel } from 'eddy';
import { next, step, tbptt } from 'eddy/operators';
import { serve } from 'eddy/server';
import { remote } from 'eddy/client';
import { from, lastValueFrom, toArray } from 'rxjs';

const model = await createModel({ input: { kind: 'token', size: 4 }, layers: [{ cell: 'gru', size: 8 }], output: { kind: 'classes', size: 4 } }, { seed: 1 });
const here = await lastValueFrom(from([0, 1, 2, 3]).pipe(step(await loadModel(saveModel(model))), toArray()));
const server = await serve(model, { port: 0 });
const there = await lastValueFrom(from([0, 1, 2, 3]).pipe(remote(server.url), toArray()));
await server.close();
const events = await lastValueFrom(from([0, 1, 2, 3]).pipe(next(), tbptt(createTrainer(model, { k1: 2, k2: 2 })), toArray()));
console.log(JSON.stringify({
  equal: here.every((one, i) => one.prediction.every((p, j) => p === there[i].prediction[j])),
  updates: events.filter(event => event.kind === 'update').length,
}));
`;

test.serial('the packed package installs elsewhere, and every entry works in Node', t => {
  const folder = installTarball(t);
  writeFileSync(join(folder, 'program.js'), program);
  t.deepEqual(JSON.parse(run(process.execPath, ['program.js'], folder)), { equal: true, updates: 2 });
  const eddy = join(folder, 'node_modules/.bin/eddy');
  const command = (input: string, ...args: string[]): string =>
    execFileSync(process.execPath, [eddy, ...args], { cwd: folder, encoding: 'utf8', input, stdio: 'pipe' });
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  t.is(command('', '--version').trim(), version);
  const lines = command('a,b\n1,2\n2,3\n3,4\n', 'pipe', '--learn', '--cell', 'gru', '--hidden', '4', '--format', 'csv');
  t.is(lines.trim().split('\n').length, 3);
});

const pageProgram = `
import { createModel, createTrainer, loadModel, saveModel } from 'eddy';
import { remote } from 'eddy/client';
import { next, step, tbptt } from 'eddy/operators';
import { from, lastValueFrom, toArray } from 'rxjs';

window.run = async (address, config) => {
  const model = await createModel(config, { seed: 1 });
  const here = await lastValueFrom(from([0, 1, 2, 3]).pipe(step(await loadModel(saveModel(model))), toArray()));
  const there = await lastValueFrom(from([0, 1, 2, 3]).pipe(remote(address), toArray()));
  const events = await lastValueFrom(from([0, 1, 2, 3]).pipe(next(), tbptt(createTrainer(model, { k1: 2, k2: 2 })), toArray()));
  return {
    kernels: model.network.kernels.name,
    equal: here.every((one, i) => one.prediction.every((p, j) => p === there[i].prediction[j])),
    updates: events.filter(event => event.kind === 'update').length,
  };
};
`;

browserTest('the packed package works in a browser from a Vite build, and brings its pages', async t => {
  const folder = installTarball(t);
  const command = join(folder, 'node_modules/eddy/dist/src/cli/main.js');
  const demo = spawn(process.execPath, [command, 'demo', '--port', '0'], { cwd: folder, stdio: 'pipe' });
  t.teardown(() => demo.kill('SIGKILL'));
  const address = /http:\S+/.exec(await lineReader(demo)())![0];
  const browser = await launch(t);
  const pages = await open(browser, address);
  await textOf(pages.page, '#status', /^Live$/);

  const policy = "script-src 'self' 'wasm-unsafe-eval'";
  const url = await servePage(t, { 'bundle.js': await bundle(folder, pageProgram) }, policy);
  const { page, errors } = await open(browser, url);
  const config: ModelConfig = {
    input: { kind: 'token', size: 4 },
    layers: [{ cell: 'lstm', size: 8 }],
    output: { kind: 'classes', size: 4 },
  };
  const server = await serve(await createModel(config, { seed: 1 }));
  t.teardown(() => server.close());
  const result = await page.evaluate(
    ([where, what]) =>
      (window as unknown as { run(address: string, config: ModelConfig): Promise<unknown> }).run(where, what),
    [server.url, config] as const,
  );
  t.deepEqual(result, { kernels: 'simd', equal: true, updates: 2 });
  t.deepEqual([...errors, ...pages.errors], []);
});
