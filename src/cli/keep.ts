import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError } from '../errors.js';
import { fileAt, targetOf } from '../server/whole.js';

/**
 * Finds out before hours of learning that their result has no place. Throws ConfigError, or what the system says.
 *
 * @param option that named it
 */
export function checkPlace(path: string, option: string): void {
  accessSync(dirname(targetOf(path)), constants.W_OK);
  fileAt(path, option);
}

/**
 * Finds out before anything is written that it would be written over what is read, or over one another.
 *
 * @param read paths that are read
 * @param written paths by the option that named them; undefined where there is none
 * @throws ConfigError
 */
export function checkApart(read: readonly string[], written: Readonly<Record<string, string | undefined>>): void {
  const taken = new Map(read.map(path => [targetOf(path), 'what is read']));
  for (const [option, path] of Object.entries(written)) {
    if (path === undefined) continue;
    if (path === '') throw new ConfigError(`Expected ${option} to be the name of a file, got an empty one`);
    const other = taken.get(targetOf(path));
    if (other !== undefined)
      throw new ConfigError(`Expected ${option} and ${other} to be two files, got ${path} twice`);
    taken.set(targetOf(path), option);
  }
}
