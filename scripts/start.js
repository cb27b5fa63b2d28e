// Installs, builds and starts the main job: live pages at http://localhost:8080. `npm start`
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

install();
const { build } = await import('./build.js');
await build();

const main = join(root, 'dist/command/cli/main.js');
/** Pages that are open go on where they were when the server comes back. */
const sessions = ['--sessions', join(root, 'dist/demo.sessions')];
const child = spawn(process.execPath, [main, 'demo', ...sessions, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
