import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { Command } from 'commander';
import type { CellKind } from '../cells/cell.js';
import { cells } from '../cells/cells.js';
import { ConfigError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { createModel, type Model } from '../model/model.js';
import { isLoopback } from '../server/hosts.js';
import type { Log, ServeOptions as Options, Serveable, Server, TokenConfig } from '../server/index.js';
import { type CertificateFiles, readCertificate } from './certificate.js';
import { examples } from './examples.js';
import { describeFailure, reasonOf } from './failure.js';
import { readGiven } from './given.js';
import { letHeapGrow } from './heap.js';
import { createLearned } from './learned.js';
import { createLog, type Level, levels } from './log.js';
import { endings, findModels, type ModelFile, readModel } from './model-files.js';
import { choice, integer, names } from './settings.js';
import { onSignal } from './signals.js';
import { type Watch, watchFiles, watchModels } from './watch.js';

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly tokens?: string;
  readonly anonymous?: boolean;
  readonly origin?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly shared?: boolean;
  readonly learned?: string;
  readonly keepEvery: number;
  readonly sessions?: string;
  readonly watch: number;
  readonly log: Level;
  readonly cell?: CellKind;
  readonly hidden: number;
  readonly layers: number;
  readonly seed: number;
  readonly features?: number;
}

const example = `
A session opens a model by its name: that of its file, without what follows the
last dot; of a folder, every .eddy and .safetensors file in it. A file that
changes is taken up; open sessions stay on the version that they began with.
Sessions learn where they ask for "learn: private"; the served weights move only
with --shared, or for a token with learn-shared.

EDDY_TOKENS holds what the file of --tokens does:
[{ "name": "phones", "token": "...", "permissions": ["predict"] }]
${examples(
  ['eddy serve text.eddy', 'ws://127.0.0.1:8080, and POST /step for curl'],
  ['eddy serve models/ --port 9000', 'each checkpoint of a folder'],
  ['eddy serve --cell gru --hidden 128', 'a new network of bytes, for sessions that learn'],
  ['eddy serve --cell lstm --features 6', 'a new network of rows of six numbers'],
  ['eddy serve models/ --host 0.0.0.0 --tokens tokens.json \\\n      --tls-cert cert.pem --tls-key key.pem'],
)}`;

export function serveCommand(): Command {
  return new Command('serve')
    .summary('serve networks on a WebSocket')
    .description(
      'Serves networks on a WebSocket (eddy.v1.proto and eddy.v1.json) and on POST /step, one port for both.',
    )
    .argument('[path...]', 'networks that were saved, or folders of them')
    .addOption(integer('-p, --port <port>', 'port to listen on; 0 for any', 0, 65_535).default(8080))
    .option('--host <address>', 'address to listen on; one that others reach needs tokens', '127.0.0.1')
    .addOption(
      integer(
        '--watch <seconds>',
        'how often files are looked at for newer versions, models, certificate and tokens; 0 is never',
        0,
        86_400,
      ).default(2),
    )
    .addOption(
      choice('--log <level>', 'what is logged to standard error, a JSON record a line', levels).default('warn'),
    )
    .optionsGroup('Who may do what:')
    .option('--tokens <file>', 'who may connect, and what each may do: a JSON list')
    .option('--anonymous', 'listen where others can connect, though there are no tokens')
    .addOption(names('--origin <list>', 'web pages that may connect, as https://example.org; * is all of them'))
    .option('--tls-cert <file>', 'certificate as PEM: wss:// and https:// alone')
    .option('--tls-key <file>', 'its private key')
    .option('--shared', 'without tokens: sessions may move the served weights, for everyone')
    .optionsGroup('What is kept:')
    .option('--learned <folder>', 'keep what sessions taught the served models, and go on from it at the next start')
    .addOption(integer('--keep-every <seconds>', 'how often it is kept', 1, 86_400).default(60))
    .option('--sessions <file>', 'resumable sessions are saved there at the end, and go on at the next start')
    .optionsGroup('A new network:')
    .addOption(choice('--cell <kind>', 'serve a new network as well, named default', Object.keys(cells)))
    .addOption(integer('--hidden <units>', 'units of a layer', 1, 65_536).default(128))
    .addOption(integer('--layers <n>', 'its layers', 1, 64).default(1))
    .addOption(integer('--features <n>', 'it takes rows of n numbers, and foretells them; else bytes', 1, 65_536))
    .addOption(integer('--seed <n>', 'of its weights', 0).default(0))
    .addHelpText('after', example)
    .action(run);
}

async function run(paths: readonly string[], options: ServeOptions, command: Command): Promise<void> {
  checkOptions(paths, options, command);
  letHeapGrow();
  // The other commands begin sooner without it.
  const { serve } = await import('../server/serve.js');
  const log = await createLog(options.log);
  const learned = options.learned === undefined ? undefined : createLearned(options.learned);
  const restore = async (name: string, model: Model, digest: string): Promise<Serveable> => {
    if (learned === undefined) return model;
    const { served, updates } = await learned.restore(name, model, digest);
    if (updates > 0) log.info({ model: name, updates }, 'goes on from what was learned');
    return served;
  };
  const files = await findModels(paths);
  if (files.size === 0 && options.cell === undefined)
    throw new ConfigError(`Expected a file that ends in ${[...endings].join(' or ')} in ${paths.join(', ')}, got none`);
  const models = new Map<string, Serveable>();
  const digests = new Map<string, string>();
  for (const { name, path } of files.values()) {
    const { model, digest } = await readModel(path, paths);
    models.set(name, await restore(name, model, digest));
    digests.set(name, digest);
  }
  if (options.cell !== undefined) {
    if (models.has('default')) throw new ConfigError('Expected no checkpoint named default beside --cell');
    const config = configOf(options.cell, options);
    const digest = createHash('sha256')
      .update(JSON.stringify([config, options.seed]))
      .digest('hex')
      .slice(0, 12);
    models.set('default', await restore('default', await createModel(config, { seed: options.seed }), digest));
  }

  const certificate = certificateFiles(options);
  // Before they are read: what changes from then on is newer.
  const watch = (what: string, paths: readonly string[], take: () => Promise<void>): Promise<Watch> =>
    watchFiles(paths, take, error => log.error({ error: reasonOf(error) }, `newer ${what} not taken up`));
  const renewals: Watch[] = [];
  if (certificate !== undefined) {
    const renew = async (): Promise<void> => server?.renew(await readCertificate(certificate));
    renewals.push(await watch('certificate', [certificate.cert, certificate.key], renew));
  }
  if (options.tokens !== undefined) {
    const permit = async (): Promise<void> => server?.permit((await tokensOf(options))!);
    renewals.push(await watch('tokens', [options.tokens], permit));
  }
  const allowed = await access(options);
  const tls = certificate && (await readCertificate(certificate));
  let server: Server | undefined;
  // Whoever asked for the end, what went wrong is told after it.
  const stop = (): void => void server?.close().catch(() => {});
  // Before the sessions are taken up: from then on they are nowhere else.
  const stopping = onSignal(
    () => {
      process.stderr.write('eddy: answering what has come, then ending (Ctrl-C again ends at once)\n');
      stop();
    },
    status => process.exit(status),
  );
  const serving = await serve(Object.fromEntries(models), {
    ...allowed,
    ...(tls === undefined ? {} : { tls }),
    port: options.port,
    host: options.host,
    allowShared: options.shared ?? false,
    keepEvery: options.keepEvery * 1000,
    ...(options.sessions === undefined ? {} : { sessionsFile: options.sessions }),
    ...(learned === undefined ? {} : { keep: learned.keep }),
    log,
    onError: error => log.error({ error: error instanceof Error ? error.stack : String(error) }, 'the server failed'),
  });
  const update = async (name: string, file: ModelFile | undefined): Promise<void> => {
    if (file === undefined) {
      serving.replace(name, undefined);
      digests.delete(name);
      log.warn({ model: name }, 'file is gone: no new sessions');
      return;
    }
    const { model, digest } = await readModel(file.path, paths);
    // Written again as it was: what sessions teach the one that is served is not undone.
    if (digests.get(name) === digest) return;
    serving.replace(name, await restore(name, model, digest));
    digests.set(name, digest);
  };
  const watches = [watchPaths(paths, files, update, log), ...renewals];
  const stopWatching = options.watch > 0 ? lookEvery(options.watch, watches) : undefined;

  process.stdout.write(`eddy: serving ${[...models.keys()].join(', ')} at ${serving.url} (Ctrl-C ends)\n`);
  server = serving;
  if (stopping.status !== undefined) stop();
  await serving.closed;
  stopWatching?.();
  stopping.forget();
  await serving.close();
}

/** Before anything is read; the folder of --learned is there after it. @throws ConfigError, or what the system says of that folder */
function checkOptions(paths: readonly string[], options: ServeOptions, command: Command): void {
  if (paths.length === 0 && options.cell === undefined) {
    throw new ConfigError('Expected a checkpoint to serve, or --cell for a new network, got neither');
  }
  for (const name of ['hidden', 'layers', 'features', 'seed'] as const) {
    if (options.cell === undefined && command.getOptionValueSource(name) === 'cli')
      throw new ConfigError(`Expected --cell with --${name}: it is of a new network`);
  }
  if (options.learned === undefined && command.getOptionValueSource('keepEvery') === 'cli')
    throw new ConfigError('Expected --learned with --keep-every: the folder where it is kept');
  if (options.sessions !== undefined && isFolder(options.sessions))
    throw new ConfigError(`Expected --sessions to be a file, got the folder ${options.sessions}`);
  if (options.learned !== undefined && isFolder(options.learned) === false)
    throw new ConfigError(`Expected --learned to be a folder, got the file ${options.learned}`);
  if (options.learned !== undefined) {
    mkdirSync(options.learned, { recursive: true });
    accessSync(options.learned, constants.W_OK);
  }
}

/** Looks for newer versions of the files, which `update` takes up. */
function watchPaths(
  paths: readonly string[],
  files: ReadonlyMap<string, ModelFile>,
  update: (name: string, file: ModelFile | undefined) => Promise<void>,
  log: Log,
): Watch {
  return watchModels(
    () => findModels(paths, true),
    files,
    (name, file) =>
      update(name, file).catch(error =>
        log.error({ model: name, error: describeFailure(error).trim() }, 'newer version not taken up'),
      ),
    (name, paths) =>
      log.error(
        { model: name, files: paths },
        'several files of this name: none is taken up until the others are gone',
      ),
    error => log.error({ error: String(error) }, 'cannot look for files'),
  );
}

/** Looks every so many seconds; returns what ends that. */
function lookEvery(seconds: number, watches: readonly Watch[]): () => void {
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(async () => {
      for (const watch of watches) await watch.look();
    });
  }, seconds * 1000);
  return () => clearInterval(timer);
}

/** Undefined where there is nothing. */
function isFolder(path: string): boolean | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory();
}

/** Who may connect, from files and the environment. */
async function access(options: ServeOptions): Promise<Partial<Options>> {
  const { host, anonymous, origin, shared } = options;
  const list = await tokensOf(options);
  if (list === undefined && !anonymous && !isLoopback(host)) {
    throw new ConfigError(
      `Expected tokens to listen on ${host}, where others can connect, got none: give --tokens, or --anonymous if all may`,
    );
  }
  if (list !== undefined && shared)
    throw new ConfigError('Expected no tokens with --shared: the permission learn-shared says who may');
  return {
    ...(list === undefined ? {} : { tokens: list }),
    ...(anonymous ? { allowAnonymous: true } : {}),
    ...(origin === undefined ? {} : { origins: origin.includes('*') ? '*' : origin }),
  };
}

/** Undefined where there are none. */
async function tokensOf({ tokens }: ServeOptions): Promise<readonly TokenConfig[] | undefined> {
  const { parseTokens } = await import('../server/tokens.js');
  const text = tokens === undefined ? process.env.EDDY_TOKENS : String(await readGiven(tokens, 'a list of tokens'));
  return text === undefined ? undefined : parseTokens(text);
}

/** @throws ConfigError where there is one of two */
function certificateFiles({ tlsCert: cert, tlsKey: key }: ServeOptions): CertificateFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (cert === key) return undefined;
  throw new ConfigError('Expected --tls-cert and --tls-key together, got one of them');
}

function configOf(cell: CellKind, { hidden, layers, features }: ServeOptions): ModelConfig {
  const stack = Array.from({ length: layers }, () => ({ cell, size: hidden }));
  if (features === undefined) {
    const input = { kind: 'token', size: 256 } as const;
    return { input, layers: stack, output: { kind: 'classes', size: 256 }, encoder: { kind: 'bytes' } };
  }
  return { input: { kind: 'features', size: features }, layers: stack, output: { kind: 'values', size: features } };
}
