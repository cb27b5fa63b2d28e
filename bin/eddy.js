#!/usr/bin/env node
// The command, where it is built: npm links a file that is there before that, too.
import { existsSync } from 'node:fs';

const command = new URL('../dist/command/cli/main.js', import.meta.url);
if (existsSync(command)) {
  await import(command.href);
} else {
  process.stderr.write('eddy: not built yet: npm start builds and starts it, npm run build builds it\n');
  process.exitCode = 1;
}
