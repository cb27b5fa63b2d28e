import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ServeError } from '../errors.js';
import type { ModelConfig } from '../model/config.js';
import { createModel } from '../model/model.js';
import { createLoadStream } from './load.js';
import { servePages } from './pages.js';
import { integer } from './settings.js';

interface DemoOptions {
  readonly port: number;
  readonly host: string;
}

/** Beside the built sources, here as in an installed package. */
const folder = fileURLToPath(new URL('../../demo/', import.meta.url));

/** What the pages talk to: both know nothing at first. */
const models: Readonly<Record<string, ModelConfig>> = {
  load: {
    input: { kind: 'features', size: 3 },
    layers: [{ cell: 'gru', size: 32 }],
    output: { kind: 'values', size: 3 },
  },
  text: {
    input: { kind: 'token', size: 256 },
    layers: [{ cell: 'gru', size: 128 }],
    output: { kind: 'classes', size: 256 },
    encoder: { kind: 'bytes' },
  },
};

export function demoCommand(): Command {
  return new Command('demo')
    .summary('live pages: forecast this machine, and what you type')
    .description(
      'Serves pages that show two networks as they learn: one from the load of this machine, one from what you type.',
    )
    .addOption(integer('-p, --port <port>', 'port to listen on; 0 for any', 0, 65_535).default(8080))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .action(demo);
}

async function demo({ port, host }: DemoOptions): Promise<void> {
  const pages = servePages(folder);
  const load = createLoadStream();
  const [loadModel, textModel] = await Promise.all([createModel(models.load), createModel(models.text)]);
  // Its first forecast is that nothing changes, instead of anything.
  const { 'readout.weight': weight, 'readout.bias': bias } = loadModel.weights();
  loadModel.setWeights({ 'readout.weight': weight.fill(0), 'readout.bias': bias.fill(0) });
  const { serve } = await import('../server/serve.js');
  const server = await serve(
    { load: loadModel, text: textModel },
    {
      port,
      host,
      // Whoever names another address wants others to see the pages, which have no tokens.
      allowAnonymous: true,
      allowShared: 'own-pages',
      otherwise(request, response) {
        if (request.url?.split('?')[0] !== '/load' || request.method !== 'GET') return pages(request, response);
        load.listen(response);
        return true;
      },
    },
  ).catch((error: unknown) => {
    if (!(error instanceof ServeError)) throw error;
    throw new ServeError(`${error.message} (--port ${port === 0 ? 8080 : port + 1}, --host)`, { cause: error });
  });
  const stopped = stopSignal();
  process.stdout.write(`eddy: live at ${readable(server.httpUrl)} (Ctrl-C ends)\n`);
  await stopped;
  load.close();
  await server.close();
}

function readable(url: string): string {
  return url.replace('//127.0.0.1', '//localhost');
}

/** Resolves at the first signal; further ones change nothing, since the drain has an end of its own. */
function stopSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
}
