import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { servePages } from '../../src/cli/pages.js';
import { ConfigError } from '../../src/errors.js';

function pagesIn(t: ExecutionContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'eddy-pages-'));
  t.teardown(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, 'pages');
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(parent, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'index.html'), '<p>ŷ(t)</p>');
  writeFileSync(join(folder, 'assets', 'page-1a2b.js'), 'export {};');
  return folder;
}

function ask(pages: ReturnType<typeof servePages>, url: string, method = 'GET') {
  let status = 0;
  let headers: Record<string, unknown> = {};
  let body: string | undefined;
  const response = {
    writeHead(code: number, given: Record<string, unknown>) {
      status = code;
      headers = given;
    },
    end(data?: Buffer) {
      body = data?.toString();
    },
  };
  const taken = pages({ url, method } as IncomingMessage, response as unknown as ServerResponse);
  return { taken, status, headers, body };
}

test('the files of a folder are answered with their kinds', t => {
  const pages = servePages(pagesIn(t));
  for (const url of ['/', '/index.html', '/?a=/b']) {
    const { status, headers, body } = ask(pages, url);
    t.is(status, 200);
    t.is(body, '<p>ŷ(t)</p>');
    t.is(headers['content-type'], 'text/html; charset=utf-8');
    t.is(headers['content-length'], Buffer.byteLength('<p>ŷ(t)</p>'));
    t.is(headers['cache-control'], 'no-cache');
    t.regex(String(headers['content-security-policy']), /default-src 'self'/);
  }
  const script = ask(pages, '/assets/page-1a2b.js');
  t.is(script.headers['content-type'], 'text/javascript; charset=utf-8');
  t.regex(String(script.headers['cache-control']), /immutable/);
  const head = ask(pages, '/', 'HEAD');
  t.deepEqual([head.status, head.body], [200, undefined]);
});

test('nothing else is answered', t => {
  const pages = servePages(pagesIn(t));
  for (const url of [
    '/secret.txt',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets',
    '/assets/',
    '//',
    '/index.html/',
  ])
    t.false(ask(pages, url).taken, url);
  t.false(ask(pages, '/', 'POST').taken);
});

test('pages that are not built are told', t => {
  const error = t.throws(() => servePages(join(pagesIn(t), 'missing')), { instanceOf: ConfigError });
  t.regex(error.message, /npm run build/);
});
