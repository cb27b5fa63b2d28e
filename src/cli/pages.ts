import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { ConfigError } from '../errors.js';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.wav': 'audio/wav',
  '.safetensors': 'application/octet-stream',
};

const headers = {
  // Nothing from another site; 'wasm-unsafe-eval' is for the kernels.
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/**
 * Answers requests for the files of a folder, as they are now: they are read once, and nothing else is ever served.
 *
 * @returns whether the request was for one of them
 * @throws ConfigError if there is no such folder, or it has no index.html
 */
export function servePages(folder: string): (request: IncomingMessage, response: ServerResponse) => boolean {
  const files = new Map(filesOf(folder).map(path => [addressOf(folder, path), { path, body: readFileSync(path) }]));
  const index = files.get('/index.html');
  if (index === undefined) {
    throw new ConfigError(`Expected the pages in ${folder}, found none: build them with npm run build`);
  }
  files.set('/', index);
  return ({ method, url }, response) => {
    const address = (url ?? '/').split('?')[0];
    const file = files.get(address);
    if (file === undefined || (method !== 'GET' && method !== 'HEAD')) return false;
    response.writeHead(200, {
      ...headers,
      'content-type': types[extname(file.path)] ?? 'application/octet-stream',
      'content-length': file.body.length,
      // The names of these carry a hash of what is in them.
      'cache-control': address.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(method === 'HEAD' ? undefined : file.body);
    return true;
  };
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath ?? entry.path, entry.name));
  } catch {
    return [];
  }
}

function addressOf(folder: string, path: string): string {
  return `/${relative(folder, path).split(sep).join('/')}`;
}
