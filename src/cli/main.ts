#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { describeFailure, isReaderGone, statuses, statusOf } from './failure.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('eddy')
  .description('Recurrent networks on live streams: a frame arrives, h(t) moves, a prediction leaves.')
  .version(version)
  .showSuggestionAfterError()
  .showHelpAfterError('(--help says what there is)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'eddy: ')) })
  .exitOverride();

/** In the order of the help. One that is asked for is loaded alone: it begins sooner without what the others need. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  pipe: async () => (await import('./pipe.js')).pipeCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  serve: async () => (await import('./serve.js')).serveCommand(),
  info: async () => (await import('./info.js')).infoCommand(),
  generate: async () => (await import('./generate.js')).generateCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
  train: async () => (await import('./train.js')).trainCommand(),
  eval: async () => (await import('./eval.js')).evalCommand(),
};

const fail = (error: unknown): void => {
  process.stderr.write(describeFailure(error));
  process.exitCode = statusOf(error);
};
process.stdout.on('error', error => {
  if (!isReaderGone(error)) fail(error);
});
// Whoever heard what is said there has gone, as with a terminal that was closed: that stops no work, and no saving.
process.stderr.on('error', () => {});

/** Of a command that is not there the name alone is looked at: its help would be that of all. */
async function runAsked(): Promise<void> {
  const all = process.argv.slice(2);
  const [first, second] = all.filter(argument => !argument.startsWith('-'));
  const name = first === 'help' ? second : first;
  const known = name !== undefined && Object.hasOwn(commands, name);
  for (const load of known ? [commands[name]] : Object.values(commands))
    program.addCommand((await load()).copyInheritedSettings(program));
  await program.parseAsync(name === undefined || known ? all : [name], { from: 'user' });
}

try {
  await runAsked();
} catch (error) {
  if (error instanceof CommanderError) {
    // Its message has been printed.
    process.exitCode = error.exitCode === 0 ? statuses.done : statuses.usage;
  } else {
    fail(error);
  }
  // Nothing is read any more: an open input would keep the process.
  process.stdin.destroy();
}
