import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import { type BlockResult, docBlocks, runBlocks } from './pages.js';
import { repositoryRoot } from './repository.js';

/** Spaces at the ends of lines are not seen on a page. */
function visible(text: string): string {
  return text.replace(/[ \t]+$/gm, '').trimEnd();
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(markdown: string): Set<string> {
  const headings = markdown.replace(/^```.*?^```/gms, '').match(/^#+ .*$/gm) ?? [];
  const slug = (heading: string) => heading.replace(/^#+ /, '').toLowerCase();
  return new Set(
    headings.map(heading =>
      slug(heading)
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links of a page to files or headings of the repository that are not there. */
export function deadLinks(path: string, markdown: string): string[] {
  const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  return links.filter(link => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file, anchor] = link.split('#');
    const target = join(repositoryRoot, file === '' ? path : join(dirname(path), file));
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchors(readFileSync(target, 'utf8')).has(anchor);
  });
}

/**
 * Declares a test for each ts block of a page (a path from the root of the repository): it compiles, runs, and prints what
 * the page shows. The blocks of a page run in order, in one scope. One more test follows the links.
 */
export function docsTest(path: string): void {
  const markdown = readFileSync(join(repositoryRoot, path), 'utf8');
  const blocks = docBlocks(markdown);
  let results: Promise<BlockResult[]> | undefined;
  const run = () => {
    results ??= runBlocks(basename(path, '.md').toLowerCase(), blocks);
    return results;
  };
  test(`${path} has blocks to run, and its links lead somewhere`, t => {
    t.true(blocks.length > 0);
    t.deepEqual(deadLinks(path, markdown), []);
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
