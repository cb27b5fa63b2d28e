#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { demoCommand } from './demo.js';
import { evalCommand } from './eval.js';
import { describeFailure, isReaderGone, statuses, statusOf } from './failure.js';
import { generateCommand } from './generate.js';
import { infoCommand } from './info.js';
import { pipeCommand } from './pipe.js';
import { replayCommand } from './replay.js';
import { serveCommand } from './serve.js';
import { trainCommand } from './train.js';

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

const commands = [pipeCommand(), replayCommand(), serveCommand(), infoCommand(), generateCommand(), demoCommand()];
commands.push(trainCommand(), evalCommand());
for (const command of commands) program.addCommand(command.copyInheritedSettings(program));

const fail = (error: unknown): void => {
  process.stderr.write(describeFailure(error));
  process.exitCode = statusOf(error);
};
process.stdout.on('error', error => {
  if (!isReaderGone(error)) fail(error);
});

/** What was asked for; of a command that is not there that alone, since its help would be that of all. */
function asked(): string[] {
  const all = process.argv.slice(2);
  const [first, second] = all.filter(argument => !argument.startsWith('-'));
  const name = first === 'help' ? second : first;
  return name === undefined || commands.some(command => command.name() === name) ? all : [name];
}

try {
  await program.parseAsync(asked(), { from: 'user' });
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
