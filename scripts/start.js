// Installs, builds and starts the main job: live pages at http://localhost:8080. `npm start`
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

install();
const { build } = await import('./build.js');
await build();

const child = spawn(process.execPath, [join(root, 'dist/src/cli/main.js'), 'demo', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
