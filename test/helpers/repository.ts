import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function nearestPackage(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** The folder of the package that runs: the nearest one above this file with a package.json. */
export const packageFolder = nearestPackage();

/** The folder of the sources and pages: the same, links followed. */
export const repositoryRoot = dirname(realpathSync(join(packageFolder, 'package.json')));
