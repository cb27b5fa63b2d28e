import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { ConfigError } from '../errors.js';
import { wants } from './answer.js';
import { assemble } from './assemble.js';
import { chooseColumns, type Reading, readColumns } from './columns.js';
import { type FormatName, formats, type Malformed, type Row } from './formats/format.js';
import { createFormat, type Frame } from './formats/formats.js';
import { run } from './run.js';
import { choice, integer, names, positive } from './settings.js';
import { createSink } from './sink.js';
import { createSource, type Overflow, overflows, type Source } from './source.js';
import type { Task } from './task.js';

interface PipeOptions {
  readonly format?: FormatName;
  readonly features?: number;
  readonly delimiter?: string;
  readonly columns?: readonly string[];
  readonly ignore?: readonly string[];
  readonly key?: string;
  readonly target?: readonly string[];
  readonly horizon: number;
  readonly onError: 'skip' | 'stop';
  readonly overflow: Overflow;
  readonly queue: number;
  readonly learn?: boolean;
  readonly cell: CellKind;
  readonly hidden?: number;
  readonly layers: number;
  readonly seed: number;
  readonly k1?: number;
  readonly k2?: number;
  readonly rate?: number;
  readonly want: (typeof wants)[number];
  readonly topK: number;
}

export function pipeCommand(): Command {
  return new Command('pipe')
    .summary('step a network with each thing that comes in, and say what it foretells')
    .description('Reads standard input and writes one line of JSON a step.')
    .argument('[checkpoint]', 'the network; without one, a new network')
    .addOption(choice('-f, --format <format>', 'what comes in', formats))
    .addOption(integer('--features <n>', 'numbers in a row of f32', 1, 65_536))
    .option('--delimiter <character>', 'between the cells of csv')
    .addOption(names('--columns <names>', 'the columns that the network sees'))
    .addOption(names('--ignore <names>', 'columns that it does not see'))
    .option('--key <column>', 'the column that tells many streams apart')
    .addOption(names('--target <columns>', 'the columns that are foretold'))
    .addOption(integer('--horizon <h>', 'how many steps ahead', 0, 100_000).default(1))
    .addOption(choice('--on-error <what>', 'a line that cannot be read', ['skip', 'stop']).default('skip'))
    .addOption(choice('--overflow <how>', 'a source that is faster than the network', overflows).default('block'))
    .addOption(integer('--queue <n>', 'how many drop-oldest keeps', 1).default(1024))
    .option('--learn', 'learn from what comes in')
    .addOption(choice('--cell <kind>', 'the kind of cell', Object.keys(cells)).default('gru'))
    .addOption(integer('--hidden <units>', 'units of a layer', 1, 65_536))
    .addOption(integer('--layers <n>', 'layers', 1, 64).default(1))
    .addOption(integer('--seed <n>', 'of the first weights', 0).default(0))
    .addOption(integer('--k1 <steps>', 'steps between updates', 1))
    .addOption(integer('--k2 <steps>', 'steps that the gradient passes through', 1))
    .addOption(positive('--rate <rate>', 'learning rate'))
    .addOption(choice('--want <what>', 'how much of a prediction over classes', wants).default('top-k'))
    .addOption(integer('--top-k <k>', 'how many of the likeliest', 1).default(3))
    .action(pipe);
}

async function pipe(checkpoint: string | undefined, options: PipeOptions): Promise<void> {
  const sink = createSink(process.stdout);
  const bytes = checkpoint === undefined ? undefined : await readFile(checkpoint);
  const format = createFormat(options.format, {
    features: options.features,
    delimiter: options.delimiter,
    encode: { read: chunk => Array.from(chunk), end: () => [] },
  });
  const source = createSource<Frame>(process.stdin, {
    read: format.read,
    end: format.end,
    overflow: options.overflow,
    queue: options.queue,
  });
  const malformed = ({ line, malformed: what }: Malformed): void => {
    if (options.onError === 'stop') throw new ConfigError(`line ${line}: ${what}`);
    process.stderr.write(`eddy: line ${line}: ${what}: skipped\n`);
  };

  const { first, rest } = await peek(source, malformed);
  if (first === undefined) return;
  const columns = typeof first === 'number' ? undefined : chooseColumns(format.columns!, first, options);
  const rows = columns && readColumns(format.columns!, columns);
  const hidden = options.hidden ?? (columns ? 32 : 128);
  const { task, pipeline } = await assemble(
    {
      columns,
      horizon: options.horizon,
      forecast: 'change',
      layers: Array.from({ length: options.layers }, () => ({ cell: options.cell, size: hidden })),
      seed: options.seed,
      learn: options.learn ?? false,
      trainer: {
        k1: options.k1,
        k2: options.k2,
        ...(options.rate === undefined ? {} : { optimizer: { kind: 'adam', rate: options.rate } }),
      },
      want: options.want,
      topK: options.topK,
    },
    bytes,
    outcome => {
      if (outcome.kind === 'step') sink.line(JSON.stringify(task.answer(outcome.step)));
    },
  );
  await run({
    source: rest,
    sink,
    task: task as Task<number | Reading>,
    pipeline,
    frame: frame => (rows ? rows(frame as Row) : (frame as number)),
    malformed,
    stopped: () => false,
  });
  if (!sink.closed) pipeline.finish();
  await sink.end();
  process.stderr.write(`eddy: ${task.progress()}\n`);
  process.stdin.destroy();
}

/** The first frame that can be read, and a source that begins with it. */
async function peek(
  source: Source<Frame>,
  malformed: (line: Malformed) => void,
): Promise<{ first: number | Row | undefined; rest: Source<Frame> }> {
  for (;;) {
    const frames = await source.take();
    if (frames === null) return { first: undefined, rest: source };
    const good = frames.findIndex(frame => typeof frame === 'number' || !('malformed' in frame));
    for (const frame of frames.slice(0, good < 0 ? undefined : good)) malformed(frame as Malformed);
    if (good < 0) continue;
    let waiting: readonly Frame[] | undefined = frames.slice(good);
    const rest: Source<Frame> = {
      get dropped() {
        return source.dropped;
      },
      stop: source.stop,
      async take() {
        const held = waiting;
        waiting = undefined;
        return held ?? source.take();
      },
    };
    return { first: frames[good] as number | Row, rest };
  }
}
