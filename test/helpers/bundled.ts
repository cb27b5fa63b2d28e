import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { build } from 'vite';

/** A program of a page as one script, built by Vite from a folder whose packages it may import. */
export async function bundle(folder: string, program: string): Promise<string> {
  writeFileSync(join(folder, 'page.js'), program);
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { lib: { entry: 'page.js', formats: ['iife'], name: 'page', fileName: () => 'bundle.js' }, outDir: 'out' },
  });
  return readFileSync(join(folder, 'out/bundle.js'), 'utf8');
}

/** The address of a page with its script `bundle.js` and other files, under a content policy. */
export async function servePage(
  t: ExecutionContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  policy: string,
): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    response.writeHead(200, {
      'content-type': `${url.endsWith('.js') ? 'text/javascript' : 'text/html'}; charset=utf-8`,
      'content-security-policy': policy,
    });
    response.end(files[url.slice(1)] ?? '<!doctype html><script src="bundle.js"></script>');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
