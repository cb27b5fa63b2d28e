import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { Command } from 'commander';
import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { ConfigError } from '../errors.js';
import { loadModel } from '../model/checkpoint.js';
import type { ModelConfig } from '../model/config.js';
import { createModel, type Model } from '../model/model.js';
import { choice, integer } from './settings.js';
import { onSignal } from './signals.js';

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly cell?: CellKind;
  readonly hidden: number;
  readonly layers: number;
  readonly seed: number;
  readonly features?: number;
}

const example = `
A session opens a model by its name: that of its file, without what follows the last dot. Sessions learn where they ask for
"learn: private"; the served weights stay as they are.

Examples:
  $ eddy serve text.eddy                         ws://127.0.0.1:8080, and POST /step for curl
  $ eddy serve speech.eddy ink.eddy --port 9000
  $ eddy serve --cell gru --hidden 128           a new network of bytes, for sessions that learn
  $ eddy serve --cell lstm --features 6          a new network of rows of six numbers
`;

export function serveCommand(): Command {
  return new Command('serve')
    .summary('serve networks on a WebSocket')
    .description(
      'Serves networks on a WebSocket (eddy.v1.proto and eddy.v1.json) and on POST /step, one port for both.',
    )
    .argument('[checkpoint...]', 'networks that were saved')
    .addOption(integer('-p, --port <port>', 'port to listen on; 0 for any', 0, 65_535).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(choice('--cell <kind>', 'serve a new network as well, named default', Object.keys(cells)))
    .addOption(integer('--hidden <units>', 'units of a layer', 1, 65_536).default(128))
    .addOption(integer('--layers <n>', 'its layers', 1, 64).default(1))
    .addOption(integer('--features <n>', 'it takes rows of n numbers, and foretells them; else bytes', 1, 65_536))
    .addOption(integer('--seed <n>', 'of its weights', 0).default(0))
    .addHelpText('after', example)
    .action(run);
}

async function run(paths: readonly string[], options: ServeOptions): Promise<void> {
  if (paths.length === 0 && options.cell === undefined) {
    throw new ConfigError('Expected a checkpoint to serve, or --cell for a new network, got neither');
  }
  const models: Record<string, Model> = {};
  for (const path of paths) {
    const name = basename(path, extname(path));
    if (Object.hasOwn(models, name))
      throw new ConfigError(`Expected checkpoints of different names, got ${name} twice`);
    models[name] = await loadModel(await readFile(path));
  }
  if (options.cell !== undefined) {
    if (Object.hasOwn(models, 'default')) throw new ConfigError('Expected no checkpoint named default beside --cell');
    models.default = await createModel(configOf(options.cell, options), { seed: options.seed });
  }

  // The other commands begin sooner without it.
  const { serve } = await import('../server/serve.js');
  const server = await serve(models, { port: options.port, host: options.host });
  process.stdout.write(`eddy: serving ${Object.keys(models).join(', ')} at ${server.url} (Ctrl-C ends)\n`);
  await new Promise<void>(resolve => {
    onSignal(resolve, status => process.exit(status));
  });
  process.stderr.write('eddy: answering what has come, then ending (Ctrl-C again ends at once)\n');
  await server.close();
}

function configOf(cell: CellKind, { hidden, layers, features }: ServeOptions): ModelConfig {
  const stack = Array.from({ length: layers }, () => ({ cell, size: hidden }));
  if (features === undefined) {
    const input = { kind: 'token', size: 256 } as const;
    return { input, layers: stack, output: { kind: 'classes', size: 256 }, encoder: { kind: 'bytes' } };
  }
  return { input: { kind: 'features', size: features }, layers: stack, output: { kind: 'values', size: features } };
}
