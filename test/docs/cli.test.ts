import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { environment, main } from '../helpers/cli.js';
import { deadLinks } from '../helpers/docs.js';
import { repositoryRoot } from '../helpers/repository.js';

const page = readFileSync(join(repositoryRoot, 'docs/cli.md'), 'utf8');

/** The sh blocks of the page, and the text block after each. */
const blocks = [...page.matchAll(/^```sh\n(.*?)^```\n\n```text\n(.*?)^```$/gms)].map(([, code, expected]) => ({
  code,
  expected,
}));

function shell(code: string, folder: string): Promise<string> {
  const command = `eddy() { "${process.execPath}" "${main}" "$@"; }\n${code}`;
  return new Promise((resolve, reject) => {
    execFile('bash', ['-c', command], { cwd: folder, env: environment }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}

test('the links of docs/cli.md lead somewhere', t => {
  t.deepEqual(deadLinks('docs/cli.md', page), []);
});

test('the blocks of docs/cli.md print what stands below them', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'eddy-doc-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  t.true(blocks.length >= 7);
  for (const { code, expected } of blocks) t.is(await shell(code, folder), expected, code);
});
