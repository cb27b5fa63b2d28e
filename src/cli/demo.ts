import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ServeError } from '../errors.js';
import { loadModel } from '../model/checkpoint.js';
import type { Model } from '../model/model.js';
import { letHeapGrow } from './heap.js';
import { createLoadStream } from './load.js';
import { servePages } from './pages.js';
import { integer } from './settings.js';

interface DemoOptions {
  readonly port: number;
  readonly host: string;
  readonly sessions?: string;
}

/** Beside the built sources, here as in an installed package. */
const folder = fileURLToPath(new URL('../../demo/', import.meta.url));

export function demoCommand(): Command {
  return new Command('demo')
    .summary('live pages: networks at work on what you type, and on this machine')
    .description('Serves pages that show networks as they predict and learn, in the browser or on this server.')
    .addOption(integer('-p, --port <port>', 'port to listen on; 0 for any', 0, 65_535).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--sessions <file>', 'sessions of the pages are saved there at the end, and go on at the next start')
    .action(demo);
}

async function demo({ port, host, sessions }: DemoOptions): Promise<void> {
  letHeapGrow();
  const pages = servePages(folder);
  const load = createLoadStream();
  const models = await loadModels(join(folder, 'models'));
  const { serve } = await import('../server/serve.js');
  const server = await serve(models, {
    port,
    host,
    // Whoever names another address wants others to see the pages, which have no tokens.
    allowAnonymous: true,
    allowShared: 'own-pages',
    allowFresh: true,
    ...(sessions === undefined ? {} : { sessionsFile: sessions }),
    otherwise(request, response) {
      if (request.url?.split('?')[0] !== '/load' || request.method !== 'GET') return pages(request, response);
      load.listen(response);
      return true;
    },
  }).catch((error: unknown) => {
    const { code, syscall } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {};
    // Another port helps where it is this one that cannot be had.
    if (syscall !== 'listen' || (code !== 'EADDRINUSE' && code !== 'EACCES')) throw error;
    const other = `--port ${code === 'EADDRINUSE' && port > 0 && port < 65535 ? port + 1 : 8080}`;
    throw new ServeError(`${(error as Error).message} (eddy demo ${other}, npm start -- ${other})`, {
      cause: error,
    });
  });
  const stopped = stopSignal();
  process.stdout.write(`eddy: live at ${readable(server.httpUrl)} (Ctrl-C ends)\n`);
  await stopped;
  load.close();
  await server.close();
}

/** The networks that ship, by name, and a copy of each, `NAME.learner`, that whoever opens the pages may teach. */
async function loadModels(from: string): Promise<Record<string, Model>> {
  const models: Record<string, Model> = {};
  for (const file of readdirSync(from).filter(name => name.endsWith('.safetensors'))) {
    const bytes = readFileSync(join(from, file));
    const name = basename(file, '.safetensors');
    models[name] = await loadModel(bytes);
    models[`${name}.learner`] = await loadModel(bytes);
  }
  return models;
}

function readable(url: string): string {
  return url.replace('//127.0.0.1', '//localhost');
}

/** Resolves at the first signal; further ones change nothing, since the drain has an end of its own. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
}
