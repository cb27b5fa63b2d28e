import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { type BlockResult, docBlocks, runBlocks } from './pages.js';
import { repositoryRoot } from './repository.js';

/** Spaces at the ends of lines are not seen on a page. */
function visible(text: string): string {
  return text.replace(/[ \t]+$/gm, '').trimEnd();
}

/**
 * Declares a test for each ts block of a page (a path from the root of the repository): it compiles, runs, and prints what
 * the page shows. The blocks of a page run in order, in one scope.
 */
export function docsTest(path: string): void {
  const blocks = docBlocks(readFileSync(join(repositoryRoot, path), 'utf8'));
  let results: Promise<BlockResult[]> | undefined;
  const run = () => {
    results ??= runBlocks(basename(path, '.md').toLowerCase(), blocks);
    return results;
  };
  test(`${path} has blocks to run`, t => {
    t.true(blocks.length > 0);
  });
  blocks.forEach(({ line, expected }, i) => {
    test(`${path}:${line} prints what the page shows`, async t => {
      const { printed, error } = (await run())[i];
      if (error !== undefined) throw error;
      if (printed === undefined) t.fail('a block before it failed');
      else
        t.is(visible(printed), visible(expected), 'the page shows (expected) what the block does not print (actual)');
    });
  });
}
