// Installs, builds, lints and runs every test. `npm test`, or `npm test -- dist/test/model/model.test.js` for one file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

install();
const { build, bin } = await import('./build.js');

async function run(...args) {
  const [status] = await once(spawn(process.execPath, args, { cwd: root, stdio: 'inherit' }), 'close');
  return status ?? 1;
}

const lint = run(bin('@biomejs/biome', 'biome'), 'check', '--error-on-warnings', '.');
await build();
const chosen = process.argv.slice(2);
const tests = await run(bin('ava', 'ava'), ...(chosen.length > 0 ? chosen : ['--config', 'scripts/whole.config.js']));
process.exit(tests || (await lint));
