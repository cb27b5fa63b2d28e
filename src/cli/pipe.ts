import { Command } from 'commander';
import { cells } from '../cells/cells.js';
import { ConfigError } from '../errors.js';
import { wants } from './answer.js';
import { examples } from './examples.js';
import { formats } from './formats/format.js';
import { checkStandardInput } from './input.js';
import type { ServerOptions } from './pipe-server.js';
import { readingLosses } from './plan.js';
import { type PumpOptions, pump } from './pump.js';
import { forecasts } from './readings.js';
import { choice, integer, names, positive } from './settings.js';
import { overflows } from './source.js';

const example = examples(
  ['cat some.txt | eddy pipe --learn', 'text, learned as it is read'],
  ['vmstat -n 1 | eddy pipe --learn', 'a forecast of the next second, every second'],
  ['vmstat -n 1 | eddy pipe --learn --loss gaussian', 'with the band in which 9 of 10 values should lie'],
  ['eddy pipe --learn --target temp --horizon 5 < log.csv', 'one column, five rows ahead'],
  ['eddy pipe --learn --anomaly < log.csv', 'and how surprising each reading was'],
  ['eddy pipe --learn --key sensor --save all.eddy --resume < fleet.csv', 'many streams, gone on with at each run'],
  ['eddy pipe all.eddy < new.csv', 'predict with what was learned, learn nothing'],
  ['arecord -f S16_LE -r 16000 | eddy pipe digits.safetensors', 'what is said, from the microphone'],
  [
    'eddy pipe demo/models/drawn-digits.safetensors < points.ndjson',
    'what is drawn: { "x", "y", "time", "up" } a line',
  ],
  ['eddy pipe --server ws://127.0.0.1:8080 < rows.txt', 'a network on a server, which may end and come back'],
);

export function pipeCommand(): Command {
  return new Command('pipe')
    .summary('predict what comes next on standard input, and learn on the way')
    .description(
      'Reads standard input, and writes one line of JSON for each step: what the network foretells, and how well it did so far.',
    )
    .argument('[checkpoint]', 'a network that was saved; without one, a new network')
    .optionsGroup('What comes in:')
    .addOption(choice('-f, --format <format>', 'how it is read (default: as it looks, else as text)', formats))
    .addOption(
      integer(
        '--sample-rate <hertz>',
        'pcm16, and f32 of a network that hears: samples a second (default: its own)',
        1000,
        400_000,
      ),
    )
    .addOption(integer('--features <n>', 'f32: numbers in a row', 1, 65_536))
    .option('--delimiter <character>', 'csv: what parts the cells (default: of , ; tab the one in the first line)')
    .addOption(names('--columns <names>', 'the columns that the network sees (default: all with numbers)'))
    .addOption(names('--ignore <names>', 'columns that it does not see'))
    .option('--key <column>', 'tells streams apart: a state for each, one network for all')
    .addOption(integer('--max-keys <n>', 'streams at most (default: 10000)', 1))
    .addOption(choice('--on-error <what>', 'at a line that cannot be read', ['skip', 'stop']).default('skip'))
    .addOption(
      choice('--overflow <how>', 'a source that is too fast waits, or loses frames', overflows).default('block'),
    )
    .addOption(integer('--queue <n>', 'frames that drop-oldest keeps (default: 1024)', 1, 1_000_000))
    .option(
      '--server <url>',
      'a network on a server, as ws://127.0.0.1:8080, instead of one here; one that goes away is waited for',
    )
    .option('--model <name>', 'with --server: which one (default: its default)')
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
    .addOption(
      positive(
        '--anomaly [deviations]',
        'of readings: say how surprising each was, and from where on it is unusual (default: 5)',
      ),
    )
    .addOption(choice('--want <what>', 'of text: how much of a prediction a line says (default: top-k)', wants))
    .addOption(integer('--top-k <k>', 'with top-k: how many (default: 3)', 1, 65_536))
    .addOption(integer('--every <n>', 'a line for every n-th step', 1).default(1))
    .option('--metrics', 'at the end, how well it went, beside the trivial predictors')
    .addOption(integer('--season <n>', 'with --metrics: rows after which the stream repeats itself', 1, 1_000_000))
    .optionsGroup('A new network:')
    .addOption(choice('--cell <kind>', 'of each layer (default: gru)', Object.keys(cells)))
    .addOption(integer('--hidden <units>', 'units of a layer (default: 128 for text, 32 for readings)', 1, 65_536))
    .addOption(integer('--layers <n>', 'layers (default: 1)', 1, 64))
    .addOption(integer('--seed <n>', 'of its first weights (default: 0)', 0))
    .optionsGroup('Learning:')
    .option('--learn', 'learn from each step, after its prediction')
    .addOption(integer('--k1 <steps>', 'steps between updates (default: 8 for text, 1 for readings)', 1, 1_000_000))
    .addOption(integer('--k2 <steps>', 'steps that the gradient passes through (default: 16)', 1, 1_000_000))
    .addOption(positive('--rate <rate>', 'learning rate of Adam (default: 0.003 for text, 0.002 for readings)'))
    .addOption(
      choice(
        '--loss <kind>',
        'of readings: what is made small (default: squared-error); gaussian foretells a band as well',
        readingLosses,
      ),
    )
    .addOption(integer('--replay <n>', 'recent windows of the same stream that join each update (default: 0)', 0, 64))
    .option('--guard', 'go back to what was good when learning goes wrong, and say so')
    .optionsGroup('What is kept:')
    .option('--save <file>', 'save the network and its streams at the end, also on Ctrl-C')
    .addOption(integer('--save-every <n>', 'and after every n steps', 1))
    .option('--resume', 'go on with the streams of the checkpoint, or of the file of --save where it is there')
    .option('--record <file>', 'write down all that decides the predictions, for eddy replay')
    .addHelpText('after', example)
    .action(async (checkpoint: string | undefined, options: PumpOptions & Partial<ServerOptions>, command: Command) => {
      const { server } = options;
      checkOptions(checkpoint, options);
      if (server !== undefined) checkServerOptions(command);
      checkStandardInput();
      if (server === undefined) return pump(checkpoint, options);
      // A network here begins sooner without the client.
      const { pipeServer } = await import('./pipe-server.js');
      return pipeServer({ ...options, server });
    });
}

/** Options that say something to a server; all others are about a network here. */
const serverOptions: ReadonlySet<string> = new Set<keyof ServerOptions>([
  'server',
  'model',
  'learn',
  'want',
  'topK',
  'every',
  'horizon',
  'k1',
  'k2',
  'rate',
  'loss',
  'replay',
  'guard',
]);

/** @throws ConfigError for an option that a network on a server would not be told of */
function checkServerOptions(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) !== 'cli' || serverOptions.has(name)) continue;
    throw new ConfigError(`Expected --server without ${option.long}: the network is on the server`);
  }
  const options = command.opts<Partial<ServerOptions>>();
  if (options.horizon === 0) throw new ConfigError('Expected --horizon to be an integer from 1 with --server, got 0');
  if (!options.learn && options.horizon !== undefined) throw new ConfigError('Expected --learn with --horizon');
}

/** @throws ConfigError if options do not go together */
function checkOptions(checkpoint: string | undefined, options: PumpOptions & Partial<ServerOptions>): void {
  const expect = (fits: boolean, message: string): void => {
    if (!fits) throw new ConfigError(message);
  };
  expect(
    options.server === undefined ||
      (checkpoint === undefined && options.save === undefined && options.record === undefined),
    'Expected --server without a checkpoint, --save or --record: the network is on the server',
  );
  expect(options.server !== undefined || options.model === undefined, 'Expected --server with --model');
  expect(options.learn === true || options.save === undefined, 'Expected --learn with --save: nothing else changes');
  for (const name of ['resume', 'guard', 'k1', 'k2', 'rate', 'loss', 'replay'] as const)
    expect(options.learn === true || options[name] === undefined, `Expected --learn with --${name}`);
  expect(
    !options.resume || checkpoint !== undefined || options.save !== undefined,
    'Expected a checkpoint or --save with --resume: the file to go on from',
  );
  expect(options.features === undefined || options.format === 'f32', 'Expected --format f32 with --features');
  expect(options.season === undefined || options.metrics === true, 'Expected --metrics with --season');
  expect(options.saveEvery === undefined || options.save !== undefined, 'Expected --save with --save-every');
  expect(
    options.delimiter === undefined || (options.format ?? 'csv') === 'csv',
    'Expected --format csv with --delimiter',
  );
  expect(
    options.delimiter === undefined || /^[^"\r\n]$/.test(options.delimiter),
    `Expected --delimiter to be one character, and no quote or line end, got ${JSON.stringify(options.delimiter)}`,
  );
  expect(
    options.queue === undefined || options.overflow === 'drop-oldest',
    'Expected --overflow drop-oldest with --queue',
  );
  expect(
    options.topK === undefined || (options.want ?? 'top-k') === 'top-k',
    `Expected --want top-k with --top-k, got ${options.want}`,
  );
  expect(
    options.forecast !== 'change' || options.horizon !== 0,
    'Expected --forecast level with --horizon 0: no row before is known',
  );
  expect(
    options.k1 === undefined || options.k2 === undefined || options.k1 <= options.k2,
    `Expected --k2 to be at least --k1 (${options.k1}), got ${options.k2}`,
  );
}
