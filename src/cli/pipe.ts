import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { cells } from '../cells/cells.js';
import { ConfigError, InputError } from '../errors.js';
import { readCheckpoint } from '../model/checkpoint.js';
import type { Step } from '../model/transfer.js';
import { type Want, wants } from './answer.js';
import { assemble } from './assemble.js';
import { type Reading, readColumns } from './columns.js';
import { formats, type Malformed, type Row } from './formats/format.js';
import type { Frame } from './formats/formats.js';
import { type InputOptions, isMalformed, openFormat, peek } from './input.js';
import { writeWhole } from './keep.js';
import { makePlan, type PlanOptions } from './plan.js';
import { createProgress } from './progress.js';
import { forecasts } from './readings.js';
import { createRecorder } from './record.js';
import { run } from './run.js';
import { choice, integer, names, positive } from './settings.js';
import { onSignal } from './signals.js';
import { createSink } from './sink.js';
import { createSource, type Overflow, overflows } from './source.js';

interface PipeOptions extends PlanOptions, InputOptions {
  readonly onError: 'skip' | 'stop';
  readonly overflow: Overflow;
  readonly queue: number;
  readonly want: Want;
  readonly topK: number;
  readonly every: number;
  readonly save?: string;
  readonly saveEvery?: number;
  readonly record?: string;
}

const example = `
Examples:
  $ cat some.txt | eddy pipe --learn                     text, learned as it is read
  $ vmstat -n 1 | eddy pipe --learn                      a forecast of the next second, every second
  $ eddy pipe --learn --target temp --horizon 5 < log.csv
  $ eddy pipe --learn --key sensor --save all.eddy --save-every 1000 --resume < fleet.csv
  $ eddy pipe all.eddy < new.csv                         predict with what was learned, learn nothing
`;

export function pipeCommand(): Command {
  return new Command('pipe')
    .summary('predict what comes next on standard input, and learn on the way')
    .description(
      'Reads standard input, and writes one line of JSON for each step: what the network foretells, and how well it did so far.',
    )
    .argument('[checkpoint]', 'a network that was saved; without one, a new network')
    .optionsGroup('What comes in:')
    .addOption(choice('-f, --format <format>', 'default: as it looks; text where it looks like nothing else', formats))
    .addOption(integer('--features <n>', 'f32: numbers in a row', 1, 65_536))
    .option('--delimiter <character>', 'csv: default the one of , ; tab that the first line has')
    .addOption(names('--columns <names>', 'the columns that the network sees (default: all with numbers)'))
    .addOption(names('--ignore <names>', 'columns that it does not see'))
    .option('--key <column>', 'tells streams apart: a state for each, one network for all')
    .addOption(integer('--max-keys <n>', 'streams at most (default: 10000)', 1))
    .addOption(choice('--on-error <what>', 'at a line that cannot be read', ['skip', 'stop']).default('skip'))
    .addOption(
      choice('--overflow <how>', 'a source that is too fast waits, or loses frames', overflows).default('block'),
    )
    .addOption(integer('--queue <n>', 'frames that drop-oldest keeps', 1, 1_000_000).default(1024))
    .optionsGroup('What is foretold:')
    .addOption(names('--target <names>', 'columns to foretell (default: all that the network sees)'))
    .addOption(integer('--horizon <h>', 'steps ahead; 0: of the same row (default: 1)', 0, 100_000))
    .addOption(
      choice(
        '--forecast <what>',
        'what the network says of readings: their change, or their level (default: change)',
        forecasts,
      ),
    )
    .addOption(choice('--want <what>', 'of text: how much of a prediction a line says', wants).default('top-k'))
    .addOption(integer('--top-k <k>', 'with top-k: how many', 1, 65_536).default(3))
    .addOption(integer('--every <n>', 'a line for every n-th step', 1).default(1))
    .optionsGroup('A new network:')
    .addOption(choice('--cell <kind>', 'default: gru', Object.keys(cells)))
    .addOption(integer('--hidden <units>', 'units of a layer (default: 128 for text, 32 for readings)', 1, 65_536))
    .addOption(integer('--layers <n>', 'default: 1', 1, 64))
    .addOption(integer('--seed <n>', 'of its first weights (default: 0)', 0))
    .optionsGroup('Learning:')
    .option('--learn', 'learn from each step, after its prediction')
    .addOption(integer('--k1 <steps>', 'steps between updates (default: 8 for text, 1 for readings)', 1, 1_000_000))
    .addOption(integer('--k2 <steps>', 'steps that the gradient passes through (default: 16)', 1, 1_000_000))
    .addOption(positive('--rate <rate>', 'learning rate of Adam (default: 0.003 for text, 0.002 for readings)'))
    .optionsGroup('What is kept:')
    .option('--save <file>', 'save the network and its streams at the end, also on Ctrl-C')
    .addOption(integer('--save-every <n>', 'and after every n steps', 1))
    .option('--resume', 'go on with the streams of the checkpoint, or of the file of --save where it is there')
    .option('--record <file>', 'write down all that decides the predictions, for eddy replay')
    .addHelpText('after', example)
    .action(pipe);
}

async function pipe(argument: string | undefined, options: PipeOptions): Promise<void> {
  checkOptions(argument, options);
  const path = argument ?? (options.resume && existsSync(options.save!) ? options.save : undefined);
  const checkpoint = path === undefined ? undefined : await readFile(path);
  const config = checkpoint && readCheckpoint(checkpoint).config;
  const { stdin, stdout } = process;

  const progress = createProgress();
  const say = (text: string): void => {
    progress.hide();
    process.stderr.write(`eddy: ${text}\n`);
  };
  if (options.resume && path === undefined) say(`${options.save} is not there yet: beginning anew`);
  if (!options.learn && checkpoint === undefined) say('a new network that learns nothing says nothing: add --learn');

  const format = openFormat(options, config, stdin.isTTY);
  let bytesRead = 0;
  const source = createSource<Frame>(stdin, {
    read(chunk) {
      bytesRead += chunk.length;
      return format.read(chunk);
    },
    end: format.end,
    overflow: options.overflow,
    queue: options.queue,
  });
  const sink = createSink(stdout, stdout.isTTY ? progress.hide : undefined);

  let skipped = 0;
  const malformed = ({ line, malformed: what }: Malformed): void => {
    if (options.onError === 'stop') {
      throw new InputError(`Line ${line}: ${what}. Mend it, or pass it over with --on-error skip`);
    }
    skipped++;
    say(`line ${line}: ${what}: skipped`);
  };

  const { first, rest } = await peek(source, malformed);
  if (first === undefined) {
    say('nothing came in');
    return;
  }
  const names = typeof first === 'number' ? undefined : format.columns!;
  const { plan, leftOut } = makePlan(options, checkpoint, names, typeof first === 'number' ? undefined : first);
  if (options.format === undefined && names) say(`reading ${format.name}: ${plan.columns!.inputs.join(', ')}`);
  if (leftOut.length > 0) say(`left out, as the first row has no number there: ${leftOut.join(', ')}`);

  const recorder =
    options.record === undefined
      ? undefined
      : createRecorder(options.record, { plan, checkpoint: checkpoint?.toString('base64') ?? null });
  let steps = 0;
  let answered = 0;
  let updates = 0;
  const answer = (step: Step): void => {
    const line = task.answer(step);
    recorder?.prediction(step.prediction);
    answered++;
    if (answered % options.every === 0) sink.line(JSON.stringify(line));
  };
  const { model, task, pipeline, save } = await assemble(plan, checkpoint, options, outcome => {
    if (outcome.kind === 'step') answer(outcome.step);
    else if (outcome.kind === 'update') updates = outcome.update.count;
  });
  const keep = (): void => {
    if (options.save !== undefined) writeWhole(options.save, save());
  };
  const stopping = onSignal(
    () => {
      rest.stop();
    },
    status => {
      keep();
      process.exit(status);
    },
  );

  const rows = plan.columns && readColumns(names!, plan.columns);
  await run<number | Row>({
    source: rest as typeof rest & { take(): Promise<readonly (number | Row | Malformed)[] | null> },
    sink,
    malformed,
    settle: pipeline.settle,
    apply(raw) {
      const frame = rows ? rows(raw as Row) : (raw as number);
      if (isMalformed(frame)) return frame;
      steps++;
      recorder?.frame(task.write(frame as number | Reading));
      for (const item of task.items(frame as number | Reading)) pipeline.apply(item);
      if (options.saveEvery !== undefined && steps % options.saveEvery === 0) keep();
      return undefined;
    },
    flushed() {
      recorder?.flush();
      progress.show(steps, bytesRead, task.progress());
    },
  });

  keep();
  const finished = stopping.status === undefined && !sink.closed;
  if (finished) pipeline.finish();
  recorder?.end(model, updates, finished);
  await sink.end();
  stopping.forget();
  progress.end();
  stdin.destroy();
  summarize();
  if (stopping.status !== undefined) process.exitCode = stopping.status;

  function summarize(): void {
    const parts = [
      ...(process.stderr.isTTY ? [`${steps.toLocaleString('en')} steps`, task.progress()] : []),
      ...(rest.dropped > 0 ? [`${rest.dropped} frames dropped (--overflow ${options.overflow})`] : []),
      ...(skipped > 0 ? [`${skipped} lines skipped`] : []),
      ...(process.stderr.isTTY && options.save ? [`saved as ${options.save}`] : []),
    ].filter(part => part !== '');
    if (parts.length > 0) say(parts.join(' · '));
  }
}

/** @throws ConfigError if options do not go together */
function checkOptions(checkpoint: string | undefined, options: PipeOptions): void {
  const expect = (fits: boolean, message: string): void => {
    if (!fits) throw new ConfigError(message);
  };
  expect(options.learn === true || options.save === undefined, 'Expected --learn with --save: nothing else changes');
  expect(options.learn === true || !options.resume, 'Expected --learn with --resume');
  expect(
    !options.resume || checkpoint !== undefined || options.save !== undefined,
    'Expected a checkpoint or --save with --resume: the file to go on from',
  );
  expect(options.saveEvery === undefined || options.save !== undefined, 'Expected --save with --save-every');
  expect(
    options.delimiter === undefined || options.delimiter.length === 1,
    `Expected --delimiter to be one character, got ${JSON.stringify(options.delimiter)}`,
  );
  expect(
    options.k1 === undefined || options.k2 === undefined || options.k1 <= options.k2,
    `Expected --k2 to be at least --k1 (${options.k1}), got ${options.k2}`,
  );
}
