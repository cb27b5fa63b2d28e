/** The place of a file of sessions: that it can be written there, and in nobody's stead. */
import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ServeError } from '../errors.js';
import { fileAt, targetOf } from './whole.js';

/** Finds out at the start, and not when the sessions of months have no place. */
export async function checkPlace(path: string): Promise<void> {
  const target = targetOf(path);
  fileAt(target, 'the sessions file');
  const folder = dirname(target);
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    const message = `Expected a folder for the sessions file that is there and can be written, got ${folder}`;
    throw new ServeError(`${message} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** The first of `path`, `path.2`, `path.3` and so on where there is nothing. */
export async function freePlace(path: string): Promise<string> {
  for (let number = 1; ; number++) {
    const place = number === 1 ? path : `${path}.${number}`;
    try {
      await access(place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return place;
      throw error;
    }
  }
}
