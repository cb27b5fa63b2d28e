import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { repositoryRoot } from './repository.js';

const sharedFolder = process.env.EDDY_SHARED ?? resolve(repositoryRoot, '../shared/data');

/** The absolute path of a shared data file: beside the repository, or under `EDDY_SHARED`. */
export function sharedPath(relative: string): string {
  return join(sharedFolder, relative);
}

/**
 * Declares a test that needs shared data. Where the data is missing the test is skipped with a line that says so; under
 * continuous integration (`CI` is set) it fails instead, so that proofs cannot vanish unseen.
 */
export function sharedTest(
  title: string,
  needs: string | readonly string[],
  body: (t: ExecutionContext) => void | Promise<void>,
): void {
  const missing = [needs]
    .flat()
    .map(sharedPath)
    .find(path => !existsSync(path));
  if (missing === undefined) test(title, body);
  else if (process.env.CI) test(title, t => t.fail(`${missing} is missing: set EDDY_SHARED to the shared data folder`));
  else test.skip(`${title} (skipped: ${missing} is missing)`, body);
}
